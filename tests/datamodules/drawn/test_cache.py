import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest

from datamodules.drawn.cache import Cache, Kept
from datamodules.samples import Source
from datamodules.transforms import Sample

TASKS = ("depth", "normals", "shape")
COUNT = 4


def halved(values: np.ndarray) -> np.ndarray:
    return values / 2


@dataclass(frozen=True)
class Drawn:
    """Draws small samples; drawing number `breaks_at` fails."""

    breaks_at: int = COUNT

    def __call__(self, index: int, tasks: Sequence[str]) -> Sample:
        if index == self.breaks_at:
            raise OSError("No space left on device")
        random = np.random.default_rng(index)
        sample = {
            "image": random.integers(0, 256, (4, 6, 3), dtype=np.uint8),
            "depth": random.uniform(1, 9, (4, 6)).astype(np.float32),
            "normals": random.normal(size=(4, 6, 3)).astype(np.float32),
            "shape": np.asarray(index, np.uint8),
        }
        sample["depth"][0, 0] = np.nan
        return {key: sample[key] for key in ("image", *tasks)}


def source(breaks_at: int = COUNT) -> Source[int]:
    return Source(range(COUNT), Drawn(breaks_at))


def cache(folder: Path, seed: int = 0) -> Cache:
    return Cache(folder / "room", {"seed": seed}, {"normals": Kept("float16", halved)})


@pytest.fixture
def prepared(tmp_path: Path) -> Iterator[Cache]:
    prepared = cache(tmp_path)
    prepared.prepare(source(), TASKS, processes=0)
    return prepared


def assert_equal(read: Sample, drawn: Sample) -> None:
    assert read.keys() == drawn.keys()
    for key in read.keys() - {"normals"}:
        np.testing.assert_array_equal(read[key], drawn[key])
        assert read[key].dtype == drawn[key].dtype
    if "normals" in read:
        # float16 has 11 bits: off by at most one part in 2,000. `halved` stands for the restoring.
        np.testing.assert_allclose(read["normals"], drawn["normals"] / 2, rtol=5e-4)
        assert read["normals"].dtype == np.float32


def test_gives_back_what_was_drawn(prepared: Cache) -> None:
    for index in range(COUNT):
        assert_equal(prepared.read(index, TASKS), Drawn()(index, TASKS))


def test_reads_no_other_task(prepared: Cache) -> None:
    assert prepared.read(0, ["shape"]).keys() == {"image", "shape"}


def test_what_is_read_may_be_changed(prepared: Cache) -> None:
    prepared.read(0, TASKS)["image"][:] = 7
    assert_equal(prepared.read(0, TASKS), Drawn()(0, TASKS))


def test_several_processes_draw_the_same(tmp_path: Path) -> None:
    both = cache(tmp_path)
    both.prepare(source(), TASKS, processes=2)
    for index in range(COUNT):
        assert_equal(both.read(index, TASKS), Drawn()(index, TASKS))


def test_is_drawn_once(prepared: Cache) -> None:
    prepared.prepare(source(breaks_at=0), TASKS, processes=0)


def test_pickle_holds_no_data(prepared: Cache) -> None:
    prepared.read(0, TASKS)
    pickled = pickle.dumps(prepared)
    assert len(pickled) < 1000
    assert_equal(pickle.loads(pickled).read(1, TASKS), Drawn()(1, TASKS))


@pytest.mark.parametrize("breaks_at", [0, 2])
def test_failed_render_leaves_nothing(tmp_path: Path, breaks_at: int) -> None:
    with pytest.raises(OSError, match="No space left"):
        cache(tmp_path).prepare(source(breaks_at), TASKS, processes=0)
    assert list(tmp_path.iterdir()) == []


def suicidal(index: int, tasks: Sequence[str]) -> Sample:
    if index == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return Drawn()(index, tasks)


def prepare_in_child(folder: Path, read: Callable[[int, Sequence[str]], Sample]) -> BaseProcess:
    arguments = (Source(range(COUNT), read), TASKS, 0)
    child = get_context("fork").Process(target=cache(folder).prepare, args=arguments)
    child.start()
    return child


def test_killed_render_is_not_taken_as_whole(tmp_path: Path) -> None:
    child = prepare_in_child(tmp_path, suicidal)
    child.join(30)
    assert child.exitcode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    with pytest.raises(FileNotFoundError, match="`prepare_data"):
        cache(tmp_path).verify()
    cache(tmp_path).prepare(source(), TASKS, processes=0)
    assert_equal(cache(tmp_path).read(3, TASKS), Drawn()(3, TASKS))
    assert left.exists()  # it might have been another process's that is still at work
    mine = tmp_path / ".photos.partial"
    mine.mkdir()
    for folder in (left, mine):
        os.utime(folder, (0, 0))  # but surely not after a day
    Cache(tmp_path / "street", {}, {}).prepare(source(), TASKS, processes=0)
    assert not left.exists()
    assert mine.exists()


def test_killed_worker_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ChildProcessError, match="Sample 2: its process was killed"):
        cache(tmp_path).prepare(Source(range(COUNT), suicidal), TASKS, processes=1)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_at_once(tmp_path: Path) -> None:
    children = [prepare_in_child(tmp_path, Drawn()) for _ in range(2)]
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0, 0]
    assert [path.name for path in tmp_path.iterdir()] == ["room"]
    cache(tmp_path).verify()


def test_who_comes_second_takes_the_folder_of_the_first(tmp_path: Path) -> None:
    first, second = cache(tmp_path), cache(tmp_path)

    def overtaken(index: int, tasks: Sequence[str]) -> Sample:
        if index == COUNT - 1:
            first.prepare(source(), TASKS, processes=0)
        return Drawn()(index, tasks)

    second.prepare(Source(range(COUNT), overtaken), TASKS, processes=0)
    assert [path.name for path in tmp_path.iterdir()] == ["room"]
    assert_equal(second.read(3, TASKS), Drawn()(3, TASKS))


def truncate(folder: Path) -> None:
    with (folder / "depth.npy").open("r+b") as file:
        file.truncate(150)


def remove_file(folder: Path) -> None:
    (folder / "depth.npy").unlink()


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def half_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text[: len(text) // 2])


def foreign_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("[1, 2]")


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        # 4 samples of 4 x 6 float32 after a header of 128 bytes.
        (truncate, "`depth.npy` should have 512 bytes, found 150"),
        (remove_file, "`depth.npy` should have 512 bytes, found 0"),
        (remove_manifest, "`manifest.json` is missing"),
        (half_manifest, "`manifest.json` is missing or not readable"),
        (foreign_manifest, "`manifest.json` should hold"),
    ],
)
def test_damage_is_one_error_that_says_what_to_do(prepared: Cache, damage, finding: str) -> None:
    damage(prepared.folder)
    again = cache(prepared.folder.parent)
    for use in (again.verify, lambda: again.prepare(source(), TASKS, processes=0)):
        with pytest.raises(ValueError, match=f"{finding}.*Delete this folder"):
            use()


def test_folder_of_other_settings_is_refused(prepared: Cache) -> None:
    with pytest.raises(ValueError, match=r"other settings: {'seed': 0}.*Delete"):
        cache(prepared.folder.parent, seed=1).verify()
