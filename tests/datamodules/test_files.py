from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pytest
import torch
from jsonargparse import ArgumentParser

from datamodules.derive import NORMALS_FROM_DEPTH, SOBEL_EDGES
from datamodules.disk.names import name_line, names_in, read_names
from datamodules.files import DatasetNotFoundError, FileDataModule
from datamodules.geometry import Geometry, Pad, RandomCrop, Resize
from datamodules.labels import Labels
from datamodules.samples import Draw
from datamodules.settings import checked_depth_range
from datamodules.transforms import Sample, Transform
from datamodules.writing import Layout, find_layout

SIZE = (16, 24)


class Line(NamedTuple):
    name: str


@dataclass(frozen=True)
class LineReader:
    """Gives a wall 2 m away; says what it was asked for in its class ids' first pixel."""

    def __call__(self, line: Line, tasks: Sequence[str]) -> Sample:
        assert set(tasks) <= {"segmentation", "depth"}  # the rest is not shipped
        image = np.random.default_rng(len(line.name)).integers(0, 256, (32, 48, 3), np.uint8)
        maps = {
            "segmentation": np.zeros((32, 48), np.uint8),
            "depth": np.full((32, 48), 2, np.float32),
        }
        camera = np.float32([40, 40, 24, 16])
        shipped = {task: maps[task] for task in tasks}
        return {"image": image, "name": line.name, "camera": camera} | shipped


class Shelf(FileDataModule):
    derives = {"normals": NORMALS_FROM_DEPTH, "edges": SOBEL_EDGES}
    download: ClassVar[str] = "https://example.org/shelf"
    layouts: ClassVar[tuple[Layout, ...]] = (find_layout("folders"),)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(["a"])}

    def records(self, split: str) -> list[Line]:
        return [Line(f"{split}_{number}") for number in range(4)]

    def reader(self) -> LineReader:
        return LineReader()


class Recorder(Transform):
    """Marks that it was used by a pixel of its own."""

    def __init__(self, column: int) -> None:
        self.column = column

    def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
        image = sample["image"].copy()
        image[0, self.column] = 255 - self.column
        return sample | {"image": image}


def shelf(root: Path = Path("shelf"), **settings) -> Shelf:
    data = Shelf(root, SIZE, **{"batch_size": 2, "workers": 0} | settings)
    data.setup()
    return data


@pytest.mark.parametrize(
    ("tasks", "reads"),
    [
        (["normals"], ("depth",)),
        (["edges"], ()),
        (["edges", "segmentation"], ("segmentation",)),
        (["normals", "depth"], ("depth",)),
        (None, ("segmentation", "depth")),
    ],
)
def test_what_is_derived_is_read_through_what_it_needs(tasks, reads) -> None:
    data = shelf(tasks=tasks)
    assert data.reads == reads
    keys = {"image", "name", "camera", *data.tasks}
    assert data.samples["train"][0].keys() == keys
    assert data.samples["val"][0].keys() == keys | {"size"}


def test_every_split_ends_at_the_networks_size() -> None:
    data = shelf(evaluated_at="network")
    for split in ("train", "val", "test"):
        sample = data.samples[split][1]
        assert sample["image"].shape == (3, *SIZE)
        assert sample["normals"].shape == (3, *SIZE)
        assert sample["edges"].shape == (1, *SIZE)
    # 48 x 32 to 24 x 16 in evaluation: half the focal length, half the principal point.
    assert data.samples["val"][0]["camera"].tolist() == [20, 20, 12, 8]


def test_geometry_comes_before_and_augmentation_after_deriving() -> None:
    data = shelf(geometry=[Resize(SIZE)], augment=[Recorder(3)], tasks=["edges"])
    train, plain = data.samples["train"][0], shelf(geometry=[Resize(SIZE)], augment=[])
    assert (train["image"][:, 0, 3] == 252).all()
    # The augmentation is of the image alone: edges are those of the image before it.
    torch.testing.assert_close(train["edges"], plain.samples["train"][0]["edges"])
    assert not (data.samples["val"][0]["image"][:, 0, 3] == 252).all()


def test_steps_of_geometry_are_one_resampling() -> None:
    data = shelf(geometry=[Resize((20, 30)), RandomCrop(SIZE)], augment=[], tasks=["depth"])
    assert sum(isinstance(each, Geometry) for each in data.transforms("train")) == 1
    assert data.samples["train"][0]["image"].shape == (3, *SIZE)


def test_training_depends_on_seed_and_epoch() -> None:
    samples = shelf(augment=[]).samples["train"]
    first, again, later = (samples[draw]["image"] for draw in (0, Draw(0, 0), Draw(1, 0)))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first, shelf(augment=[], seed=1).samples["train"][0]["image"])


def test_geometry_that_ends_elsewhere_is_an_error_with_the_sample() -> None:
    data = shelf(geometry=[Resize((20, 30))])
    with pytest.raises(ValueError, match=r"`image_size`, \(16, 24\), found \(20, 30\).*`train_2`"):
        data.samples["train"][2]


