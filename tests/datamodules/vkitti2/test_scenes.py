"""Scenes given to some of the splits: what is not used is not needed."""

from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer

from datamodules import VKITTI2
from datamodules.check import check
from datamodules.files import DatasetNotFoundError
from datamodules.prepared.prepare import prepare
from tests.fakes.vkitti2 import write_drive

TRAIN_ONLY = ({"train": ["Scene01"]}, {"train": ["Scene01"], "val": [], "test": []})


def vkitti2(root: Path, **settings) -> VKITTI2:
    defaults = {"scenes": TRAIN_ONLY[0], "tasks": ["depth"], "batch_size": 1, "workers": 0}
    return VKITTI2(root, (24, 32), **defaults | settings)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write_drive(tmp_path, "Scene01")
    return tmp_path


@pytest.mark.parametrize("scenes", TRAIN_ONLY)
def test_splits_without_scenes_are_an_error_where_they_are_used(tree: Path, scenes: dict) -> None:
    data = vkitti2(tree, scenes=scenes)
    data.setup()
    assert len(next(iter(data.train_dataloader()))["name"]) == 1
    with pytest.raises(ValueError, match="`scenes` should give the split `val` a scene") as error:
        data.val_dataloader()
    assert "found {'train': ['Scene01']}" in str(error.value)
    assert "['Scene02', 'Scene06', 'Scene18', 'Scene20']" in str(error.value)
    assert "`--trainer.limit_val_batches 0`" in str(error.value)
    for loader in (data.test_dataloader, data.predict_dataloader):
        with pytest.raises(ValueError, match=r"split `test` a scene.*`--test_after_fit false`"):
            loader()


def test_evaluation_needs_no_scenes_to_train_on(tree: Path) -> None:
    data = vkitti2(tree, scenes={"test": ["Scene01"]})
    data.setup("test")
    assert len(data.test_dataloader()) == 1
    with pytest.raises(ValueError, match=r"the split `train` a scene.*`validate` or `test`"):
        data.train_dataloader()
    with pytest.raises(DatasetNotFoundError, match="the split `train` a scene"):
        data.source("train")


@pytest.mark.parametrize("scenes", [{}, {"train": []}])
def test_no_scenes_at_all_are_refused(tree: Path, scenes: dict) -> None:
    with pytest.raises(ValueError, match="`scenes` should give at least one split a scene"):
        vkitti2(tree, scenes=scenes)


class Constant(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.metres = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: dict, index: int) -> torch.Tensor:
        return (batch["depth"] - self.metres).square().nanmean()

    def validation_step(self, batch: dict, index: int) -> None:
        assert batch["name"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize("validated", [True, False])
def test_training_needs_validation_scenes_unless_it_does_not_validate(
    tree: Path, validated: bool
) -> None:
    trainer = Trainer(
        accelerator="cpu",
        max_steps=1,
        limit_val_batches=1.0 if validated else 0,
        log_every_n_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Constant()
    if validated:
        with pytest.raises(ValueError, match="`scenes` should give the split `val` a scene"):
            trainer.fit(module, datamodule=vkitti2(tree))
    else:
        trainer.fit(module, datamodule=vkitti2(tree))
    # It is said before the first step is made.
    assert (module.metres.item() == 0) == validated


def test_check_and_prepare_leave_them_out(tree: Path) -> None:
    data = vkitti2(tree)
    report = check(data, processes=0)
    assert report.splits.keys() == {"train"}
    assert [problem.message for problem in report.problems] == [
        "the split `train` has 1 of the official 447 samples"
    ]
    assert [folder.name for folder in prepare(data, processes=0)] == ["train"]


def test_cameras_are_found_where_one_scene_is_missing(tmp_path: Path) -> None:
    write_drive(tmp_path, "Scene01", archives=True)
    data = vkitti2(tmp_path, scenes=None, tasks=["normals"])
    with pytest.raises(DatasetNotFoundError, match="Scene06"):
        data.source("train")
    data = vkitti2(tmp_path, scenes={**TRAIN_ONLY[0], "val": ["Scene02"]}, tasks=["normals"])
    source = data.source("train")
    assert source.read(source.records[0], ["depth"])["camera"].tolist() == [50, 60, 32, 24]
