"""What `predict` leaves on disk."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import LightningDataModule, LightningModule, Trainer
from PIL import Image
from torch import Tensor

from vtagml.callbacks import PredictionWriter
from vtagml.module import MultitaskModule
from vtagml.tasks import Classification, Depth, Segmentation, Task


class Format:
    """Keeps depth as text."""

    folder = "submission"
    tasks = frozenset({"depth"})

    def write(self, folder: Path, name: str, task: str, prediction: np.ndarray) -> None:
        file = folder / task / f"{name}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{prediction.shape} {prediction.max()}")


class Data(LightningDataModule):
    def __init__(self, form: Format | None) -> None:
        super().__init__()
        self.prediction_format = form


class Module(MultitaskModule):
    def __init__(self, tasks: list[Task]) -> None:
        LightningModule.__init__(self)  # no network
        self.tasks = {task.name: task for task in tasks}


def write(
    writer: PredictionWriter,
    root: Path,
    outputs: dict[str, Any],
    tasks: list[Task],
    form: Format | None,
    fast: bool = False,
) -> None:
    trainer = Trainer(
        default_root_dir=root,
        fast_dev_run=fast,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
    )
    trainer.datamodule = Data(form)  # type: ignore[attr-defined]
    writer.on_predict_start(trainer, Module(tasks))
    writer.on_predict_batch_end(trainer, Module(tasks), outputs, {}, 0)


def written(
    root: Path,
    outputs: dict[str, Any],
    tasks: list[Task],
    form: Format | None = None,
    folder: Path | None = None,
    fast: bool = False,
) -> list[str]:
    write(PredictionWriter(folder), root, outputs, tasks, form, fast)
    files = (path for path in root.rglob("*") if path.is_file())
    return sorted(path.relative_to(root).as_posix() for path in files)


def two_sizes() -> dict[str, Any]:
    """Predictions as the module gives them: a list, since the images differ in size."""
    return {
        "name": ["a", "b"],
        "segmentation": [torch.ones(4, 6, dtype=torch.int64), torch.zeros(3, 3, dtype=torch.int64)],
        "depth": [torch.full((1, 4, 6), 2.0), torch.full((1, 3, 3), 3.0)],
    }


DENSE: list[Task] = [Segmentation(2), Depth()]


def test_without_a_format_numbers_are_arrays(tmp_path: Path) -> None:
    files = written(tmp_path, two_sizes(), DENSE)
    assert files == [
        f"predictions/{name}{end}"
        for name in "ab"
        for end in (".npz", "_depth.png", "_segmentation.png")
    ]
    with np.load(tmp_path / "predictions/b.npz") as arrays:
        assert set(arrays) == {"segmentation", "depth"}
        assert arrays["depth"].shape == (1, 3, 3)
        assert (arrays["depth"] == 3).all()
    with Image.open(tmp_path / "predictions/a_depth.png") as picture:
        assert picture.size == (6, 4)


def test_with_a_format_only_other_tasks_are_arrays(tmp_path: Path) -> None:
    files = written(tmp_path, two_sizes(), DENSE, Format())
    assert [file for file in files if file.startswith("submission")] == [
        "submission/depth/a.txt",
        "submission/depth/b.txt",
    ]
    assert (tmp_path / "submission/depth/b.txt").read_text() == "(1, 3, 3) 3.0"
    with np.load(tmp_path / "predictions/a.npz") as arrays:
        assert set(arrays) == {"segmentation"}
    outputs = {"name": ["a"], "depth": torch.ones(1, 1, 4, 6)}
    alone = written(tmp_path / "alone", outputs, [Depth()], Format())
    assert alone == ["predictions/a_depth.png", "submission/depth/a.txt"]


def test_names_with_folders_stay_apart(tmp_path: Path) -> None:
    depth: Tensor = torch.ones(3, 1, 2, 2) * torch.tensor([1.0, 2.0, 3.0])[:, None, None, None]
    files = written(tmp_path, {"name": ["a/b", "a__b", "a_b"], "depth": depth}, [Depth()])
    assert [file for file in files if file.endswith(".npz")] == [
        "predictions/a/b.npz",
        "predictions/a__b.npz",
        "predictions/a_b.npz",
    ]
    values = []
    for name in ("a/b", "a__b", "a_b"):
        with np.load(tmp_path / f"predictions/{name}.npz") as arrays:
            values.append(arrays["depth"].max())
    assert values == [1, 2, 3]


def test_another_folder(tmp_path: Path) -> None:
    outputs = {"name": ["a"], "depth": torch.ones(1, 1, 4, 6)}
    files = written(tmp_path, outputs, [Depth()], Format(), tmp_path / "out" / "pictures")
    assert files == ["out/pictures/a_depth.png", "out/submission/depth/a.txt"]


def test_labels_of_whole_images_are_written(tmp_path: Path) -> None:
    outputs = {"name": ["a", "b"], "shape": [torch.tensor(2), torch.tensor(0)]}
    written(tmp_path, outputs, [Classification("shape", 3)], Format())
    with np.load(tmp_path / "predictions/a.npz") as arrays:
        assert arrays["shape"] == 2


def test_a_trial_run_leaves_nothing(tmp_path: Path) -> None:
    assert written(tmp_path, two_sizes(), DENSE, Format(), fast=True) == []


def test_it_knows_where_it_wrote(tmp_path: Path) -> None:
    def places(form: Format | None, tasks: list[Task]) -> dict[str, Path]:
        writer = PredictionWriter()
        assert writer.written == {}
        write(writer, tmp_path, two_sizes(), tasks, form)
        return {what: folder.relative_to(tmp_path) for what, folder in writer.written.items()}

    pictures, numbers = Path("predictions"), Path("submission")
    assert places(None, DENSE) == {"pictures": pictures, "arrays": pictures}
    assert places(Format(), [Depth()]) == {"pictures": pictures, "numbers": numbers}
    both = {"pictures": pictures, "numbers": numbers, "arrays": pictures}
    assert places(Format(), DENSE) == both


BAD = ["../victim", "a/../../victim", "{tmp}/victim", "", ".", "..", "a//b", "a/", "a\\b", "a\0b"]


@pytest.mark.parametrize("form", [None, Format()])
@pytest.mark.parametrize("name", BAD)
def test_names_that_leave_their_folder_are_refused(
    tmp_path: Path, name: str, form: Format | None
) -> None:
    (tmp_path / "run").mkdir()
    outputs = {"name": [name.format(tmp=tmp_path)], "depth": torch.ones(1, 1, 2, 2)}
    with pytest.raises(ValueError, match=r"`name` of a sample must be a relative path"):
        write(PredictionWriter(), tmp_path / "run", outputs, [Depth()], form)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("folder", ["../victim", "/victim", "a/../../victim"])
def test_format_whose_folder_leaves_the_run_is_refused(tmp_path: Path, folder: str) -> None:
    form = Format()
    form.folder = folder
    outputs = {"name": ["a"], "depth": torch.ones(1, 1, 2, 2)}
    with pytest.raises(ValueError, match="must be a relative path"):
        write(PredictionWriter(), tmp_path / "run", outputs, [Depth()], form)
    assert not (tmp_path / "victim").exists()


def test_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (tmp_path / "run" / "predictions").mkdir(parents=True)
    (tmp_path / "run" / "predictions" / "a").symlink_to(victim)
    outputs = {"name": ["a/b"], "depth": torch.ones(1, 1, 2, 2)}
    with pytest.raises(ValueError, match="would not be below"):
        write(PredictionWriter(), tmp_path / "run", outputs, [Depth()], None)
    assert not list(victim.iterdir())


def test_link_in_the_place_of_a_file_is_replaced_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "predictions").mkdir()
    (tmp_path / "predictions" / "a_depth.png").symlink_to(victim)
    written(tmp_path, {"name": ["a"], "depth": torch.ones(1, 1, 2, 2)}, [Depth()])
    assert victim.read_text() == "mine"


def test_folder_of_all_predictions_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "predictions").symlink_to("disk")
    written(tmp_path, {"name": ["a"], "depth": torch.ones(1, 1, 2, 2)}, [Depth()])
    assert (tmp_path / "disk" / "a.npz").is_file()


def test_two_samples_of_one_name_are_refused(tmp_path: Path) -> None:
    outputs = {"name": ["a", "a"], "depth": torch.ones(2, 1, 2, 2)}
    with pytest.raises(ValueError, match=r"must be its own, found two .*a_depth\.png"):
        write(PredictionWriter(), tmp_path, outputs, [Depth()], None)
    tasks: list[Task] = [Depth(name="inverse_depth"), Depth()]
    outputs = {"name": ["b", "b_inverse"]} | {task.name: torch.ones(2, 1, 2, 2) for task in tasks}
    with pytest.raises(ValueError, match=r"found two .*b_inverse_depth\.png"):
        write(PredictionWriter(), tmp_path, outputs, tasks, None)


def test_next_prediction_may_write_the_same_files(tmp_path: Path) -> None:
    writer, outputs = PredictionWriter(), {"name": ["a"], "depth": torch.ones(1, 1, 2, 2)}
    for _ in range(2):
        write(writer, tmp_path, outputs, [Depth()], None)
