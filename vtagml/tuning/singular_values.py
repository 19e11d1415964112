"""DiTASK: singular vectors of matrices stay, singular values pass learned monotone maps."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone import Backbone, staged
from vtagml.digests import digest_of
from vtagml.tuning.tuning import Tuning


class MonotoneMap(nn.Module):
    """Moves numbers in [0, 1] by a piecewise linear map whose slopes are positive.

    The slopes are softplus(θ)/softplus(0), one for each of as many pieces of the same length: order
    stays, and zero stays zero. θ starts at zero, and the map as exactly the identity.

    Args:
        pieces: How many.
    """

    def __init__(self, pieces: int) -> None:
        super().__init__()
        if pieces < 1:
            raise ValueError(f"`pieces` must be at least 1, found {pieces}.")
        self.slopes = nn.Parameter(torch.zeros(pieces))

    def forward(self, numbers: Float[Tensor, "*numbers"]) -> Float[Tensor, "*numbers"]:
        """Returns by which share of themselves it moves them, of zero the limit."""
        pieces = len(self.slopes)
        flat = F.softplus(torch.zeros_like(self.slopes))
        steeper = (F.softplus(self.slopes) - flat) / flat
        knots = torch.arange(pieces, device=numbers.device, dtype=numbers.dtype) / pieces
        numbers = numbers.clamp_min(torch.finfo(numbers.dtype).tiny).unsqueeze(-1)
        # Divided here, a number as small as that of a rank that lacks meets no gradient.
        covered = (numbers - knots).clamp(0, 1 / pieces) / numbers
        return covered @ steeper


class SpectralLinear(nn.Module):
    """Computes U·diag(f(σ))·Vᵀ·x + b of a frozen layer with the matrix W = U·diag(σ)·Vᵀ.

    f is a `MonotoneMap` of the singular values as shares of the largest. The matrix is made as
    W + U·diag(σ)·diag(f(σ)/σ - 1)·Vᵀ, which is exactly W at the start. The factors follow from W:
    no state dict has them.

    Note:
        With as many tokens as channels or more the matrix, made anew in each forward, costs less
        than its factors beside W, which multiply every token: .6 times the time of a step through
        a layer of 96 channels, .75 times of 384; 1.5 times of 768 with half as many tokens.

    Args:
        layer: The layer.
        parts: How many matrices stand in it one above the other, each with its own factors.
        pieces: Of the map, which the parts share.
    """

    shares: Tensor
    left: Tensor
    right: Tensor

    def __init__(self, layer: nn.Linear, parts: int, pieces: int) -> None:
        super().__init__()
        self.layer, self.parts = layer, parts
        self.map = MonotoneMap(pieces)
        for name, factor in self._factors(layer.weight).items():
            self.register_buffer(name, factor, persistent=False)

    def matrix(self) -> Float[Tensor, "leaving entering"]:
        """W with the singular values that the map gives."""
        change = (self.left * self.map(self.shares).unsqueeze(-2)) @ self.right
        return self.layer.weight + change.flatten(0, 1)

    def forward(
        self, tokens: Float[Tensor, "*tokens entering"]
    ) -> Float[Tensor, "*tokens leaving"]:
        return F.linear(tokens, self.matrix(), self.layer.bias)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """The layer itself, with that matrix."""
        self.layer.weight = nn.Parameter(self.matrix(), requires_grad=False)
        return self.layer

    def _factors(self, weight: Tensor) -> dict[str, Tensor]:
        self._source = digest_of({"": weight})
        weight = weight.detach()
        # On a CPU, whatever device it is on: a resumed run must find the same numbers.
        found = decomposed(weight.double().cpu().unflatten(0, (self.parts, -1)))
        return {
            name: factor.to(weight)
            for name, factor in zip(("shares", "left", "right"), found, strict=True)
        }

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *options: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *options)
        given = state_dict.get(f"{prefix}layer.weight")
        if given is None or given.shape != self.layer.weight.shape:
            return
        given = given.to(self.layer.weight)
        # Not compared with the layer's: where tasks share it, another may have loaded it before.
        if digest_of({"": given}) != self._source:
            for name, factor in self._factors(given).items():
                getattr(self, name).copy_(factor)


def decomposed(
    matrices: Float[Tensor, "part leaving entering"],
) -> tuple[
    Float[Tensor, "part value"],
    Float[Tensor, "part leaving value"],
    Float[Tensor, "part value entering"],
]:
    """Returns singular values as shares of the largest, and two factors of each matrix.

    The factors are U·diag(σ) and Vᵀ, or U and diag(σ)·Vᵀ where the matrix is wide; their product is
    the matrix. Eigenvectors of its smaller side take a fraction of the time of a full
    decomposition, which a network of many layers would wait for.
    """
    wide = matrices.shape[-2] < matrices.shape[-1]
    tall = matrices.mT if wide else matrices
    squares, vectors = torch.linalg.eigh(tall.mT @ tall)
    values = squares.clamp_min(0).sqrt()
    shares = (values / values[:, -1:]).nan_to_num(0)
    across = tall @ vectors
    return (shares, vectors, across.mT) if wide else (shares, across, vectors.mT)


class SingularValues(Tuning):
    """Learns a monotone map of the singular values of every matrix of the blocks.

    DiTASK (CVPR 2025): as few numbers as `pieces` per matrix. Queries, keys and values are
    three matrices with one map, as released.

    Note:
        DiTASK's map is the flow of a piecewise linear velocity, on singular values as they are,
        though the flow is made for [0, 1]; it starts at random, and the release decomposes every
        matrix in every forward. Ours has the slopes for parameters, works on shares of the largest
        value and starts as the identity. The largest value may change, too. The 1.61 M that are
        printed for Swin-T are nearly all what its release trains beside the maps: 1.55 M of
        reductions between stages, and norms, position biases and the patch embedding.

    Args:
        pieces: Of each map.
    """

    def __init__(self, pieces: int = 64) -> None:  # as released, for what tasks share
        self.pieces = pieces

    def tune(self, backbone: Backbone) -> None:
        network = staged(backbone.freeze())
        joint = network.attention[0]
        for place in network.places():
            for layer in (*network.attention, *network.feed_forward):
                make = partial(self._spectral, 3 if layer == joint else 1)
                network.replace(network.block(place), layer, make)

    def _spectral(self, parts: int, layer: nn.Module) -> nn.Module:
        return SpectralLinear(cast(nn.Linear, layer), parts, self.pieces)
