from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from datamodules.disk.images import UnreadableFileError
from datamodules.taskonomy.buildings import buildings_of, read_buildings, stored_buildings


def test_tiny_has_its_buildings() -> None:
    tiny = stored_buildings()
    assert [len(tiny[split]) for split in ("train", "val", "test")] == [25, 5, 5]
    assert max(Counter(chain.from_iterable(tiny.values())).values()) == 1
    assert tiny["val"] == ["collierville", "corozal", "darden", "markleeville", "wiconisco"]
    assert tiny["test"] == ["ihlen", "mcdade", "muleshoe", "noxapater", "uvalda"]


def test_larger_sizes_come_from_the_makers_file_in_the_root(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"train_val_test_medium\.csv.*`tiny`"):
        buildings_of("medium", tmp_path)
    content = "id,train,val,test\rone,1,0,0\rtwo,0,0,1"
    (tmp_path / "train_val_test_medium.csv").write_bytes(content.encode())
    assert buildings_of("medium", tmp_path) == {"train": ["one"], "val": [], "test": ["two"]}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", "found ``"),
        ("id,train,test\nhanson,1,0", "`id,train,test`"),
        ("id,train,val,test\nhanson,1,1,0", "`hanson,1,1,0`"),
        ("id,train,val,test\nhanson,1,0", "`hanson,1,0`"),
        ("id,train,val,test\nhanson,1,0,0\nhanson,0,1,0", "`hanson,0,1,0`"),
        (b"\xff\xfe\x00", "codec"),
    ],
)
def test_damaged_split_file_is_named(tmp_path: Path, content: str | bytes, found: str) -> None:
    file = tmp_path / "split.csv"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UnreadableFileError, match=r"split\.csv") as error:
        read_buildings(file)
    assert found in str(error.value)
