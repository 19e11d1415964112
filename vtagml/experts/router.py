"""The soft router in front of the activation, whose influence a schedule takes away."""

import math
from collections.abc import Iterator
from copy import deepcopy
from typing import TypeVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

DEVIATION = 0.02


class Router(nn.Module):
    """Computes ω̃ = α·K·softmax(x·W_r/τ) + 1 - α, a weight of each expert for every token.

    Eq. (8) and (12). The weights of a token have the mean one. W_r is drawn from a normal
    distribution of a deviation of .02, so that ω is about one at the start.

    Note:
        The paper calls the router sample-driven; its release, as here, weighs by token.

    Attributes:
        alpha: α, a buffer that `vtagml.callbacks.RouterFading` moves from one to zero.
        end: From which share of the run on α is zero, as that callback told; ∞ without one.

    Args:
        channels: Of a token.
        experts: K.
        temperature: τ.
    """

    alpha: Tensor
    end: Tensor

    def __init__(self, channels: int, experts: int, temperature: float) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(f"`temperature` must be positive, found {temperature:g}.")
        self.experts, self.temperature = experts, temperature
        self.linear = nn.Linear(channels, experts, bias=False)
        nn.init.trunc_normal_(self.linear.weight, std=DEVIATION)
        self.register_buffer("alpha", torch.ones(()))
        self.register_buffer("end", torch.tensor(math.inf))

    @property
    def faded(self) -> bool:
        """Whether every weight is exactly one."""
        return float(self.alpha) == 0

    def fade(self, alpha: float, end: float = math.inf) -> None:
        """Sets α, in place: tasks that have a router each have the buffer together."""
        self.alpha.fill_(alpha)
        self.end.fill_(end)

    def forward(self, tokens: Float[Tensor, "*tokens channel"]) -> Float[Tensor, "*tokens expert"]:
        weights = self.experts * (self.linear(tokens) / self.temperature).softmax(-1)
        # At α = 0 the gradient of W_r is zero and not missing, which ranks would wait for.
        return self.alpha * weights + (1 - self.alpha)


class RoutedLinear(nn.Module):
    """Computes rep(ω̃)⊙(W·x + b): each expert's output channels times its weight.

    In the place of a block's first feed-forward layer, whose output enters the activation next.

    Args:
        layer: The layer, the output channels of an expert side by side.
        router: Of its input.
        order: Which channel of the network that was pre-trained is at each place.
    """

    order: Tensor

    def __init__(self, layer: nn.Module, router: Router, order: Int64[Tensor, " channel"]) -> None:
        super().__init__()
        self.layer, self.router = layer, router
        self.register_buffer("order", order)

    def forward(
        self, tokens: Float[Tensor, "*tokens entering"]
    ) -> Float[Tensor, "*tokens leaving"]:
        output = self.layer(tokens)
        # Mixed precision computes the softmax, and so the weights, in float32.
        weights = self.router(tokens).to(output.dtype)
        experts = output.unflatten(-1, (self.router.experts, -1))
        return (experts * weights.unsqueeze(-1)).flatten(-2)


Network = TypeVar("Network", bound=nn.Module)


def faded_in_the_end(network: Network) -> Network:
    """Returns a copy of a network whose routers are where their schedule will bring them."""
    copy = deepcopy(network)
    for router in routers(copy):
        if math.isfinite(end := float(router.end)):
            router.fade(0.0, end)
    return copy


def routers(network: nn.Module) -> Iterator[Router]:
    """The routers of a network."""
    return (module for module in network.modules() if isinstance(module, Router))
