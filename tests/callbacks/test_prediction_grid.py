from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from PIL import Image

from vtagml.callbacks import PredictionGrid


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "figures").glob("*.png"))


def test_every_other_epoch_and_not_in_the_sanity_check(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [PredictionGrid(samples=1, every_epochs=2)], max_epochs=3)
    trainer.fit(toy.Module(), toy.Data())
    expected = ["predictions_val_epoch_000.png", "predictions_val_epoch_002.png"]
    assert names(tmp_path) == expected


def test_epochs_are_counted_from_grid_to_grid(toy: Any, tmp_path: Path) -> None:
    grids = PredictionGrid(samples=1, every_epochs=4)
    settings = {"max_epochs": 8, "check_val_every_n_epoch": 2}
    toy.trainer(tmp_path, [grids], **settings).fit(toy.Module(), toy.Data())
    expected = ["predictions_val_epoch_001.png", "predictions_val_epoch_005.png"]
    assert names(tmp_path) == expected


def test_validation_alone_has_no_epoch(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [PredictionGrid(samples=1)])
    trainer.validate(toy.Module(), toy.Data(), verbose=False)
    assert names(tmp_path) == ["predictions_val.png"]


def test_of_the_last_grid_of_a_split_each_task_has_a_picture(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [PredictionGrid(samples=1)], max_epochs=2)
    trainer.fit(toy.Module(), toy.Data())
    found = sorted((tmp_path / "figures").glob("*/*"))
    assert [file.relative_to(tmp_path / "figures").as_posix() for file in found] == [
        "predictions_val/depth.png",
        "predictions_val/segmentation.png",
    ]
    with Image.open(found[0]) as picture:  # image, truth, prediction and error
        assert picture.width > picture.height * 2


def test_labels_may_be_missing(toy: Any, tmp_path: Path) -> None:
    batch = {"image": torch.rand(2, 3, 8, 8), "depth": torch.ones(2, 1, 8, 8)}
    batch["depth"][0] = torch.nan
    outputs = {
        "predictions": {
            "depth": torch.rand(2, 1, 8, 8) + 1,
            "segmentation": torch.zeros(2, 8, 8, dtype=torch.int64),
        }
    }
    trainer = toy.trainer(tmp_path, [])
    PredictionGrid().on_test_batch_end(trainer, toy.Module(), outputs, batch, 0)
    assert names(tmp_path) == ["predictions_test.png"]


def test_only_the_first_batch_and_only_rank_zero(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, callback = toy.trainer(tmp_path, []), PredictionGrid()
    callback.on_test_batch_end(trainer, toy.Module(), None, {}, 1)
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    callback.on_test_batch_end(trainer, toy.Module(), None, {}, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_warns_once(toy: Any, tmp_path: Path) -> None:
    trainer, callback = toy.trainer(tmp_path, []), PredictionGrid()
    with pytest.warns(UserWarning, match="A prediction grid could not be made"):
        callback.on_test_batch_end(trainer, toy.Module(), {}, {}, 0)
    callback.on_test_batch_end(trainer, toy.Module(), {}, {}, 0)
