"""Labels that are withheld are never read for training, whatever lies in their files."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

from datamodules import VKITTI2, Cityscapes, DenseDataModule, NYUDv2, Scenes, Synthia, Taskonomy
from datamodules.files import FileDataModule
from datamodules.prepared.prepare import prepare
from datamodules.prepared.watching import files_read
from datamodules.writing import write_scenes

SIZE = (32, 48)
DATASETS: dict[str, type[FileDataModule]] = {
    "taskonomy": Taskonomy,
    "nyudv2": NYUDv2,
    "cityscapes": Cityscapes,
    "synthia": Synthia,
    "vkitti2": VKITTI2,
}
ALL = ("segmentation", "depth", "normals", "edges")
WITHHELD = [("segmentation",), ("depth", "normals"), ("normals",), ALL]

Make = Callable[..., DenseDataModule]


@pytest.fixture(scope="module", params=DATASETS)
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset's folder, in a folder of the dataset's name."""
    folder = tmp_path_factory.mktemp(request.param) / request.param
    form = "npy" if request.param == "nyudv2" else None
    write_scenes(request.param, folder, count=4, form=form, size=(48, 64), processes=0)
    return folder


def made(folder: Path, withheld: Sequence[str] = (), **settings: str) -> FileDataModule:
    kind = DATASETS[folder.name]
    data = kind(folder, SIZE, batch_size=2, workers=0, withheld=withheld, **settings)
    data.setup()
    return data


def label_files(folder: Path, tasks: Sequence[str]) -> list[Path]:
    """What is read of the training samples for the sake of these tasks and of no other."""
    data = made(folder)
    others = data.needs([task for task in ALL if task not in tasks])
    source = data.source("train")
    opened = []
    # The others first: a file that both need and the reader keeps is opened once.
    for reads in (others, data.reads):
        with files_read(folder) as files:
            for record in source.records:
                source.read(record, reads)
        opened.append(set(files))
    return [folder / name for name in sorted(opened[1] - opened[0])]


def loaded(data: DenseDataModule, split: str) -> list[dict[str, torch.Tensor]]:
    return [data.samples[split][index] for index in range(len(data.samples[split]))]


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for key, value in found.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(value, expected[key], rtol=0, atol=1e-6, equal_nan=True)


@pytest.mark.parametrize("withheld", WITHHELD, ids="-".join)
def test_training_lacks_withheld_labels_and_evaluation_has_them(
    tree: Path, withheld: tuple[str, ...]
) -> None:
    plain, data = made(tree), made(tree, withheld)
    kept = set(ALL) - set(withheld)
    for found, expected in zip(loaded(data, "train"), loaded(plain, "train"), strict=True):
        assert found.keys() & set(ALL) == kept
        assert_same(found, expected)
    for split in ("val", "test"):
        for found, expected in zip(loaded(data, split), loaded(plain, split), strict=True):
            assert found.keys() == expected.keys() >= set(ALL)
            assert_same(found, expected)
    batch = next(iter(data.train_dataloader()))
    assert batch.keys() & set(ALL) == kept


@pytest.mark.parametrize("withheld", WITHHELD, ids="-".join)
def test_withheld_files_are_not_opened(tree: Path, withheld: tuple[str, ...]) -> None:
    labels = label_files(tree, withheld)
    data = made(tree, withheld)
    with files_read(tree) as opened:
        # Listed anew, as a run does it, and every sample loaded.
        data.setup("fit")
        list(data.train_dataloader())
    assert opened
    assert {tree / name for name in opened}.isdisjoint(labels)


@pytest.mark.parametrize("content", [None, b"garbage"], ids=["absent", "garbage"])
@pytest.mark.parametrize("withheld", WITHHELD, ids="-".join)
def test_withheld_files_may_be_absent_or_garbage(
    tree: Path, withheld: tuple[str, ...], content: bytes | None, tmp_path: Path
) -> None:
    labels = label_files(tree, withheld)
    # Derived normals have no file of their own where depth is a task, too.
    assert labels or withheld == ("normals",)
    broken = tmp_path / tree.name
    shutil.copytree(tree, broken)
    for file in labels:
        place = broken / file.relative_to(tree)
        place.unlink() if content is None else place.write_bytes(content)
    for found, expected in zip(
        loaded(made(broken, withheld), "train"), loaded(made(tree, withheld), "train"), strict=True
    ):
        assert found.keys() == expected.keys()
        assert_same(found, expected)
    if labels:
        with pytest.raises((OSError, ValueError)):
            loaded(made(broken), "train")


@pytest.mark.parametrize("cache", [True, False])
def test_scenes_withhold_labels(cache: bool, tmp_path: Path) -> None:
    data = Scenes(
        image_size=SIZE,
        train=2,
        val=1,
        test=1,
        cache=tmp_path if cache else None,
        batch_size=2,
        workers=0,
        withheld=["depth"],
    )
    data.prepare_data()
    data.setup()
    with files_read(tmp_path) as opened:
        assert loaded(data, "train")[0].keys() & set(ALL) == {"segmentation", "normals", "edges"}
    assert any("normals" in file for file in opened) == cache
    assert not any("depth" in file for file in opened)
    assert loaded(data, "val")[0].keys() >= set(ALL)


def test_a_prepared_copy_is_not_opened_where_labels_are_withheld(tmp_path: Path) -> None:
    tree = tmp_path / "synthia"
    write_scenes("synthia", tree, count=4, size=(48, 64), processes=0)
    prepare(made(tree), processes=0)
    with files_read(tree) as opened:
        loaded(made(tree, ["segmentation"]), "train")
    assert any(file.endswith("train/depth.raw") for file in opened)
    assert not any("segmentation.raw" in file and "train" in file for file in opened)


@pytest.mark.parametrize(
    ("dataset", "form", "settings"),
    [
        ("cityscapes", "plain", {}),
        ("cityscapes", "extra", {"train_split": "coarse"}),
        ("cityscapes", "extra", {"train_split": "both"}),
        ("taskonomy", "omnitools", {}),
    ],
)
def test_a_copy_gives_no_camera_whose_task_is_withheld(
    dataset: str, form: str, settings: dict[str, str], tmp_path: Path
) -> None:
    tree = tmp_path / dataset
    write_scenes(dataset, tree, count=4, form=form, size=(48, 64), processes=0)
    withheld = ["depth", "normals"]
    expected = loaded(made(tree, withheld, **settings), "train")
    prepare(made(tree, **settings), processes=0)
    data = made(tree, withheld, **settings)
    assert data.source("train").checked
    for found, own in zip(loaded(data, "train"), expected, strict=True):
        assert found.keys() == own.keys()
        assert_same(found, own)
    assert "camera" in loaded(made(tree, **settings), "train")[0]


def test_images_alone_form_a_batch() -> None:
    data = Scenes(
        image_size=SIZE, train=2, val=1, test=1, cache=None, batch_size=2, workers=0, withheld=ALL
    )
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch.keys() == {"image", "name", "camera"}


@pytest.mark.parametrize("withheld", [["saliency"], ["depth"], "segmentation"])
def test_withheld_is_of_the_tasks(withheld: Sequence[str]) -> None:
    with pytest.raises(ValueError, match=r"`withheld` should be a list of some of the `tasks`"):
        Scenes(cache=None, tasks=["segmentation", "edges"], withheld=withheld)


def test_what_is_derived_from_a_withheld_label_is_withheld_too(tmp_path: Path) -> None:
    # Said before anything is looked for.
    with pytest.raises(ValueError, match=r"\['depth'\] would be read to derive .*'normals'"):
        made(tmp_path / "synthia", ["depth"])
