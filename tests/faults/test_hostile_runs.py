"""A run whose files are damaged or hostile costs itself, or a part of a page, and nothing else."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.faults.hostile_runs import KEPT, METRICS, PARTS, REFUSED
from tests.report.html_runs import whole_run
from tests.report.run_folders import write_run
from tests.report.test_html_page import Reader
from vtagml.commands.command import Command
from vtagml.commands.messages import one_message
from vtagml.report import find_runs

# A report that waits for a pipe or an endless file would wait for ever.
pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("no_pictures")]

GOOD, BAD = Path("runs/good"), Path("runs/bad")
PARTS_OF_A_PAGE = ("curves", "affinities", "conflicts", "gallery", "parameters", "config")


@pytest.fixture(scope="module")
def whole_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("whole")
    for seed, folder in enumerate((GOOD, BAD)):
        whole_run(place / folder, seed=seed)
    return place


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(
    whole_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(whole_runs / "runs", "runs")


def reported(*words: str) -> str:
    Command("report")([*words, "--format", "markdown"])
    return Path("report/report.md").read_text(encoding="utf-8")


def page_of(*runs: Path) -> dict[str, Any]:
    Command("report")([*map(str, runs), "--html"])
    text = Path("report/report.html").read_text(encoding="utf-8")
    return json.loads(Reader(text).texts["data"])


def missing(run: dict[str, Any]) -> set[str]:
    return {part for part in PARTS_OF_A_PAGE if "missing" in run[part]}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_run_that_cannot_be_read_is_named_and_the_others_go_on(kind: str) -> None:
    REFUSED[kind](BAD)
    (good,), (why,) = find_runs([Path("runs")])
    assert good.folder == GOOD
    assert "runs/bad" in why
    assert "\n" not in why


@pytest.mark.parametrize(
    "kind", ["results: cut off", "config: a tag of Python's", "log: a value of text"]
)
def test_a_run_that_cannot_be_read_is_named_in_the_report_of_the_others(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    REFUSED[kind](BAD)
    text = reported("runs")
    assert "left out: " in capsys.readouterr().out
    said = text[text.index("## Left out") :]
    assert said.count("\n- ") == 1
    assert "runs/bad" in said
    assert "| scenes_sd | 1 | 50.00 | 0.800 |" in text
    with pytest.raises(SystemExit) as stopped, one_message():  # alone it is one message
        Command("report")([str(BAD)])
    assert stopped.value.code == 2
    alone = capsys.readouterr().err
    assert "runs/bad" in alone
    assert alone.count("\n") == 1


@pytest.mark.slow  # like the report above, read again for the page
@pytest.mark.parametrize("kind", REFUSED)
def test_a_run_that_cannot_be_read_has_its_place_on_the_page(kind: str) -> None:
    REFUSED[kind](BAD)
    good, bad = page_of(GOOD, BAD)["runs"]
    assert "runs/bad" in bad["why"]
    assert missing(bad) <= {"curves", "config"}
    assert missing(good) == set()
    assert (good["why"], len(good["metrics"])) == ("", 4)


@pytest.mark.parametrize("kind", KEPT)
def test_a_strange_run_keeps_its_row(kind: str) -> None:
    KEPT[kind](BAD)
    text = reported("runs")
    assert "## Left out" not in text
    assert "| runs/bad | " in text
    assert not set("<>\x1b") & set(text.replace("<br>", ""))
    assert "](b)" not in text.replace(r"\](b)", "")
    good, bad = page_of(GOOD, BAD)["runs"]
    assert (bad["why"], len(bad["metrics"])) == ("", 4)
    assert missing(good) == set()


@pytest.mark.parametrize("kind", PARTS)
def test_a_damaged_file_costs_its_part_of_the_page(kind: str) -> None:
    part, spoil = PARTS[kind]
    spoil(BAD)
    good, bad = page_of(GOOD, BAD)["runs"]
    assert missing(bad) == {part}
    assert bad[part]["missing"].startswith("This part cannot be shown: ")
    assert "runs/bad" in bad[part]["missing"]
    assert (bad["why"], len(bad["metrics"])) == ("", 4)
    assert missing(good) == set()


@pytest.mark.parametrize("name", [b"b\xff", b"b\x1b[2J", b"b\nc"])
def test_a_name_that_cannot_be_shown_is_left_out(name: bytes) -> None:
    BAD.rename(os.fsdecode(b"runs/" + name))
    text = reported("runs")
    assert "must have a name of letters that can be printed" in text
    assert "| scenes_sd | 1 |" in text
    with pytest.raises(ValueError, match="must have a name of letters"):
        Command("report")([os.fsdecode(b"runs/" + name), "--html"])


def test_links_that_lead_back_are_followed_once() -> None:
    for name in "abcdefgh":
        Path("runs", name).symlink_to("..")
    assert "| scenes_sd | 2 |" in reported("runs")


def test_runs_that_start_from_each_other_end() -> None:
    for one, other in ((GOOD, BAD), (BAD, GOOD)):
        changed = {"model.init_args.affinity.init_args.initial": f"{other}/affinity.json"}
        shutil.rmtree(one)
        write_run(one, seed=int(one == BAD), settings=changed)
    assert "| runs/bad | " in reported("runs")


def test_the_folder_that_another_run_starts_from_may_be_damaged() -> None:
    (BAD / "config.yaml").write_text("a: " + "[" * 100_000)
    shutil.rmtree(GOOD)
    write_run(GOOD, settings={"model.init_args.affinity.init_args.initial": f"{BAD}/affinity.json"})
    assert "| scenes_sd | 1 |" in reported(str(GOOD))


def test_a_whole_run_is_no_case() -> None:
    assert (BAD / METRICS).is_file()
    assert [missing(run) for run in page_of(GOOD, BAD)["runs"]] == [set(), set()]
