"""A small network with a fork, and what autograd says of its gradients."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from vtagml.affinity import Fork, Gram

WEIGHTS = (0.7, 2.0, 0.05)
TASKS = len(WEIGHTS)


class Net(nn.Module):
    """A trunk, the fork, a shared layer behind it and one decoder per task."""

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.trunk = nn.Linear(5, 6)
        self.fork = Fork(TASKS)
        self.adapter = nn.Linear(6, 6)
        self.decoders = nn.ModuleList(
            nn.Sequential(nn.Linear(6, 4), nn.GELU(), nn.Linear(4, 2)) for _ in range(TASKS)
        )
        self.trunk.requires_grad_(not frozen)

    def shared(self, image: Tensor) -> Tensor:
        return self.trunk(image).tanh()

    def losses(self, streams: Tensor, target: Tensor) -> list[Tensor]:
        """Sums of squares; `streams` holds each task's view of the shared representation."""
        behind = self.adapter(streams).sin()
        return [
            (decoder(stream) - target[task]).square().sum()
            for task, (decoder, stream) in enumerate(zip(self.decoders, behind, strict=True))
        ]

    def forward(self, image: Tensor, target: Tensor) -> Tensor:
        return weighted(self.losses(self.fork(self.shared(image)), target))


def weighted(losses: list[Tensor]) -> Tensor:
    return torch.stack([w * loss for w, loss in zip(WEIGHTS, losses, strict=True)]).sum()


def batch(images: int = 4, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    return torch.randn(images, 3, 5, dtype=dtype), torch.randn(TASKS, images, 3, 2, dtype=dtype)


def expected_cosines(net: Net, image: Tensor, target: Tensor) -> Tensor:
    """Cosines of the unweighted gradients, one `autograd.grad` per task."""
    representation = net.shared(image).detach().requires_grad_()
    plain = representation.unsqueeze(0).expand(TASKS, *representation.shape)
    losses = net.losses(plain, target)
    rows = [torch.autograd.grad(loss, representation, retain_graph=True)[0] for loss in losses]
    flat = torch.stack(rows).flatten(1).double()
    return torch.nn.functional.cosine_similarity(flat[:, None], flat[None], dim=-1)


def taken(fork: Fork) -> Gram:
    gram = fork.take()
    assert gram is not None
    return gram


def assert_equal_to_autograd(
    net: Net, forward: Callable[[Tensor, Tensor], Tensor], tolerance: float = 1e-10
) -> None:
    image, target = batch()
    forward(image, target).backward()
    found = taken(net.fork).cosines()
    torch.testing.assert_close(
        found, expected_cosines(net, image, target), rtol=tolerance, atol=tolerance
    )
