"""Names on a skip list that match nothing are said in training."""

import warnings
from pathlib import Path
from typing import ClassVar

import pytest

from tests.fakes.tree import Tree, write_tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "tree")


def listed(root: Path, *names: str) -> Path:
    file = root.parent / "skip.txt"
    file.write_text("\n".join(names))
    return file


def test_names_of_no_sample_are_warned_of_once(root: Path) -> None:
    data = Tree(root, skip=listed(root, "train2", "val0", "trian3", "train33"))
    expected = r"`skip`.*skip\.txt`, names 2 samples that Tree does not have: `train33`, `trian3`\."
    with pytest.warns(UserWarning, match=expected):
        data.setup("fit")
    data.setup("test")
    assert len(data.samples["train"]) == 4


def test_names_of_another_split_are_known(root: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Tree(root, skip=listed(root, "train2", "val0")).setup("validate")
        Tree(root).setup()


def test_lists_that_are_shipped_may_name_what_is_not_there(root: Path) -> None:
    shipped = root.parent / "shipped.txt"
    shipped.write_text("train3\nelsewhere\n")

    class Damaged(Tree):
        known_bad: ClassVar[Path | None] = shipped

    # A list of one's own may repeat them.
    data = Damaged(root, skip=listed(root, "elsewhere", "train0"))
    data.setup()
    assert len(data.samples["train"]) == 3
    assert data.unmatched() == []


def test_names_are_not_judged_while_a_split_is_missing(root: Path) -> None:
    data = Tree(root, skip=listed(root, "val7", "train2"))
    assert data.unmatched() == ["val7"]
    for file in (root / "val").iterdir():
        file.unlink()
    assert data.unmatched() == []
