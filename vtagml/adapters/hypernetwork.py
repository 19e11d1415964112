"""Networks whose output is the weights of adapters."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.bottleneck import narrow_width
from vtagml.adapters.generated_bottleneck import BottleneckWeights
from vtagml.of_tasks import RowsOfTasks


class HyperNetwork(nn.Module):
    """Generates a bottleneck for every task behind every block.

    A projector makes one vector of a task's and a block's embedding, of unit length, so that the
    weights that a linear generator makes of it start as large as the generator's own. Blocks of one
    width have one generator.

    Args:
        tasks: Names of the tasks.
        widths: Channels of each block, by the name of its place.
        embedding: Length of an embedding.
        generator: Makes the generator of a width from the length of an embedding and the channels.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        widths: Mapping[str, int],
        embedding: int,
        generator: Callable[[int, int], nn.Module],
    ) -> None:
        super().__init__()
        if embedding < 1:
            raise ValueError(f"`embedding` must be positive, found {embedding}.")
        self.widths = dict(widths)
        self.tasks = RowsOfTasks(tasks, _unit_rows(len(tasks), embedding))
        self.blocks = nn.Parameter(_unit_rows(len(widths), embedding))
        self.projector = nn.Sequential(
            nn.Linear(2 * embedding, embedding), nn.ReLU(), nn.Linear(embedding, embedding)
        )
        self.generators = nn.ModuleDict(
            {str(width): generator(embedding, width) for width in sorted(set(widths.values()))}
        )

    def conditions(self) -> Float[Tensor, "block task embedding"]:
        """What each task is at each block."""
        tasks, blocks = self.tasks.rows, self.blocks
        pairs = torch.cat(
            [
                tasks.expand(len(blocks), *tasks.shape),
                blocks.unsqueeze(1).expand(-1, len(tasks), -1),
            ],
            dim=-1,
        )
        return F.normalize(self.projector(pairs), dim=-1)

    def forward(self) -> dict[str, BottleneckWeights]:
        """Returns the weights of every place."""
        conditions = self.conditions()
        found: dict[str, BottleneckWeights] = {}
        for width, generator in self.generators.items():
            rows = [row for row, own in enumerate(self.widths.values()) if own == int(width)]
            places = [list(self.widths)[row] for row in rows]
            found |= of_each_place(places, generator(conditions[rows]))
        return found


class Generator(nn.Module):
    """Makes the weights of a bottleneck by linear maps of an embedding.

    That of the projection upwards, and those of the biases, start at zero: so does what the
    bottleneck adds, while gradients reach them at once.

    Args:
        embedding: Length of the embedding.
        channels: Channels of the block.
        reduction: How many times narrower the bottleneck is.
    """

    def __init__(self, embedding: int, channels: int, reduction: int) -> None:
        super().__init__()
        self.channels, self.narrow = channels, narrow_width(channels, reduction)
        self.make_matrices(embedding)
        self.narrow_bias = zero_map(embedding, self.narrow)
        self.bias = zero_map(embedding, channels)

    def make_matrices(self, embedding: int) -> None:
        """Makes what generates the two matrices."""
        matrix = self.channels * self.narrow
        # As a linear layer starts that reads so many channels.
        self.down = spread_map(embedding, matrix, self.channels**-0.5)
        self.up = zero_map(embedding, matrix)

    def matrices(self, conditions: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the matrices, [..., channels, narrow] and [..., narrow, channels]."""
        down = self.down(conditions).unflatten(-1, (self.channels, self.narrow))
        return down, self.up(conditions).unflatten(-1, (self.narrow, self.channels))

    def forward(self, conditions: Float[Tensor, "*rows embedding"]) -> BottleneckWeights:
        down, up = self.matrices(conditions)
        return BottleneckWeights(down, self.narrow_bias(conditions), up, self.bias(conditions))


class DecomposedGenerator(Generator):
    """Makes both matrices as products of low-rank factors: W_down = P·Qᵀ, W_up = R·Pᵀ.

    They have P in common, which is a factorisation of the two side by side, [W_down, W_upᵀ] =
    P·[Q; R]ᵀ. A generator's size is so linear in the channels. R starts at zero.

    Args:
        embedding: Length of the embedding.
        channels: Channels of the block.
        reduction: How many times narrower the bottleneck is.
        rank: Columns of P, Q and R.
    """

    def __init__(self, embedding: int, channels: int, reduction: int, rank: int) -> None:
        if not 1 <= rank <= channels:
            raise ValueError(
                f"`rank` must lie between 1 and the {channels} channels of the narrowest block, "
                f"found {rank}."
            )
        self.rank = rank  # the matrices are made with it
        super().__init__(embedding, channels, reduction)

    def make_matrices(self, embedding: int) -> None:
        # P·Qᵀ starts as a linear layer does that reads so many channels.
        self.common = spread_map(embedding, self.channels * self.rank, (3 / self.channels) ** 0.5)
        self.down = spread_map(embedding, self.narrow * self.rank, self.rank**-0.5)
        self.up = zero_map(embedding, self.narrow * self.rank)

    def matrices(self, conditions: Tensor) -> tuple[Tensor, Tensor]:
        common = self.common(conditions).unflatten(-1, (self.channels, self.rank))
        down = self.down(conditions).unflatten(-1, (self.narrow, self.rank))
        up = self.up(conditions).unflatten(-1, (self.narrow, self.rank))
        return common @ down.mT, up @ common.mT


def of_each_place(
    places: Sequence[str], weights: BottleneckWeights
) -> dict[str, BottleneckWeights]:
    """Takes weights with a leading axis of places apart."""
    rows = zip(*weights, strict=True)
    return {place: BottleneckWeights(*row) for place, row in zip(places, rows, strict=True)}


def spread_map(embedding: int, numbers: int, bound: float) -> nn.Linear:
    """A linear map of an embedding with entries spread evenly up to a bound."""
    layer = nn.Linear(embedding, numbers, bias=False)
    nn.init.uniform_(layer.weight, -bound, bound)
    return layer


def zero_map(embedding: int, numbers: int) -> nn.Linear:
    """A linear map that starts at zero."""
    layer = nn.Linear(embedding, numbers, bias=False)
    nn.init.zeros_(layer.weight)
    return layer


def _unit_rows(count: int, length: int) -> Tensor:
    """Random rows of about unit length."""
    return torch.randn(count, length) / length**0.5
