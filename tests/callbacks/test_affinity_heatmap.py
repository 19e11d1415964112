import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Trainer

from vtagml.affinity import TROA, Fixed, Gram, Uniform, read_state
from vtagml.callbacks import AffinityHeatmap
from vtagml.callbacks.affinity_heatmap import affinity_record, numbers
from vtagml.drawing import affinity_history
from vtagml.encoders import MeasuredGroups
from vtagml.report import read_learned
from vtagml.report.html.matrices import affinities
from vtagml.run_folder import to_json


def test_json_holds_state_and_history(finished_run: Path) -> None:
    content = json.loads((finished_run / "affinity.json").read_text())
    assert content["tasks"] == ["segmentation", "depth"]
    assert content["step"] == 4
    assert [record["step"] for record in content["history"]] == [2, 4]
    last = content["history"][-1]
    assert last["omega"] == [[0.5, 0.5], [0.5, 0.5]]
    # The toy's cosine is -0.5 in every step, so its running mean is.
    assert last["similarity"] == [[1.0, -0.5], [-0.5, 1.0]]
    assert last["weights"] == [1.0, 1.0]
    assert last["skipped"] == 0


def test_json_starts_another_run(finished_run: Path) -> None:
    other = TROA(["depth", "segmentation"])
    other.load(read_state(finished_run / "affinity.json"))
    assert other.similarity.tolist() == [[1.0, -0.5], [-0.5, 1.0]]


def test_json_is_enough_to_draw(finished_run: Path) -> None:
    figure = affinity_history(json.loads((finished_run / "affinity.json").read_text()))
    assert len(figure.axes) == 4  # ω and S of two targets.


def test_names_of_the_numbers_say_target_then_source() -> None:
    record = {
        "step": 1,
        "omega": [[0.9, 0.1], [0.3, 0.7]],
        "similarity": [[1.0, 0.2], [0.4, 1.0]],
        "weights": [1.2, 0.8],
        "skipped": 3,
    }
    named = numbers(("depth", "edges"), record)
    assert named["affinity/omega/depth/edges"] == 0.1
    assert named["affinity/omega/edges/depth"] == 0.3
    assert named["affinity/similarity/depth/edges"] == 0.2
    assert named["affinity/weight/edges"] == 0.8
    assert named["affinity/skipped"] == 3
    assert len(named) == 4 + 4 + 2 + 1


def test_skipped_counts_each_pair_once() -> None:
    affinity = Uniform(["a", "b"])
    # Task b has no gradient: pairs (a, b) and (b, b) are skipped.
    affinity.observe(Gram.of(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]], dtype=torch.float64)))
    assert affinity_record(affinity, 1)["skipped"] == 2


def test_a_pair_that_was_never_observed_has_no_similarity(tmp_path: Path) -> None:
    affinity = Uniform(["a", "b"])
    affinity.observe(Gram.of(torch.tensor([[[1.0, 0.0], [0.0, 0.0]]], dtype=torch.float64)))
    record = affinity_record(affinity, 1)
    similar = "affinity/similarity/"
    logged = {name for name in numbers(affinity.tasks, record) if name.startswith(similar)}
    assert logged == {f"{similar}a/a"}
    content = {**affinity.state(), "step": 1, "history": [record]}
    (tmp_path / "affinity.json").write_bytes(to_json(content))
    read = json.loads((tmp_path / "affinity.json").read_text())
    assert read["history"][0]["similarity"] == [[1.0, None], [None, None]]
    assert len(affinity_history(read).axes) == 4
    (learned,) = read_learned(tmp_path).history
    assert np.isnan(learned.named["S"]).tolist() == [[False, True], [True, True]]
    assert affinities(tmp_path)["records"][0]["S"][0, 0] == 1.0
    TROA(["b", "a"], initial=tmp_path / "affinity.json").affinities()
    Fixed(["a", "b"], tmp_path / "affinity.json").affinities()
    assert MeasuredGroups(tmp_path / "affinity.json").groups(["a", "b"])[3] == [["a"], ["b"]]


def test_accumulation_counts_optimiser_steps(toy: Any, tmp_path: Path) -> None:
    callback = AffinityHeatmap(every=1)
    trainer = toy.trainer(tmp_path, [callback], accumulate_grad_batches=2)
    trainer.fit(toy.Module(), toy.Data())
    assert [record["step"] for record in callback.history] == [1, 2]


def test_resumed_history_goes_on(toy: Any, tmp_path: Path) -> None:
    first = AffinityHeatmap(every=4)
    trainer = toy.trainer(tmp_path, [first], limit_val_batches=0)
    trainer.fit(toy.Module(), toy.Data())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    second = AffinityHeatmap(every=4)
    resumed = toy.trainer(tmp_path, [second], limit_val_batches=0, max_epochs=2)
    resumed.fit(toy.Module(), toy.Data(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert [record["step"] for record in second.history] == [4, 8]
    content = json.loads((tmp_path / "affinity.json").read_text())
    assert [record["step"] for record in content["history"]] == [4, 8]


def test_only_rank_zero_acts(toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = toy.trainer(tmp_path, [])
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    monkeypatch.setattr(Trainer, "global_step", property(lambda self: 2))
    callback, module = AffinityHeatmap(every=1), toy.Module()
    callback.on_train_batch_end(trainer, module, None, {}, 0)
    callback.on_train_end(trainer, module)
    assert list(tmp_path.iterdir()) == []
    assert callback.history == []


def test_a_folder_that_cannot_be_written_is_one_warning(toy: Any, tmp_path: Path) -> None:
    # A file in the folder's place fails for every user, root included.
    (tmp_path / "figures").write_text("in the way")
    trainer = toy.trainer(tmp_path, [AffinityHeatmap(every=1)], limit_val_batches=0)
    with pytest.warns(UserWarning, match="affinity heat map") as warnings:
        trainer.fit(toy.Module(), toy.Data())
    assert len([each for each in warnings if "heat map" in str(each.message)]) == 1
    assert trainer.global_step == toy.STEPS


def test_every_must_be_positive() -> None:
    with pytest.raises(ValueError, match="`every` of AffinityHeatmap must be at least 1, found 0"):
        AffinityHeatmap(every=0)
