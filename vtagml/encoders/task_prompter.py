"""TaskPrompter: prompts of all tasks run through a ViT among its patches and ask for their maps."""

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters import TaskMap, Windows, frozen_block
from vtagml.backbone import LEVELS, STRIDES, Backbone, Place, ViT
from vtagml.backbone.vit import at_stride
from vtagml.encoders.tuned import Tuned
from vtagml.of_tasks import OfTasks, RowsOfTasks
from vtagml.tuning import Full, Tuning


class Asked(NamedTuple):
    """What the prompts found in the last block of a quarter.

    Attributes:
        tokens: Of the patches.
        scores: How well a prompt's query fits a patch's key, for every head.
        weights: Of the places, for the channels.
    """

    tokens: Float[Tensor, "batch place channels"]
    scores: Float[Tensor, "batch heads task place"]
    weights: Float[Tensor, "batch task place"]


class TaskPrompter(Tuned):
    """A prompt per task goes through the blocks with the patches, and asks for the task's maps.

    TaskPrompter (ICLR 2023), without its reweighting across tasks. At the end of each quarter of
    the blocks a task's level is made of the patches twice over: every head's channels times one
    plus the fit of the task's prompt to the patch, and every channel times one plus what the
    prompt's weights of the places find in the patch's window (`TaskMap`).

    Note:
        The release has batch normalisation where a group norm stands here: no statistics are taken
        across images. Its levels are the sum that a decoder reads; ours go to any decoder, resized
        to their strides. The class token stays among the tokens, if the backbone has one.

        Prompts see one another in every block, so the streams mix: no affinity is captured.

    Args:
        tasks: Names of the tasks.
        backbone: A ViT.
        tuning: What of it learns. TaskPrompter trains all; with `MoEfiedLoRA` it is EMTAL's.
        width: Channels of a task's levels.
        windows: How many windows of the image have channel weights of their own: a square number.
        checkpointing: Whether the backward computes the blocks again instead of keeping their
            activations: the same numbers, less memory, more time.
    """

    apart = False

    def __init__(
        self,
        tasks: Sequence[str],
        backbone: Backbone,
        tuning: Tuning = Full(),  # noqa: B008 -- it has no state
        width: int = 64,
        windows: int = 4,
        checkpointing: bool = False,
    ) -> None:
        if not isinstance(backbone, ViT):
            raise ValueError(
                f"`backbone` must be a ViT, found {type(backbone).__name__}: prompts have no place "
                "among windows."
            )
        self.width, self.windows = width, windows
        super().__init__(tasks, backbone, tuning, checkpointing)
        self.channels = (width,) * LEVELS

    def take(self, backbone: Backbone) -> None:
        self.backbone = network = cast(ViT, backbone)
        (channels, *_), places, self.last = (
            network.channels,
            network.places(),
            network.last_places(),
        )
        self.blocks = {place: frozen_block(network, network.block(place)) for place in places}
        self.grid = self.blocks[places[0]].window
        positions = self.grid[0] * self.grid[1]
        prompts = nn.init.trunc_normal_(torch.empty(len(self.tasks), channels), mean=1.0)
        self.prompts = RowsOfTasks(self.tasks, prompts)
        self.weigh = nn.ModuleDict({str(each): nn.Linear(channels, positions) for each in places})
        # Behind the last block nobody reads the prompts.
        self.gather = nn.ModuleDict(
            {str(each): nn.Linear(positions, channels) for each in places[:-1]}
        )
        self.cut = Windows(self.grid, self.windows)
        self.maps = nn.ModuleDict(
            {
                str(place): OfTasks({task: TaskMap(channels, self.width) for task in self.tasks})
                for place in self.last
            }
        )

    def forward(
        self,
        image: Float[Tensor, "batch 3 height width"],
        omega: Float[Tensor, "task source"],
    ) -> dict[str, list[Tensor]]:
        network, size = self.backbone, (image.shape[-2], image.shape[-1])
        self._check(size)
        asked: dict[Place, Asked] = {}

        def visit(place: Place, layer: nn.Module, tokens: Tensor) -> Tensor:
            if place.block == 0:
                return self._joined(layer(tokens)) if place.stage == 1 else layer(tokens)
            tokens, scores, weights = network.run(self._pass, place, tokens)
            if place in self.last:
                read = network.model.norm(tokens) if place == self.last[-1] else tokens
                patches = read[:, network.prefix_tokens : -len(self.tasks)]
                asked[place] = Asked(patches, scores, weights)
            return tokens

        for _ in network.walk(image, visit):
            pass  # the levels are made of what the prompts found
        levels = [self._level(place, asked[place], size) for place in self.last]
        return {task: [level[task] for level in levels] for task in self.tasks}

    def merge(self) -> None:
        self.tuning.merge(self.backbone)

    def _joined(self, tokens: Tensor) -> Tensor:
        prompts = self.prompts.rows.to(tokens).expand(len(tokens), -1, -1)
        return torch.cat([tokens, prompts], dim=1)

    def _pass(self, place: Place, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Runs a block; returns also how prompts fit the patches and weigh the places."""
        block, count = self.blocks[place], len(self.tasks)
        attention, feed_forward = block.norms
        normed = attention(tokens)
        logits, values = block.attention(normed)
        attended = block.gather(logits.softmax(-1) @ values, normed)
        tokens = tokens + block.block.drop_path1(attended)
        weights = self.weigh[str(place)](normed[:, -count:])
        if str(place) in self.gather:
            added = self.gather[str(place)](weights)
            tokens = tokens + F.pad(added, (0, 0, tokens.shape[1] - count, 0))
        fed = block.sublayer(feed_forward, block.feed_forward, tokens)
        # The plain products of queries and keys: neither scaled nor through a softmax.
        fit = logits[:, 0, :, -count:, self.backbone.prefix_tokens : -count]
        tokens = tokens + block.block.drop_path2(fed)
        if str(place) in self.backbone.behind:
            tokens = self.backbone.behind[str(place)](tokens)
        return tokens, fit / block.block.attn.scale, weights

    def _level(self, place: Place, asked: Asked, size: tuple[int, int]) -> dict[str, Tensor]:
        """The map of each task at the stride of a quarter."""
        tokens = asked.tokens[:, None]
        fit = asked.scores.permute(0, 2, 3, 1).unsqueeze(-1)  # [batch, task, place, head, 1]
        spatial = tokens.unflatten(-1, (fit.shape[-2], -1)) * (1 + fit)
        channel = tokens * (1 + self.cut(asked.weights, asked.tokens))
        both = torch.cat([spatial.flatten(-2), channel], dim=-1)
        both = both.movedim(-1, 2).unflatten(-1, self.grid)
        stride = STRIDES[place.stage - 1]
        maps = cast(OfTasks, self.maps[str(place)])
        return {
            task: at_stride(stride, maps[task](both[:, row]), size)
            for row, task in enumerate(self.tasks)
        }

    def _check(self, size: tuple[int, int]) -> None:
        rows, columns = self.backbone.model.patch_embed.patch_size
        if (size[0] // rows, size[1] // columns) != self.grid:
            raise ValueError(
                "TaskPrompter weighs the places of images of one size, "
                f"{self.backbone.image_size}, found {size}: set the backbone's `image_size` to "
                "the data's."
            )
