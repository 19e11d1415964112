"""`lightning export` as users type it."""

import re
from pathlib import Path

import pytest
import torch

from tests.inference.conftest import SIZE, run
from vtagml.checkpoints import load_adapters
from vtagml.cli import main
from vtagml.commands.usage import usage
from vtagml.inference import load

__all__ = ["run"]  # a fixture


def error_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(["export", *words])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    return message


@pytest.mark.slow
def test_a_network_from_its_checkpoint_alone(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["export", f"--ckpt_path={run}", "--to=torch_export", "--image-size", "64", "32"])
    said, log = capfd.readouterr()
    assert log == ""
    assert re.search(r"`network\.pt2`: \d+\.\d MiB\.", said)
    assert "float32 [1, 3, 64, 32]; no other size" in said
    assert re.search(
        r"Largest differences to the original: segmentation \S+, depth \S+, normals", said
    )
    network = torch.export.load(tmp_path / "network.pt2").module()
    image = torch.rand(1, 3, 64, 32)
    predictor = load(run, device="cpu")
    with torch.no_grad():
        expected = predictor.tasks["depth"].predict(predictor.module.network(image)["depth"])
        torch.testing.assert_close(network(image)["depth"], expected)


def test_adapters_stay_the_default(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = load(run, device="cpu").module
    monkeypatch.setattr("vtagml.commands.export.model_of", lambda words: module)
    monkeypatch.chdir(tmp_path)
    for words, file in (([], "adapters.safetensors"), (["--to=adapters", "--out=b"], "b")):
        main(["export", "--config=own.yaml", *words])
        assert f"`{file}`" in capsys.readouterr().out
        load_adapters(module.network, tmp_path / file)


def test_adapters_need_no_config_beside_their_checkpoint(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[list[str]] = []

    def model_of(words: list[str]) -> object:
        asked.append(words)
        return load(run, device="cpu").module

    monkeypatch.setattr("vtagml.commands.export.model_of", model_of)
    last = run / "checkpoints" / "last.ckpt"
    for given in (run, last):
        main(["export", f"--ckpt_path={given}", f"--out={tmp_path / 'a'}", "--data.seed=1"])
        config = f"--config={run / 'config.yaml'}"
        assert asked.pop() == [config, f"--ckpt_path={last}", "--data.seed=1"]
    # A config of one's own is taken as it is.
    main(["export", "--config=own.yaml", f"--ckpt_path={last}", f"--out={tmp_path / 'a'}"])
    assert asked.pop() == ["--config=own.yaml", f"--ckpt_path={last}"]
    capsys.readouterr()
    for words in ([], ["--ckpt_path=last"]):
        assert "needs `--ckpt_path`, the checkpoint or run folder" in error_of(words, capsys)
    assert "no file `none.ckpt`" in error_of(["--ckpt_path=none.ckpt"], capsys)


def test_what_does_not_go_together_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--ckpt_path={run}"]
    assert "`--to` must be one of adapters, onnx, torch_export, found 'tflite'" in error_of(
        ["--to=tflite", *given], capsys
    )
    assert "`--ckpt_path`" in error_of(["--to=onnx"], capsys)
    assert "`--model.encoder=x`" in error_of(["--to=onnx", *given, "--model.encoder=x"], capsys)
    message = error_of(["--to=onnx", *given, "--image-size", "100", str(SIZE[1])], capsys)
    assert "divisible by 32, found 100 x 96" in message


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    main(["export", "--help"])
    assert capsys.readouterr().out == usage("export")
