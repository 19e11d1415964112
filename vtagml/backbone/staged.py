"""Backbones that run stage by stage and block by block: the one walk over them."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple, Protocol

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone.backbone import Backbone
from vtagml.backbone.checkpointing import Run, straight
from vtagml.backbone.places import Place, chosen_places
from vtagml.backbone.timm_backbone import HUB, TimmBackbone

Visit = Callable[[Place, nn.Module, Tensor], Tensor]
"""Takes a place of the walk, the layer that stands there and its input; returns its output."""


class Stage(NamedTuple):
    """A stage of a backbone: what changes resolution and width, then blocks that keep both."""

    downsample: nn.Module
    blocks: Sequence[nn.Module]


class Kept(Protocol):
    """What keeps, for each image, what the first layers make of it.

    Attributes:
        layers: How many.
    """

    layers: int

    def __call__(
        self,
        image: Float[Tensor, "batch 3 height width"],
        begin: Callable[[Tensor, int], list[Tensor]],
    ) -> list[Tensor]:
        """Returns what `begin` would, of so many layers."""


class StagedBackbone(TimmBackbone):
    """A backbone that runs as stem, then stages of blocks, so that adapters find their place.

    Attributes:
        behind: Modules that the walk calls with the output of a block, by the block's place.
        run: How blocks are run: `recomputed` keeps none of their activations for the backward.
        tunable: Which places a tuning finds that asks for all; null for all there are.
        kept: Keeps what the first, frozen layers make of images; none if they run every time.
    """

    unused: tuple[str, ...] = ("head.", "norm.", "fc_norm.")
    attention = ("attn.qkv", "attn.proj")
    """The linear layers of a block's attention."""
    feed_forward = ("mlp.fc1", "mlp.fc2")
    """Those of its feed-forward network."""
    outputs = ("attn.proj", "mlp.fc2")
    """The last layers of a block's residual branches."""

    def __init__(
        self,
        architecture: str,
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)
        self.behind = nn.ModuleDict()
        self.run: Run = straight
        self.tunable: Sequence[Place] | None = None
        self.kept: Kept | None = None

    @property
    @abstractmethod
    def stages(self) -> list[Stage]:
        """The four stages, in order."""

    @abstractmethod
    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        """Returns the tokens that enter the first stage."""

    @abstractmethod
    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the map of a stage's output tokens: channels second, at stride 4 · 2^stage.

        Args:
            stage: Index of the stage.
            tokens: Its output.
            size: Height and width of the image.
        """

    def summary(self, tokens: Tensor) -> Sequence[Float[Tensor, "batch channels"]]:
        """What the last stage's tokens say of the whole image; here nothing but the maps."""
        return ()

    def forward(
        self, image: Float[Tensor, "batch 3 height width"], visit: Visit | None = None
    ) -> list[Tensor]:
        """Walks over all stages and blocks.

        What is frozen in front of the first thing that trains leaves no graph, since nothing there
        requires a gradient.

        Args:
            image: Values in [0, 1].
            visit: What is done at a place; by default its layer is run, then what stands behind.
                Block 0 of a stage is what changes resolution and width.
        """
        size = (image.shape[-2], image.shape[-1])
        return self.pyramid(self.walk(image, visit), size)

    def walk(
        self, image: Float[Tensor, "batch 3 height width"], visit: Visit | None = None
    ) -> Iterator[Tensor]:
        """Yields the tokens that leave each stage, as `forward` says."""
        visit = visit or self.pass_through
        begun = 0 if self.kept is None else self.kept.layers
        found = self.begin(image, 0) if self.kept is None else self.kept(image, self.begin)
        ends, tokens = self._ends(), found[-1]
        yield from found[: sum(end <= begun for end in ends)]
        for count, (place, layer) in enumerate(self.layers()[begun:], start=begun + 1):
            tokens = visit(place, layer, tokens)
            if count in ends:
                yield tokens

    def layers(self) -> list[tuple[Place, nn.Module]]:
        """All that a walk passes behind the stem, with its place."""
        return [
            (Place(number, index), layer)
            for number, stage in enumerate(self.stages, start=1)
            for index, layer in enumerate((stage.downsample, *stage.blocks))
        ]

    def begin(self, image: Float[Tensor, "batch 3 height width"], layers: int) -> list[Tensor]:
        """Runs stem and first layers as they are.

        Args:
            image: Values in [0, 1].
            layers: How many.

        Returns:
            The tokens that leave each stage which ends among them; and those that enter the next
            layer, if a stage does not end there.
        """
        tokens = self.stem(self.normalize(image))
        ends, leaving = self._ends(), []
        for count, (_, layer) in enumerate(self.layers()[:layers], start=1):
            tokens = layer(tokens)
            if count in ends:
                leaving.append(tokens)
        return leaving if layers in ends else [*leaving, tokens]

    def frozen_layers(self) -> int:
        """How many layers stand in front of the first thing that trains."""
        layers = [layer for _, layer in self.layers()]
        inside = {id(each) for layer in layers for each in layer.parameters()}
        if any(each.requires_grad and id(each) not in inside for each in self.model.parameters()):
            return 0  # the stem, or what has no place among the layers
        trains = (
            str(place) in self.behind or any(each.requires_grad for each in layer.parameters())
            for place, layer in self.layers()
        )
        return next((count for count, each in enumerate(trains) if each), len(layers))

    def _ends(self) -> list[int]:
        """How many layers there are up to the end of each stage."""
        return list(accumulate(1 + len(stage.blocks) for stage in self.stages))

    def pyramid(
        self, leaving: Iterable[Tensor], size: tuple[int, int], first: int = 0
    ) -> list[Tensor]:
        """Returns the maps, and the summary, of the tokens that leave the stages.

        Args:
            leaving: Tokens up to those of the last stage. Each becomes its map before the next are
                asked for: gradients are added up in the order of what was computed.
            size: Height and width of the image.
            first: Index of the stage that the first of them leave.
        """
        maps = []
        for stage, tokens in enumerate(leaving, first):
            maps.append(self.level(stage, tokens, size))
        return [*maps, *self.summary(tokens)]

    def pass_through(self, place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
        """Returns the output of the layer at a place and of what stands behind it."""
        if place.block == 0:
            return layer(tokens)
        if str(place) in self.behind:
            return self.run(_in_turn, layer, self.behind[str(place)], tokens)
        return self.run(layer, tokens)

    def places(self, blocks: Sequence[tuple[int, int]] | None = None) -> list[Place]:
        """Returns the places of the blocks that a setting names, or of all, in the walk's order."""
        depths = [len(stage.blocks) for stage in self.stages]
        if blocks is not None:
            return chosen_places(depths, blocks)
        if self.tunable is not None:
            return list(self.tunable)
        return [
            Place(stage, block)
            for stage, depth in enumerate(depths, start=1)
            for block in range(1, depth + 1)
        ]

    def last_places(self) -> list[Place]:
        """The last block of each stage."""
        return [Place(stage, len(each.blocks)) for stage, each in enumerate(self.stages, start=1)]

    def block(self, place: Place) -> nn.Module:
        """The block at a place."""
        return self.stages[place.stage - 1].blocks[place.block - 1]

    def standing_at(self, place: Place) -> nn.Module:
        """The block at a place and what stands behind it."""
        block = self.block(place)
        if str(place) in self.behind:
            return nn.Sequential(block, self.behind[str(place)])
        return block

    def replace(self, block: nn.Module, layer: str, make: Callable[[nn.Module], nn.Module]) -> None:
        """Puts in the place of a layer of a block what is made of it, for good."""
        block.set_submodule(layer, make(block.get_submodule(layer)))


def staged(backbone: Backbone) -> StagedBackbone:
    """Returns the backbone, if it shows its blocks."""
    if isinstance(backbone, StagedBackbone):
        return backbone
    raise ValueError(
        f"`backbone` must be SwinV2, Swin or ViT, found {type(backbone).__name__}: "
        f"{backbone.closed}, so that nothing can stand in or between its blocks. The tunings Full, "
        "Frozen and BitFit run on every backbone, without checkpointing."
    )


def _in_turn(first: nn.Module, second: nn.Module, tokens: Tensor) -> Tensor:
    return second(first(tokens))
