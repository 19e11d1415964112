import subprocess
from pathlib import Path

import pytest
import torch

from vtagml.callbacks.provenance import commit, data, hardware, processor, settings, versions
from vtagml.run_folder import plain
from vtagml.tasks import Depth, Edges


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_commit_and_whether_files_differ(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "first")
    clean = commit(tmp_path)
    assert clean is not None
    assert len(clean["hash"]) == 40
    assert clean["dirty"] is False
    (tmp_path / "new").touch()
    dirty = commit(tmp_path)
    assert dirty is not None
    assert dirty["dirty"] is True


def test_no_repository_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit(tmp_path) is None


def test_no_git_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert commit(tmp_path) is None


def test_versions_of_what_is_installed() -> None:
    found = versions()
    assert str(found["torch"]) in torch.__version__
    assert set(found) >= {"python", "lightning", "timm", "vtagml"}


def test_hardware_has_a_name() -> None:
    assert hardware(torch.device("cpu"), 2)["processes"] == 2
    assert hardware(torch.device("cpu"), 2)["device"]


def test_model_of_the_processor(tmp_path: Path) -> None:
    (tmp_path / "cpuinfo").write_text("processor\t: 0\nmodel name\t: Fast CPU: 3 GHz\n")
    assert processor(tmp_path / "cpuinfo") == "Fast CPU: 3 GHz"
    assert processor(tmp_path / "missing")


class Plain:
    """A datamodule that keeps no hyper-parameters but attributes of the same names."""

    def __init__(self, size: tuple[int, int], transforms: list[object], other: int = 0) -> None:
        self.size, self.transforms, self.more = size, transforms, other


def test_data_without_hyper_parameters() -> None:
    assert data(Plain((2, 3), [Edges()])) == {
        "class": "Plain",
        "settings": {"size": [2, 3], "transforms": [settings(Edges())]},
    }


def test_settings_of_tasks_with_nested_objects() -> None:
    edges = settings(Edges(threshold=0.3))
    assert (edges["class"], edges["threshold"]) == ("Edges", 0.3)
    depth = settings(Depth(minimum=0.5))
    assert depth["distances"] == {"class": "DepthRange", "minimum": 0.5, "maximum": None}


def test_plain_values() -> None:
    value = {"a": float("nan"), "b": torch.tensor([1.5, float("inf")]), "c": (Path("x"), None)}
    assert plain(value) == {"a": None, "b": [1.5, None], "c": ["x", None]}