def test_padding_is_unknown_in_derived_labels() -> None:
    data = shelf(geometry=[Resize((12, 20)), Pad(SIZE)], augment=[], tasks=["normals", "edges"])
    sample = data.samples["train"][0]
    assert sample["edges"][0, 12:].isnan().all()
    assert sample["edges"][0, :, 20:].isnan().all()
    assert sample["normals"][:, 11:].isnan().all()
    assert not sample["edges"][0, :8, :16].isnan().any()
    assert not sample["normals"][:, 1:10, 1:18].isnan().any()


def test_skip_list_is_added_to_the_known_bad_samples(tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("# damaged in the archive\nval_0\n\n")
    own = tmp_path / "own.txt"
    own.write_text("train_1  # by check\r\n  train_3\nval_2\nother_dataset_9\n")

    class Damaged(Shelf):
        known_bad: ClassVar[Path | None] = known

    data = Damaged("shelf", SIZE, skip=own)
    assert [record.name for record in data.source("train").records] == ["train_0", "train_2"]
    assert [record.name for record in data.source("val").records] == ["val_1", "val_3"]
    assert [record.name for record in Damaged("shelf", SIZE).source("val").records] == [
        f"val_{number}" for number in (1, 2, 3)
    ]
    # Listing them stays complete, for `check`.
    assert len(data.records("train")) == 4


def test_skip_list_that_is_not_there(tmp_path: Path) -> None:
    data = Shelf("shelf", SIZE, skip=tmp_path / "absent.txt")
    with pytest.raises(FileNotFoundError, match=r"absent\.txt` does not exist.*--write-skip-list"):
        data.setup()


def test_skipping_everything_is_an_error(tmp_path: Path) -> None:
    skip = tmp_path / "skip.txt"
    skip.write_text("\n".join(f"val_{number}" for number in range(4)))
    with pytest.raises(DatasetNotFoundError, match="at least one sample of the split `val`"):
        Shelf(tmp_path, SIZE, skip=skip).setup("validate")


@pytest.mark.parametrize("state", ["does not exist", "has other content"])
def test_missing_dataset_says_where_what_and_how(tmp_path: Path, state: str) -> None:
    root = tmp_path / "books"
    if state == "has other content":
        root.mkdir()
    message = str(Shelf(root, SIZE).not_found("a book"))
    assert message == (
        f"Shelf was not found: `root` is `{root}`, which {state}; expected a book."
        " The dataset is had from https://example.org/shelf. For a small stand-in of drawn scenes"
        f" run `lightning scenes --as folders --out {root} --count 40`."
    )
    assert isinstance(Shelf(root, SIZE).not_found("a book"), FileNotFoundError)


def test_scenes_are_not_proposed_for_a_folder_of_other_things(tmp_path: Path) -> None:
    root = tmp_path / "my books"
    root.mkdir()
    (root / "letter.txt").touch()
    message = str(Shelf(root, SIZE).not_found("a book"))
    assert message.endswith(
        f" run `lightning scenes --as folders --out '{root}-scenes' --count 40`"
        f" and point `root` to `{root}-scenes`."
    )


def test_names_in_a_list(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("# all\n\na_1\n b_2 # because\n")
    assert read_names(file) == ["a_1", "b_2"]


def test_a_name_may_hold_what_begins_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text('a#1\nb #2\n"c # 3"  # because\n"d\n"e" f\n"\\g"\n')
    # A comment begins after a space; what is no JSON is a name as it stands.
    assert read_names(file) == ["a#1", "b", "c # 3", '"d', '"e" f', '"\\g"']


@pytest.mark.parametrize(
    "name", ["a", "a b", "a#b", "a #", "# a", " a", '"', '"a"', "a\nb", "ü\u2028", "\udc80", ""]
)
def test_every_name_has_a_line(name: str) -> None:
    assert list(names_in(f"# reason\n{name_line(name)}\n")) == [name]


def test_image_size_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match=r"`image_size` should be a height .* found \(0, 24\)"):
        Shelf("shelf", (0, 24))


def test_a_config_builds_it() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(FileDataModule, "data")
    name = f"{Shelf.__module__}.Shelf"
    settings = {
        "root": "somewhere",
        "image_size": [16, 24],
        "tasks": ["depth"],
        "geometry": [
            {"class_path": "datamodules.RandomView", "init_args": {"size": [16, 24]}},
        ],
    }
    config = parser.parse_object({"data": {"class_path": name, "init_args": settings}})
    data = parser.instantiate(config).data
    assert data.root == Path("somewhere")
    assert data.image_size == SIZE
    assert type(data.geometry[0]).__name__ == "RandomView"


@pytest.mark.parametrize("wrong", [(), (1.0,), (1.0, 2.0, 3.0), (2.0, 1.0), (-1.0, 2.0)])
def test_range_of_depth_is_two_rising_numbers(wrong: tuple) -> None:
    with pytest.raises(ValueError, match="`depth_range` should be two rising"):
        checked_depth_range(wrong)
