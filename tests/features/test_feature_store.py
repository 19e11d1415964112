"""Rows are found by who wrote them and by others, whole or not at all."""

import resource
import shutil
import signal
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from vtagml.features import FeatureStore

SHAPES = [(2, 3), (4,)]
Open = Callable[..., FeatureStore]
KEYS = [bytes([number] * 16) for number in range(4)]


def features(number: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(number)
    return [torch.randn(shape, generator=generator).to(dtype) for shape in SHAPES]


@pytest.fixture
def store() -> Iterator[Open]:
    opened = []

    def open_store(folder: Path, dtype: torch.dtype = torch.float32) -> FeatureStore:
        opened.append(FeatureStore(folder, SHAPES, dtype))
        return opened[-1]

    yield open_store
    for each in opened:
        each.close()


def same(found: list[Tensor] | None, expected: list[Tensor]) -> bool:
    return found is not None and all(map(torch.equal, found, expected))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_what_is_put_is_found_here_and_by_others(
    tmp_path: Path, store: Open, dtype: torch.dtype
) -> None:
    first, second = store(tmp_path, dtype), store(tmp_path, dtype)
    assert first.find(KEYS[0]) is None
    first.put(KEYS[0], features(0, dtype))
    first.put(KEYS[1], features(1, dtype))
    second.put(KEYS[2], features(2, dtype))
    assert second.find(KEYS[0]) is None  # not learned yet

    first.refresh()
    second.refresh()
    first.put(KEYS[3], features(3, dtype))
    second.refresh()  # of a shard that it has read before

    for each in (first, second, store(tmp_path, dtype)):
        assert len(each) == 4
        assert all(same(each.find(key), features(n, dtype)) for n, key in enumerate(KEYS))


@pytest.mark.parametrize("host", ["node", "mac.local", "node1.cluster.local"])
def test_hosts_may_be_called_anything(
    tmp_path: Path, store: Open, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: host)
    for number in range(2):
        store(tmp_path).put(KEYS[number], features(number))
    found = store(tmp_path)
    assert all(same(found.find(KEYS[number]), features(number)) for number in range(2))


def test_whoever_deletes_the_folder_loses_nothing_but_time(tmp_path: Path, store: Open) -> None:
    store(tmp_path / "folder").put(KEYS[0], features(0))
    reader = store(tmp_path / "folder")
    shutil.rmtree(tmp_path / "folder")
    assert reader.find(KEYS[0]) is None
    reader.refresh()
    reader.put(KEYS[0], features(0))
    assert same(reader.find(KEYS[0]), features(0))


def test_no_more_is_kept_than_there_is_room_for(tmp_path: Path, store: Open) -> None:
    small = store(tmp_path)
    small.room = 1
    small.put(KEYS[0], features(0))
    small.put(KEYS[1], features(1))
    assert len(small) == 1


@pytest.mark.parametrize("ending", [".rows", ".keys"])
def test_what_a_kill_left_half_written_counts_for_nothing(
    tmp_path: Path, store: Open, ending: str
) -> None:
    written = store(tmp_path)
    written.put(KEYS[0], features(0))
    written.close()
    (file,) = tmp_path.glob(f"*{ending}")
    with file.open("ab") as out:
        out.write(b"half a row")

    found = store(tmp_path)

    assert len(found) == 1
    assert same(found.find(KEYS[0]), features(0))


def test_a_row_that_the_disk_has_changed_is_made_anew(tmp_path: Path, store: Open) -> None:
    written = store(tmp_path)
    written.put(KEYS[0], features(0))
    written.put(KEYS[1], features(1))
    written.close()
    (file,) = tmp_path.glob("*.rows")
    content = bytearray(file.read_bytes())
    content[3] ^= 1
    file.write_bytes(content)

    found = store(tmp_path)

    assert found.find(KEYS[0]) is None
    assert same(found.find(KEYS[1]), features(1))
    found.put(KEYS[0], features(0))
    for each in (found, store(tmp_path), store(tmp_path)):
        assert same(each.find(KEYS[0]), features(0))


def test_a_full_disk_is_one_warning_and_leaves_whole_rows(tmp_path: Path, store: Open) -> None:
    full = store(tmp_path)
    full.put(KEYS[0], features(0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # or the system ends the process
    resource.setrlimit(resource.RLIMIT_FSIZE, (full.length + 5, before[1]))
    try:
        with pytest.warns(UserWarning, match="frozen part's features could not be made"):
            full.put(KEYS[1], features(1))
        with warnings.catch_warnings(action="error"):
            full.put(KEYS[2], features(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert full.find(KEYS[1]) is None
    full.put(KEYS[3], features(3))  # there is room again

    for each in (full, store(tmp_path)):
        assert len(each) == 2
        assert same(each.find(KEYS[0]), features(0))
        assert same(each.find(KEYS[3]), features(3))
