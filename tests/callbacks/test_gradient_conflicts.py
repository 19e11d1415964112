from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer

from vtagml.callbacks import GradientConflicts
from vtagml.callbacks.gradient_conflicts import BINS, conflict_shares, cosine_counts


def test_bins_from_minus_one_to_one() -> None:
    counts = cosine_counts(torch.tensor([[1.0, -1.0], [0.0, torch.nan]]))
    assert counts[0, 0].argmax() == BINS - 1
    assert counts[0, 1].argmax() == 0
    assert counts[1, 0].argmax() == BINS // 2  # Zero is no conflict.
    assert counts[1, 1].sum() == 0
    assert counts.sum() == 3


def test_the_smallest_conflict_is_one() -> None:
    counts = cosine_counts(torch.tensor([[1.0, -1e-30], [-1e-30, 1.0]], dtype=torch.float64))
    assert conflict_shares(counts, ("a", "b")) == {"conflicts/a/b": 1.0}


def test_shares_of_what_was_observed() -> None:
    steps = [0.5, -0.5, -0.1, torch.nan]
    pairs = [torch.tensor([[1.0, cosine], [cosine, 1.0]]) for cosine in steps]
    counts = torch.stack([cosine_counts(pair) for pair in pairs]).sum(0)
    assert conflict_shares(counts, ("a", "b")) == {"conflicts/a/b": pytest.approx(2 / 3)}
    assert conflict_shares(cosine_counts(pairs[-1]), ("a", "b")) == {}


def test_single_steps_are_preferred_to_their_mean(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, trainer = GradientConflicts(every=100), toy.trainer(tmp_path, [])
    module = toy.Module()
    module.network.affinity.last_cosines = torch.tensor([[1.0, -0.2], [-0.2, 1.0]])
    for step in (1, 1, 2):  # Two micro-batches of the first step.
        monkeypatch.setattr(Trainer, "global_step", property(lambda self, step=step: step))
        callback.on_train_batch_end(trainer, module, None, {}, 0)
    assert callback.counts is not None
    assert callback.counts[0, 1].sum() == 2
    assert conflict_shares(callback.counts, ("a", "b")) == {"conflicts/a/b": 1.0}


def test_counts_survive_a_checkpoint() -> None:
    first, second = GradientConflicts(), GradientConflicts()
    first.counts = cosine_counts(torch.eye(2))
    second.load_state_dict(first.state_dict())
    assert second.counts is not None
    assert torch.equal(second.counts, first.counts)
