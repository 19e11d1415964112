"""What the classes of a checkpoint are called."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from vtagml.callbacks import ClassNames
from vtagml.callbacks.class_names import kept_names
from vtagml.evaluation import Evaluation


class Classes(NamedTuple):
    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]


def classes(*names: str) -> dict[str, Classes]:
    return {"segmentation": Classes(names, ((0, 0, 0),) * len(names))}


def saved(toy: Any, folder: Path) -> Path:
    """A checkpoint of a model of the classes 0 floor, 1 wall, 2 box."""
    data, module = toy.Data(), toy.Module()
    data.labels = classes("floor", "wall", "box")
    module.tasks["segmentation"].bind(data.labels)
    trainer = toy.trainer(folder, [ClassNames()], max_steps=1, limit_val_batches=0)
    trainer.fit(module, data)
    trainer.save_checkpoint(folder / "last.ckpt")
    return folder / "last.ckpt"


def setup(toy: Any, checkpoint: Path | None, labels: dict[str, Classes], stage: str) -> Any:
    """A fresh module after the hook, as an evaluation has it."""
    data, module, callback = toy.Data(), toy.Module(), ClassNames(checkpoint)
    data.labels = labels
    module.evaluation = Evaluation(module.tasks)
    trainer = toy.trainer(Path("unused"), [callback])
    trainer.datamodule = data
    callback.setup(trainer, module, stage)
    return module


def test_checkpoint_keeps_names_of_tasks_with_classes(toy: Any, tmp_path: Path) -> None:
    assert kept_names(saved(toy, tmp_path)) == {"segmentation": ["floor", "wall", "box"]}


@pytest.mark.parametrize("stage", ["validate", "test", "predict"])
def test_evaluation_maps_by_the_checkpoints_names(
    toy: Any, tmp_path: Path, stage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module = setup(toy, saved(toy, tmp_path), classes("box", "floor"), stage)
    task = module.tasks["segmentation"]
    assert task.class_map.members == ((2,), (0,))
    assert "segmentation: 3 classes are read as the data's 2 (left out: wall)" in (
        capsys.readouterr().out
    )
    for metrics in module.evaluation.metrics.values():
        assert metrics["segmentation"]["miou"].num_classes == 2
        assert set(metrics) == {"segmentation", "depth"}


def test_same_classes_say_nothing(
    toy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = saved(toy, tmp_path)
    capsys.readouterr()
    module = setup(toy, checkpoint, classes("floor", "wall", "box"), "test")
    assert module.tasks["segmentation"].class_map is None
    assert "classes" not in capsys.readouterr().out


def test_training_takes_the_names_of_its_data(toy: Any, tmp_path: Path) -> None:
    module = setup(toy, saved(toy, tmp_path), classes("a", "b", "c"), "fit")
    assert module.tasks["segmentation"].class_names == ("a", "b", "c")
    assert module.tasks["segmentation"].class_map is None


def test_a_checkpoint_of_another_model_is_left_to_its_weights(toy: Any, tmp_path: Path) -> None:
    torch.save({"class_names": {"segmentation": ["a", "b"]}}, tmp_path / "two.ckpt")
    module = setup(toy, tmp_path / "two.ckpt", classes("floor", "wall", "box"), "test")
    assert module.tasks["segmentation"].class_names == ("floor", "wall", "box")


def test_without_names_both_numbers_are_said(toy: Any) -> None:
    with pytest.raises(ValueError, match=r"(?s)is 3, but the data has 2 classes.*`names`"):
        setup(toy, None, classes("box", "floor"), "test")


def test_an_unreadable_checkpoint_is_left_to_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "cut.ckpt").write_bytes(b"PK\x03\x04 cut off")
    torch.save([1], tmp_path / "list.ckpt")
    for name in ("cut.ckpt", "list.ckpt", "absent.ckpt"):
        assert kept_names(tmp_path / name) == {}
