"""`lightning export` as users type it."""

import re
from pathlib import Path

import pytest
import torch

from tests.fakes import errors
from tests.inference.conftest import SIZE, run
from vtagml.checkpoints import load_adapters
from vtagml.cli import main
from vtagml.inference import load
from vtagml.inference.onnx_file import run_onnx

__all__ = ["run"]  # a fixture


def error_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    return errors.error_of(["export", *words], capsys)


@pytest.mark.slow
def test_a_network_from_its_checkpoint_alone(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["export", f"--ckpt_path={run}", "--to=onnx", "--image-size", "64", "32"])
    said, log = capfd.readouterr()
    assert log == ""
    assert re.search(r"`network\.onnx`: \d+\.\d MiB\.", said)
    assert "float32 [1, 3, 64, 32]; no other size" in said
    assert re.search(
        r"Largest differences to the original: segmentation \S+, depth \S+, normals", said
    )
    content = (tmp_path / "network.onnx").read_bytes()
    image = torch.rand(1, 3, 64, 32)
    predictor = load(run, device="cpu")
    with torch.no_grad():
        expected = predictor.tasks["depth"].predict(predictor.module.network(image)["depth"])
    found = next(run_onnx(content, [image]))["depth"]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_adapters_stay_the_default_and_need_no_config_beside_their_checkpoint(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network = load(run, device="cpu").module.network
    monkeypatch.chdir(tmp_path)
    last = str(run / "checkpoints" / "last.ckpt")
    for words, file in (
        ([f"--ckpt_path={run}"], "adapters.safetensors"),
        ([f"--ckpt_path={last}", "--to=adapters", "--out=b"], "b"),
        ([f"--ckpt_path={last}", f"--config={run / 'config.yaml'}", "--out=c"], "c"),
    ):
        main(["export", *words])
        assert f"`{file}`" in capsys.readouterr().out
        load_adapters(network, tmp_path / file)
    # A second time it writes over its own file, and over nothing else.
    main(["export", f"--ckpt_path={last}"])
    for name in ("mine", "a.safetensors"):
        Path(name).write_bytes(b"a user's")
        message = error_of([f"--ckpt_path={last}", f"--out={name}"], capsys)
        assert "`--out` must be free, or a file of `lightning export`" in message
        assert Path(name).read_bytes() == b"a user's"
    assert "`--ckpt_path` must be given, found none" in error_of([], capsys)
    assert "no file `none.ckpt`" in error_of(["--ckpt_path=none.ckpt"], capsys)


def test_what_does_not_go_together_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = [f"--ckpt_path={run}"]
    message = error_of(["--to=tflite", *given], capsys)
    assert "invalid choice: 'tflite' (choose from 'adapters', 'onnx', 'torch_export')" in message
    assert "`--ckpt_path`" in error_of(["--to=onnx"], capsys)
    assert "adapters fit images of any size" in error_of([*given, "--dynamic-batch"], capsys)
    assert "`--model.encoder=x`" in error_of(["--to=onnx", *given, "--model.encoder=x"], capsys)
    message = error_of(["--to=onnx", *given, "--image-size", "100", str(SIZE[1])], capsys)
    assert "divisible by 32, found 100 x 96" in message
