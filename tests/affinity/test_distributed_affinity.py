"""Two real processes against one."""

import os
import socket
from pathlib import Path

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from vtagml.affinity import TROA, Fork, Gram

RANKS = 2
STEPS = 3
TASKS = ["a", "b", "c"]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Linear(5, 6)
        self.fork = Fork(3)
        self.decoders = nn.ModuleList(nn.Linear(6, 2) for _ in TASKS)

    def forward(self, image: Tensor) -> Tensor:
        streams = self.fork(self.trunk(image).tanh())
        return torch.stack([d(s) for d, s in zip(self.decoders, streams, strict=True)])


def fresh() -> tuple[Net, TROA]:
    torch.manual_seed(0)
    return Net().double(), TROA(TASKS, start=0, every=1)


def batches() -> list[tuple[Tensor, Tensor]]:
    generator = torch.manual_seed(1)
    found = []
    for _ in range(STEPS):
        image = torch.randn(8, 5, generator=generator, dtype=torch.float64)
        target = torch.randn(3, 8, 2, generator=generator, dtype=torch.float64)
        target[1, :4] = torch.nan  # Task b has no label on the first rank.
        found.append((image, target))
    return found


def loss_of(prediction: Tensor, target: Tensor) -> Tensor:
    known = ~target.isnan()
    return torch.where(known, prediction - target.nan_to_num(), 0.0).square().sum()


def run(network: nn.Module, net: Net, affinity: TROA, micro_batches: list[slice]) -> None:
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-2)
    for image, target in batches():
        optimiser.zero_grad()
        for part in micro_batches:
            loss_of(network(image[part]), target[:, part]).backward()
        gram = net.fork.take() or Gram.of(torch.empty(0, 3, 3, dtype=torch.float64))
        affinity.observe(gram.reduced())
        optimiser.step()


def rank_main(rank: int, port: int, folder: str) -> None:
    torch.set_num_threads(1)
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.distributed.init_process_group("gloo", rank=rank, world_size=RANKS)
    net, affinity = fresh()
    # DDP averages the gradients over the ranks; the single process divides its own by hand.
    run(DistributedDataParallel(net), net, affinity, [slice(4 * rank, 4 * rank + 4)])
    torch.save(affinity.state_dict(), Path(folder) / f"{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_processes_learn_the_affinities_of_one(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    torch.multiprocessing.spawn(rank_main, (port, str(tmp_path)), nprocs=RANKS)
    net, affinity = fresh()
    for parameter in net.parameters():
        parameter.register_hook(lambda gradient: gradient / RANKS)
    run(net, net, affinity, [slice(0, 8)])
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(RANKS)]
    for name, expected in affinity.state_dict().items():
        assert torch.equal(ranks[0][name], ranks[1][name]), name
        torch.testing.assert_close(ranks[0][name], expected, rtol=1e-10, atol=1e-10)
