"""A prepared copy gives bit for bit what the reader gives, or is refused."""

import json
import os
import pickle
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import pytest
import torch

from datamodules import Cityscapes
from datamodules.prepared import Copy
from datamodules.prepared.identity import described
from datamodules.prepared.prepare import prepare
from datamodules.prepared.watching import files_read
from datamodules.writing import write_scenes
from tests.fakes.tree import SIZES, Tree, assert_prepared, assert_same, change_pixel, write_tree

TASKS = ("segmentation", "depth")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


@pytest.mark.parametrize("processes", [0, 2])
def test_copy_has_the_values_of_the_files(root: Path, processes: int) -> None:
    data = Tree(root)
    folders = prepare(data, processes=processes)
    assert [folder.name for folder in folders] == ["train", "val", "test"]
    assert_prepared(data)
    # The test split is the validation split: one copy serves both.
    assert folders[2].is_symlink()
    assert folders[2].resolve() == folders[1].resolve()


def test_batches_are_the_same_with_and_without(root: Path) -> None:
    data = Tree(root)
    data.setup()
    plain = [list(data.train_dataloader()), list(data.val_dataloader())]
    prepare(data, processes=0)
    data.setup()
    loaders = (data.train_dataloader(), data.val_dataloader())
    for loader, expected in zip(loaders, plain, strict=True):
        for batch, other in zip(loader, expected, strict=True):
            assert batch.keys() == other.keys()
            assert batch.keys() - {"size"} == {"image", "name", "camera", *data.offers}
            for key in batch.keys() - {"name"}:
                # Edges are computed; sums over arrays at other addresses may round otherwise.
                atol = 1e-6 if key == "edges" else 0
                torch.testing.assert_close(
                    batch[key], other[key], rtol=0, atol=atol, equal_nan=True
                )


def test_sizes_types_and_space(root: Path) -> None:
    data = Tree(root)
    (folder, *_) = prepare(data, processes=0)
    read = data.source("train").read
    samples = [read(record, TASKS) for record in data.source("train").records]
    assert [sample["image"].shape[:2] for sample in samples] == [SIZES[i % 2] for i in range(5)]
    assert samples[0]["segmentation"].dtype == np.uint8  # the reader gave 8 bytes per pixel
    assert samples[0]["depth"].dtype == np.float32
    # Arrays begin at multiples of 64 bytes; 16 x 24 = 6 * 64 pixels, 20 x 24 = 7.5 * 64.
    assert (folder / "segmentation.raw").stat().st_size == 384 + 480 + 32 + 384 + 480 + 32 + 384


def test_views_are_read_only_and_nothing_is_copied(root: Path) -> None:
    data = Tree(root)
    prepare(data, processes=0)
    source = data.source("train")
    sample = source.read(source.records[0], TASKS)
    for key in ("image", *TASKS):
        assert not sample[key].flags.writeable
        assert not sample[key].flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        sample["image"][:] = 0
    assert source.checked
    data.setup()
    assert data.samples["train"][0]["image"].sum() > 0  # tensors are made without a warning


def test_pickle_holds_no_data(root: Path) -> None:
    data = Tree(root)
    prepare(data, processes=0)
    source = data.source("train")
    first = source.read(source.records[0], TASKS)
    pickled = pickle.dumps(source.read)
    assert len(pickled) < 1000
    assert_same(pickle.loads(pickled)(source.records[0], TASKS), first)


def test_only_the_tasks_asked_for_are_given(root: Path) -> None:
    prepare(Tree(root), processes=0)
    data = Tree(root, tasks=["depth"])
    source = data.source("train")
    assert isinstance(source.read, Copy)
    assert source.read(source.records[0], data.reads).keys() == {"image", "name", "camera", "depth"}


def test_skipped_samples_need_no_new_copy(root: Path, tmp_path: Path) -> None:
    prepare(Tree(root), processes=0)
    (tmp_path / "bad.txt").write_text("train2\n")
    data = Tree(root, skip=tmp_path / "bad.txt")
    source = data.source("train")
    assert isinstance(source.read, Copy)
    names = [source.read(record, [])["name"] for record in source.records]
    assert names == ["train0", "train1", "train3", "train4"]


def touch(root: Path) -> None:
    os.utime(root / "train" / "train3_depth.png", (0, 0))


def add_sample(root: Path) -> None:
    for kind in ("image", "classes", "depth"):
        content = (root / "train" / f"train0_{kind}.png").read_bytes()
        (root / "train" / f"train9_{kind}.png").write_bytes(content)


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (change_pixel, "files of `train1` have changed"),
        (touch, "files of `train3` have changed"),
        (add_sample, "does not have `train9`"),
    ],
)
def test_copy_of_another_state_is_refused_then_replaced(root: Path, change, finding: str) -> None:
    data = Tree(root)
    prepare(data, processes=0)
    change(root)
    with pytest.raises(ValueError, match=rf"{finding}.*lightning prepare"):
        data.source("train")
    prepare(data, processes=0)
    source, original = data.source("train"), data.original("train")
    for record, own in zip(source.records, original.records, strict=True):
        assert_same(source.read(record, TASKS), original.read(own, TASKS))


