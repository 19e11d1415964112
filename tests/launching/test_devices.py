"""What several runs at once share."""

import os

import pytest

from vtagml.launching.devices import environment


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)


def test_several_processes_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    assert environment(3)["OMP_NUM_THREADS"] == "2"
    assert "OMP_NUM_THREADS" not in environment(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert environment(3)["OMP_NUM_THREADS"] == "5"
    assert "CUDA_VISIBLE_DEVICES" not in environment(3)


@pytest.mark.parametrize(
    ("count", "given", "processes", "seen"),
    [
        (2, None, 2, ["0", "1"]),
        (4, None, 2, ["0,2", "1,3"]),
        (2, None, 3, ["0", "1", "0"]),  # more processes than GPUs
        (2, "5,7", 2, ["5", "7"]),  # what this process may not use is nobody's
        (2, "5, 7", 3, ["5", "7", "5"]),
        (2, "GPU-a,GPU-b,GPU-absent", 2, ["GPU-a", "GPU-b"]),
    ],
)
def test_gpus_are_shared_out(
    count: int,
    given: str | None,
    processes: int,
    seen: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: count)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    found = [environment(processes, place)["CUDA_VISIBLE_DEVICES"] for place in range(processes)]
    assert found == seen
    assert environment(1).get("CUDA_VISIBLE_DEVICES") == given
