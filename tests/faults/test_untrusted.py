"""What a config from others can do: each sentence of SECURITY.md that one can try."""

import sys
from argparse import ArgumentError
from pathlib import Path
from typing import Any

import pytest

from tests.faults.killed_runs import CONFIG
from vtagml.cli import main
from vtagml.inference.trained import STARTS, built
from vtagml.tasks import Task

FIT = ["fit", f"--config={CONFIG}", "--trainer.max_steps=1"]


@pytest.fixture(autouse=True)
def _with_a_module_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "of_others.py").write_text(
        "from pathlib import Path\n"
        "Path('imported').touch()\n"
        "class Plain:\n"
        "    def __init__(self): Path('built').touch()\n"
        "def unknown(*_): Path('called').touch()\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "theirs")
    monkeypatch.delitem(sys.modules, "of_others", raising=False)  # Python keeps modules


def refused(*words: str) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([*FIT, *words])
    assert stopped.value.code == 2


@pytest.mark.parametrize("name", ["Plain", "unknown"])
def test_a_module_is_imported_before_its_class_is_refused(name: str) -> None:
    refused(f"--model.encoder=of_others.{name}")
    assert not Path("built").exists()
    assert not Path("called").exists()
    assert Path("imported").exists()


# As `vtagml.load`, `predict --images` and `export --to` build a model.
def loaded(settings: Any) -> Any:
    return built(Task, settings, STARTS)


def test_text_that_only_looks_like_a_class_is_not_imported() -> None:
    # It arrives as text, of which the task then says that it is no name.
    with pytest.raises(ValueError, match=r"one word .* found 'of_others\.Plain'"):
        loaded({"class_path": "vtagml.tasks.Depth", "init_args": {"name": "of_others.Plain"}})
    assert not Path("imported").exists()


def test_a_class_path_is_not_imported_where_the_setting_asks_for_text() -> None:
    inner = {"class_path": "of_others.Plain"}
    with pytest.raises(ArgumentError, match="of_others"):
        loaded({"class_path": "vtagml.tasks.Depth", "init_args": {"name": inner}})
    assert not Path("imported").exists()


@pytest.mark.parametrize("settings", ["of_others.Plain", {"class_path": "of_others.Plain"}])
def test_a_module_is_imported_where_the_setting_asks_for_a_class(settings: Any) -> None:
    with pytest.raises(ArgumentError, match="of_others"):
        loaded(settings)
    assert Path("imported").exists()
    assert not Path("built").exists()


def test_a_setting_that_takes_any_function_calls_it() -> None:
    words = ["--model.encoder=vtagml.encoders.VTAGML", "--model.encoder.statistic=os.system"]
    # It is called with a gradient, which the system's shell does not understand.
    with pytest.raises(TypeError, match="Tensor"):
        main([*FIT, *words])


@pytest.mark.parametrize("tag", ["object/apply:pathlib.Path.touch", "name:os.system"])
def test_tags_of_python_in_yaml_are_refused(tag: str) -> None:
    Path("tagged.yaml").write_text(f"trainer: !!python/{tag} [called]\n")
    refused("--config=tagged.yaml")
    assert not Path("called").exists()


def test_a_config_is_not_fetched_from_the_net() -> None:
    refused("--config=http://127.0.0.1:9/theirs.yaml")
