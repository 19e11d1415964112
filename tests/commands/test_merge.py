"""`lightning merge` as users type it."""

import re
from pathlib import Path

import pytest
import safetensors.torch
import timm
import torch

from tests.fakes import errors
from tests.inference.conftest import SIZE, run, tuned_settings, write_run
from vtagml.cli import main
from vtagml.inference.trained import TrainedRun

__all__ = ["run"]  # a fixture


def error_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    return errors.error_of(["merge", *words], capsys)


def test_the_lines_that_it_prints_load_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    folder = write_run(tmp_path / "run", tuned_settings("Shared", "LoRA"))
    monkeypatch.chdir(tmp_path)

    main(["merge", f"--ckpt_path={folder}", "--batches=1"])

    said = capsys.readouterr().out
    assert "`backbone.safetensors`: 0.5 MiB, for depth, normals." in said
    assert "127,136 parameters, the 6,144 of the tuning are gone (LoRA)" in said
    assert "(2 images, validation data of Scenes)" in said
    assert re.search(r"Time for an image: \d+\.\d ms, \d\.\d\d of the trained network's", said)
    assert "Certificate: `backbone.json`." in said
    names = {"timm": timm, "safetensors": safetensors}
    exec("\n".join(line.strip() for line in said.splitlines() if line.startswith("  ")), names)
    image = torch.rand(1, 3, *SIZE)
    encoder = TrainedRun(folder).model().network.encoder.eval()
    with torch.no_grad():
        found = names["network"].eval()(image * 2 - 1)  # type: ignore[attr-defined]
        expected = encoder(image, torch.eye(2))["depth"][-1]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)

    # A second time it writes over its own file, and over nothing else.
    main(["merge", f"--ckpt_path={folder}", "--batches=1"])
    Path("backbone.safetensors").write_bytes(b"a user's")
    assert "`--out` must be free" in error_of([f"--ckpt_path={folder}"], capsys)
    assert Path("backbone.safetensors").read_bytes() == b"a user's"


def test_what_cannot_be_merged_is_named(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "found VTAGML" in error_of([f"--ckpt_path={run}"], capsys)
    assert "`--ckpt_path` must be given, found none" in error_of([], capsys)
    assert "`--batches` must be at least 1" in error_of(["--ckpt_path=x", "--batches=0"], capsys)
    assert not list(tmp_path.iterdir())
