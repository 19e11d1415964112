"""What the encoders that run a tuned backbone have in common."""

from abc import abstractmethod
from collections.abc import Sequence

from vtagml.backbone import Backbone, recomputed, staged
from vtagml.encoders.encoder import Encoder
from vtagml.tuning import Full, Tuning


class Tuned(Encoder):
    """A tuned backbone; a sibling says how tasks run through it.

    Args:
        tasks: Names of the tasks.
        backbone: The network that makes the pyramid.
        tuning: What of it learns.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = Full(),  # noqa: B008 -- it has no state
        checkpointing: bool = False,
    ) -> None:
        super().__init__(tasks, backbone.channels)
        self.tuning, self.checkpointing = tuning, checkpointing
        tuning.tune(backbone)
        if checkpointing:
            staged(backbone).run = recomputed
        self.take(backbone)

    @abstractmethod
    def take(self, backbone: Backbone) -> None:
        """Keeps the tuned backbone, in whichever form it will run."""

    def fold(self) -> None:
        if self.tuning.mergeable(self):
            self.merge()

    @abstractmethod
    def merge(self) -> None:
        """Brings what tuned the backbone back to the layers and keys of timm."""
