"""What a bank holds after some batches, on one rank and on two."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.fakes.ranks import Ranks
from vtagml.objectives import LastTwo, LogitBank, MovingAverage

BANKS: tuple[Callable[[int, int], LogitBank], ...] = (MovingAverage, LastTwo)
every_bank = pytest.mark.parametrize("kind", BANKS)


def write(bank: LogitBank, scores: Tensor, ids: Tensor) -> None:
    bank.write(scores, torch.where(ids == 255, 0, ids), ids != 255)


def test_golden_average() -> None:
    bank = MovingAverage(3, 2, momentum=0.75)
    # Class 1 has the mean (2, 4) of two labels, of which a quarter enters a row of zeros.
    write(bank, torch.tensor([[1.0, 2], [8, 8], [3, 6]]), torch.tensor([1, 2, 1]))
    assert bank.rows.tolist() == [[[0, 0], [0.5, 1], [2, 2]]]
    # 3/4·(0.5, 1) + 1/4·(10, 1); class 2 is not seen again and stays.
    write(bank, torch.tensor([[10.0, 1]]), torch.tensor([1]))
    assert bank.rows.tolist() == [[[0, 0], [2.875, 1], [2, 2]]]


def test_golden_queue() -> None:
    bank = LastTwo(3, 2)
    # Of the two labels of class 1 the last one is kept, not both.
    write(bank, torch.tensor([[1.0, 2], [8, 8], [3, 6]]), torch.tensor([1, 2, 1]))
    assert bank.rows.tolist() == [[[0, 0], [3, 6], [8, 8]], [[0, 0], [0, 0], [0, 0]]]
    write(bank, torch.tensor([[10.0, 1]]), torch.tensor([1]))
    assert bank.rows.tolist() == [[[0, 0], [10, 1], [8, 8]], [[0, 0], [3, 6], [0, 0]]]
    write(bank, torch.tensor([[5.0, 5]]), torch.tensor([1]))
    assert bank.rows[:, 1].tolist() == [[5, 5], [10, 1]]


@every_bank
def test_what_was_read_stays_when_the_bank_moves(kind: Callable[[int, int], LogitBank]) -> None:
    bank = kind(2, 3)
    read = bank.read(torch.tensor([1, 1]))
    write(bank, torch.ones(1, 3), torch.tensor([1]))
    assert not read.any()
    assert bank.read(torch.tensor([1]))[0].any()


@every_bank
def test_unknown_labels_and_no_labels_leave_it(kind: Callable[[int, int], LogitBank]) -> None:
    bank = kind(2, 3)
    write(bank, torch.randn(4, 3), torch.tensor([0, 1, 1, 0]))
    before = bank.rows.clone()
    write(bank, torch.randn(2, 3), torch.tensor([255, 255]))
    write(bank, torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    assert torch.equal(bank.rows, before)


def test_many_labels_are_summed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, ids = torch.randn(50, 4), torch.randint(3, (50,))
    whole, parts = MovingAverage(3, 4), MovingAverage(3, 4)
    write(whole, scores, ids)
    monkeypatch.setattr("vtagml.objectives.logit_bank.LABELS_AT_ONCE", 7)
    write(parts, scores, ids)
    torch.testing.assert_close(parts.rows, whole.rows)
    expected = torch.stack([scores[ids == each].mean(0) for each in range(3)])
    torch.testing.assert_close(whole.rows[0], expected / 2)


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_is_validated(momentum: float) -> None:
    with pytest.raises(ValueError, match=f"`momentum` must be .* found {momentum}"):
        MovingAverage(2, 2, momentum)


@every_bank
def test_it_keeps_its_precision_in_a_network_of_half(
    kind: Callable[[int, int], LogitBank],
) -> None:
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), kind(2, 2))
    bank = network[1]
    assert isinstance(bank, LogitBank)
    write(bank, torch.tensor([[1 / 3, 1.0]]), torch.tensor([0]))
    before = bank.rows.clone()
    network.to(torch.bfloat16)
    assert network[0].weight.dtype == torch.bfloat16
    assert bank.rows.dtype == torch.float32
    assert torch.equal(bank.rows, before)
    assert network.double()[1].rows.dtype == torch.float64


@every_bank
@pytest.mark.parametrize("sizes", [(3, 3), (3, 2), (5, 0)])
def test_ranks_hold_what_one_process_holds(
    kind: Callable[[int, int], LogitBank], sizes: tuple[int, int]
) -> None:
    """Three batches of five or six, dealt out as the loaders do: every second sample is one's."""
    batches = [(torch.randn(sum(sizes), 4), torch.randint(3, (sum(sizes),))) for _ in range(3)]
    batches[1][1][:3] = 255
    batches[2][1][0] = batches[2][1][-1] = 2  # more than once, on either rank
    one = kind(3, 4)
    for scores, ids in batches:
        write(one, scores, ids)

    def on(rank: int) -> Tensor:
        bank = kind(3, 4)
        for scores, ids in batches:
            own = slice(rank, None, 2) if min(sizes) else slice(0 if rank else None)
            write(bank, scores[own], ids[own])
        return bank.rows

    found = Ranks(2).run(on)

    assert one.rows[0].any(-1).all()
    assert torch.equal(found[0], found[1])
    torch.testing.assert_close(found[0], one.rows, rtol=1e-6, atol=0)
