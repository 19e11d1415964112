"""VMT-Adapter: one bottleneck for all tasks, and of what it says a scale and a shift for each."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.bottleneck import narrow_width
from vtagml.of_tasks import RowsOfTasks


class VMTAdapter(nn.Module):
    """F = ReLU(LN(x)·W_down)·W_up + b, and what tasks make of it (VMT-Adapter, Eq. 3 and 4).

    The share 1 - s of F is task-generic: it is added to the stream. Of the share s each task makes
    its own α_t ⊙ (s·F) + γ_t, which goes to its decoder. W_up, b and γ start at zero, α at one.
    It has 2d²/ρ + 3d + 2Td parameters.

    Note:
        The paper says neither how large s is nor what the adapter reads. Ours reads the residual
        stream where the feed-forward network's branch begins, normalised, and adds to the stream
        beside that branch: behind the norms and layer scales that close a branch in Swin V2 and
        DINOv2, which would make it as small as they are.

    Args:
        channels: d.
        tasks: Names of the tasks.
        reduction: ρ: how many times narrower the middle is.
        gate: s, between 0 and 1.
    """

    normalises_freely = True
    """Whether the norm has a scale and a shift of its own."""

    def __init__(
        self, channels: int, tasks: Sequence[str], reduction: int = 4, gate: float = 0.5
    ) -> None:
        super().__init__()
        if not 0 < gate < 1:
            raise ValueError(
                f"`gate` must lie between 0 and 1, found {gate}: it is the share of the features "
                "that tasks make their own; the rest is added to the stream of all."
            )
        self.gate = gate
        self.norm = nn.LayerNorm(channels, elementwise_affine=self.normalises_freely)
        self.make_matrices(channels, narrow_width(channels, reduction))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.scale = RowsOfTasks(tasks, torch.ones(len(tasks), channels))
        self.shift = RowsOfTasks(tasks, torch.zeros(len(tasks), channels))

    def make_matrices(self, channels: int, narrow: int) -> None:
        """Makes what W_down and W_up consist of."""
        self.down_weight = _spread((narrow, channels), channels)
        self.up_weight = nn.Parameter(torch.zeros(channels, narrow))

    def down(self) -> Float[Tensor, "narrow channels"]:
        """W_down, transposed, as `torch.nn.functional.linear` takes it."""
        return self.down_weight

    def up(self) -> Float[Tensor, "channels narrow"]:
        """W_up, transposed."""
        return self.up_weight

    def forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        """Returns F."""
        narrow = F.relu(F.linear(self.norm(tokens), self.down()))
        return F.linear(narrow, self.up(), self.bias)

    def folded(self) -> "FoldedVMTAdapter":
        """The same function of two plain linear layers, for inference."""
        return FoldedVMTAdapter(self)


class VMTAdapterLite(VMTAdapter):
    """With matrices that are sums of Kronecker products, whose left factors they share (Eq. 6).

    W_down = Σ_i A_i ⊗ D_i and W_up = Σ_i A_i ⊗ U_i with m matrices A_i of m × m: m³ + 2d²/(ρm) +
    d + 2Td parameters. No product is ever kept, only the sum.

    Note:
        The printed numbers of parameters have A for every block and no norm; what the adapter reads
        is normalised all the same, without scale and shift.

    Args:
        channels: d.
        tasks: Names of the tasks.
        reduction: ρ.
        gate: s.
        dimension: m, a divisor of d and of d/ρ.
    """

    normalises_freely = False

    def __init__(
        self,
        channels: int,
        tasks: Sequence[str],
        reduction: int = 4,
        gate: float = 0.5,
        dimension: int = 3,
    ) -> None:
        self.dimension = dimension  # the matrices are made with it
        super().__init__(channels, tasks, reduction, gate)

    def make_matrices(self, channels: int, narrow: int) -> None:
        common = math.gcd(channels, narrow)
        if self.dimension < 1 or common % self.dimension:
            divisors = [number for number in range(1, common + 1) if common % number == 0]
            raise ValueError(
                f"`dimension` must divide the {channels} channels of the block and the {narrow} of "
                f"its bottleneck, found {self.dimension}: {divisors} do."
            )
        sides = (channels // self.dimension, narrow // self.dimension)
        square = torch.randn(self.dimension, self.dimension, self.dimension)
        self.shared = nn.Parameter(square / self.dimension**0.5)
        self.down_factors = _spread((self.dimension, *sides), channels)
        self.up_factors = nn.Parameter(torch.zeros(self.dimension, *reversed(sides)))

    def down(self) -> Float[Tensor, "narrow channels"]:
        return kronecker_sum(self.shared, self.down_factors).T

    def up(self) -> Float[Tensor, "channels narrow"]:
        return kronecker_sum(self.shared, self.up_factors).T


class FoldedVMTAdapter(nn.Module):
    """A trained adapter as a norm without scale and shift and two linear layers.

    Args:
        adapter: The trained one.
    """

    @torch.no_grad()
    def __init__(self, adapter: VMTAdapter) -> None:
        super().__init__()
        self.gate, self.scale, self.shift = adapter.gate, adapter.scale, adapter.shift
        down, norm = adapter.down(), adapter.norm
        narrow_bias = torch.zeros_like(down[:, 0])
        if norm.elementwise_affine:
            down, narrow_bias = down * norm.weight, down @ norm.bias
        self.norm = nn.LayerNorm(norm.normalized_shape, norm.eps, elementwise_affine=False)
        self.down = _linear(down, narrow_bias)
        self.up = _linear(adapter.up(), adapter.bias)

    def forward(
        self, tokens: Float[Tensor, "*tokens channels"]
    ) -> Float[Tensor, "*tokens channels"]:
        return self.up(F.relu(self.down(self.norm(tokens))))

    def folded(self) -> "FoldedVMTAdapter":
        """Itself."""
        return self


def kronecker_sum(
    left: Float[Tensor, "term rows columns"], right: Float[Tensor, "term height width"]
) -> Float[Tensor, "rows_height columns_width"]:
    """Returns Σ_i left_i ⊗ right_i."""
    return torch.einsum("iab,icd->acbd", left, right).flatten(2).flatten(0, 1)


def _spread(shape: tuple[int, ...], entering: int) -> nn.Parameter:
    """Entries as a linear layer starts them that reads so many channels."""
    bound = entering**-0.5
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], device=weight.device, dtype=weight.dtype)
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)
    return layer.requires_grad_(False)
