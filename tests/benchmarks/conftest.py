"""What compares, and which tests do: those that ask for it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from tests.benchmarks.bench import Bench, Table, keep_tables
from vtagml.callbacks.provenance import CPU_INFORMATION, commit, processor

OUT = Path("runs/bench")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "bench" in getattr(item, "fixturenames", ()):
            item.add_marker("bench")


@pytest.fixture(scope="session")
def origin() -> dict[str, object]:
    """Where the numbers come from."""
    found = commit(Path.cwd())
    return {
        "commit": found and found["hash"][:7] + " and changes" * found["dirty"],
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "processor": processor(CPU_INFORMATION),
    }


@pytest.fixture(scope="session")
def keep() -> Iterator[Callable[[Table], None]]:
    tables: dict[str, Table] = {}
    yield lambda table: tables.update({table.title: table})
    if tables:
        keep_tables(list(tables.values()), OUT)


@pytest.fixture
def bench(
    capsys: pytest.CaptureFixture[str],
    keep: Callable[[Table], None],
    origin: dict[str, object],
) -> Bench:
    shown: Callable[[], AbstractContextManager[None]] = capsys.disabled
    return Bench(shown, keep, origin)
