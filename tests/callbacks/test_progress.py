from pathlib import Path
from typing import Any

import pytest
import rich

from vtagml.callbacks import Progress


def test_lines_where_there_is_no_terminal(
    toy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy.trainer(tmp_path, [Progress(every=2)]).fit(toy.Module(), toy.Data())
    lines = [line for line in capsys.readouterr().out.splitlines() if line]
    assert [line.split(":")[0] for line in lines] == [
        "step 2/4",
        "step 4/4",
        "validation after step 4",
    ]
    assert all(word in lines[0] for word in ("total ", "segmentation ", "depth "))
    assert "segmentation/miou 0." in lines[2]
    assert "depth/rmse " in lines[2]


def test_a_bar_on_a_terminal(
    toy: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rich, "_console", None)  # made here in colour, not left to other tests
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    trainer = toy.trainer(tmp_path, [Progress(every=1)])
    trainer.fit(toy.Module(), toy.Data())
    trainer.test(toy.Module(), toy.Data(), verbose=False)
    output = capsys.readouterr().out
    assert "\x1b[" in output
    assert "segmentation:" in output
    assert "depth:" in output
    assert "step 1/4" not in output
    assert "v_num" not in output


def test_silence_on_request(toy: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy.trainer(tmp_path, [Progress(refresh_rate=0)]).fit(toy.Module(), toy.Data())
    assert capsys.readouterr().out == ""


def test_other_ranks_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.disable()  # What Lightning does there.
    assert not progress.prints_lines
    assert not progress.is_enabled
