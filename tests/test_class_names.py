"""What the classes of a checkpoint are called, and data that has others."""

from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import LightningModule

from datamodules import Labels
from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.trainers import trainer
from vtagml.checkpoints.reading import class_names_of
from vtagml.module import MultitaskModule
from vtagml.multitask import multitask

NAMES = ["one", "two", "three"]  # of `Holes`


class Others(Holes):
    """The same samples, of which two classes are known."""

    names = ("three", "one")

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(list(self.names))}


def data(cls: type[Holes] = Holes) -> Holes:
    return cls(["segmentation", "depth", "normals", "edges"], batch_size=4, workers=0)


def setup(names: dict[str, Any], labels: type[Holes]) -> MultitaskModule:
    """A module that knows what its weights' classes are called, at the start of an evaluation."""
    module = small_vtagml()
    module.trained_on(names)
    module.trainer = trainer(Path("unused"))
    module.trainer.datamodule = data(labels)  # type: ignore[attr-defined]
    module.setup("test")
    return module


def test_checkpoint_keeps_names_of_tasks_with_classes(tmp_path: Path) -> None:
    fitting = trainer(tmp_path, max_steps=1)
    fitting.fit(small_vtagml(), data())
    fitting.save_checkpoint(tmp_path / "last.ckpt")
    assert class_names_of(tmp_path / "last.ckpt") == {"segmentation": NAMES}


def test_evaluation_maps_by_the_names_of_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    module = setup({"segmentation": ["one", "[/two]", "three"]}, Others)
    assert module.tasks["segmentation"].class_map.members == ((2,), (0,))  # type: ignore[union-attr]
    said = capsys.readouterr().out
    assert "segmentation: 3 classes are read as the data's 2 (left out: [/two])" in said
    metrics: Any = module.evaluation.metrics
    for stage in ("val", "test"):
        assert metrics[stage]["segmentation"]["miou"].num_classes == 2
        assert set(metrics[stage]) == set(module.tasks)


def test_same_classes_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    module = setup({"segmentation": NAMES}, Holes)
    assert module.tasks["segmentation"].class_map is None
    assert "classes" not in capsys.readouterr().out


def test_training_takes_the_names_of_its_data() -> None:
    task = setup({}, Holes).tasks["segmentation"]
    assert task.class_names == tuple(NAMES)
    assert task.class_map is None


@pytest.mark.parametrize("odd", [["a", "b"], 3, None])
def test_names_of_another_model_are_left_to_its_weights(odd: Any) -> None:
    assert setup({"segmentation": odd}, Holes).tasks["segmentation"].class_names == tuple(NAMES)


def test_without_names_both_numbers_are_said() -> None:
    with pytest.raises(ValueError, match=r"(?s)is 3, but the data has 2 classes.*`names`"):
        setup({}, Others)


def test_an_unreadable_checkpoint_is_left_to_the_trainer(tmp_path: Path) -> None:
    (tmp_path / "cut.ckpt").write_bytes(b"PK\x03\x04 cut off")
    torch.save([1], tmp_path / "list.ckpt")
    for name in ("cut.ckpt", "list.ckpt", "absent.ckpt"):
        assert class_names_of(tmp_path / name) == {}


def test_a_module_of_another_kind_is_refused_by_name() -> None:
    module = small_vtagml()
    assert multitask(module) is module
    with pytest.raises(ValueError, match=r"must be a `vtagml.MultitaskModule`, found `Lightning"):
        multitask(LightningModule())
