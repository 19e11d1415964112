"""Configs that are whole, however they are written, get past the look at their files."""

import os
from pathlib import Path

import pytest
import yaml

from vtagml.cli import main
from vtagml.commands.config_files import check_config

MODEL = "model: {class_path: vtagml.MultitaskModule}\n"
FORMS = {
    "a class without arguments": f"{MODEL}data: datamodules.Scenes",
    "a file of its own": f"{MODEL}data: data.yaml",
    "anchors and merges": f"{MODEL}data: {{class_path: a, init_args: {{<<: {{b: &b 1}}, c: *b}}}}",
    "a key of many": f"{MODEL}data: {{class_path: a}}\n? [a, b]\n: c",  # the parser knows better
    "an alias within itself": f"{MODEL}data: &a {{class_path: a, init_args: *a}}",
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_a_config_is_an_experiment(form: str, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(FORMS[form])
    assert set(check_config("fit", ["--config", str(file)])) == {"model", "data"}


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return (Path(__file__).parents[2] / "experiments" / "scenes_sdne.yaml").read_text()


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["fit", *words, "--print_config"])
    assert ended.value.code in (None, 0)
    return str(yaml.safe_load(capsys.readouterr().out)["data"]["class_path"])


def test_a_pipe_is_left_to_the_parser(demo: str, capsys: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()  # as a shell makes of `--config <(command)`
    os.write(writing, demo.encode())
    os.close(writing)
    try:
        assert printed([f"--config=/dev/fd/{reading}"], capsys) == "datamodules.Scenes"
    finally:
        os.close(reading)


def test_a_config_may_come_from_the_environment(
    demo: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("demo.yaml").write_text(demo)
    monkeypatch.setenv("JSONARGPARSE_DEFAULT_ENV", "true")
    monkeypatch.setenv("PL_FIT__CONFIG", "demo.yaml")
    assert printed([], capsys) == "datamodules.Scenes"
