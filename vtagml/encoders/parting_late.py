"""What the encoders have in common whose tasks part at the last block of each stage."""

from abc import abstractmethod

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.affinity import Fork
from vtagml.backbone import Backbone, Place, staged
from vtagml.encoders.encoder import of_each_task
from vtagml.encoders.tuned import Tuned


class PartingLate(Tuned):
    """One tuned stream up to the last block of each stage, which each task passes on its own.

    What the stream's own pass of that block gives enters the next stage; behind the last stage
    there is none. The fork captures gradients where those blocks begin, of all stages as if they
    were one representation.
    """

    def take(self, backbone: Backbone) -> None:
        self.backbone = staged(backbone)
        self.last = self.backbone.last_places()
        self.fork = Fork(len(self.tasks))

    @abstractmethod
    def leave(
        self,
        place: Place,
        streams: Float[Tensor, "task batch *tokens channels"],
        size: tuple[int, int],
    ) -> Float[Tensor, "task batch *tokens channels"]:
        """Returns what leaves the last block of a stage for each task.

        Args:
            place: The block's.
            streams: What enters it.
            size: Height and width of the image.
        """

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        size = (image.shape[-2], image.shape[-1])
        entering: list[Tensor] = []

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            if place in self.last:
                entering.append(tokens)
            if place == self.last[-1]:
                return tokens
            return self.backbone.pass_through(place, layer, tokens)

        for _ in self.backbone.walk(image, visit):
            pass  # of the stream only what enters the last blocks is read
        streams = self.fork.expand(entering)
        leaving = [
            self.leave(place, each, size).flatten(0, 1)
            for place, each in zip(self.last, streams, strict=True)
        ]
        return of_each_task(self.tasks, (), self.backbone.pyramid(leaving, size))