def test_reader_whose_code_has_changed_is_noticed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Tree(root)
    prepare(data, processes=0)
    monkeypatch.setattr("tests.fakes.tree.MILLIMETRES", 500)
    with pytest.raises(ValueError, match="is read otherwise"):
        data.source("train")


def test_other_settings_have_a_copy_of_their_own(root: Path) -> None:
    prepare(Tree(root), processes=0)
    other = Tree(root, farthest=2.0)
    with pytest.warns(UserWarning, match="Only copies with other settings"):
        assert not isinstance(other.source("train").read, Copy)
    prepare(other, processes=0)
    assert_prepared(other)
    assert_prepared(Tree(root))
    assert np.isnan(
        other.source("train").read(other.source("train").records[4], ["depth"])["depth"]
    ).all()


def truncate(folder: Path) -> None:
    with (folder / "depth.raw").open("r+b") as file:
        file.truncate(100)


def remove_array(folder: Path) -> None:
    (folder / "image.raw").unlink()


def change_index(folder: Path) -> None:
    content = bytearray((folder / "index.bin").read_bytes())
    content[10] ^= 1
    (folder / "index.bin").write_bytes(bytes(content))


def half_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text((folder / "manifest.json").read_text()[:50])


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        # 5 depth maps of 4 bytes per pixel: 3 of 16 x 24 and 2 of 20 x 24 pixels, all aligned.
        (truncate, "`depth.raw` should have 8448 bytes, found 100"),
        # 16 x 24 x 3 = 18 * 64 bytes, 20 x 24 x 3 = 22.5 * 64: 3 * 1152 + 2 * (1440 + 32).
        (remove_array, "`image.raw` should have 6400 bytes, found 0"),
        (change_index, "`index.bin`.* was changed"),
        (half_manifest, "`manifest.json` is missing or not readable"),
    ],
)
def test_damage_is_refused_then_repaired(root: Path, damage, finding: str) -> None:
    data = Tree(root)
    (folder, *_) = prepare(data, processes=0)
    damage(folder)
    with pytest.raises(ValueError, match=rf"{finding}.*lightning prepare"):
        data.source("train")
    prepare(data, processes=0)
    assert_prepared(data)


def test_copies_outlive_a_move_of_the_dataset(root: Path) -> None:
    prepare(Tree(root), processes=0)
    moved = root.rename(root.with_name("moved"))
    assert_prepared(Tree(moved))


@dataclass(frozen=True)
class Settings:
    place: Path
    table: np.ndarray
    options: dict[str, tuple[int, ...]]


def test_a_copy_of_other_samples_is_left_alone(tmp_path: Path) -> None:
    root = tmp_path / "cityscapes"
    write_scenes("cityscapes", root, count=2, size=(32, 64), processes=0)
    validated = Cityscapes(root, (32, 64), tasks=["segmentation"])
    submitted = Cityscapes(root, (32, 64), tasks=["segmentation"], test_split="test")
    prepare(validated, processes=0)
    with pytest.warns(UserWarning, match=r"test` is of other samples of this dataset"):
        assert not submitted.source("test").checked
    assert validated.source("test").checked
    prepare(submitted, processes=0)
    assert submitted.source("test").checked
    with pytest.warns(UserWarning, match=r"test` is of other samples of this dataset"):
        assert not validated.source("test").checked


def test_description_tells_settings_apart_and_nothing_else(tmp_path: Path) -> None:
    def of(place: str = "a", last: int = 2, option: int = 1, root: Path = tmp_path) -> str:
        table = np.array([0, 1, last], np.uint8)
        return json.dumps(described(Settings(root / place, table, {"x": (option,)}), root))

    assert of() == of()
    assert of() == of(root=tmp_path / "elsewhere")
    assert len({of(), of(place="b"), of(last=3), of(option=2)}) == 4
    with pytest.raises(TypeError, match="cannot be told apart"):
        described(object(), tmp_path)
    assert described(PurePath, tmp_path) == "pathlib.PurePath"


def test_files_that_are_read_are_noticed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    for name in ("root/b.txt", "root/a.txt", "outside.txt", "root/never.txt"):
        (tmp_path / name).write_text("x")
    with files_read(tmp_path / "root") as files:
        (tmp_path / "root" / "b.txt").read_text()
        np.fromfile(tmp_path / "root" / "a.txt", np.uint8)
        (tmp_path / "outside.txt").read_bytes()
    (tmp_path / "root" / "never.txt").read_text()
    assert files == ["a.txt", "b.txt"]
