"""The page as a file: safe, whole, and made by the command."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.report.html_runs import whole_run
from tests.report.run_folders import write_run
from vtagml.commands.command import Command
from vtagml.report.html.page import SCRIPTS, asset, filled

HOSTILE = '</script><script>alert("1")</script>&\u2028 $SCRIPT'


class Reader(HTMLParser):
    """Collects tags, attributes and the text of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.within = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.within = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        self.within = ""

    def handle_data(self, data: str) -> None:
        if self.within:
            self.texts[self.within] = self.texts.get(self.within, "") + data

    @property
    def scripts(self) -> int:
        return sum(tag == "script" for tag, _ in self.tags)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(*words: str) -> str:
    Command("report")([*words, "--html"])
    return Path("report/report.html").read_text(encoding="utf-8")


def data(text: str) -> Any:
    return json.loads(Reader(text).texts["data"])


def test_hostile_text_stays_text() -> None:
    text = filled(HOSTILE, {HOSTILE: [HOSTILE, {"deep": HOSTILE}]}).decode()
    read = Reader(text)
    assert read.scripts == 2  # the data and the page's own
    assert json.loads(read.texts["data"]) == {HOSTILE: [HOSTILE, {"deep": HOSTILE}]}
    assert text.count("alert") == text.count('alert(\\"1\\")') + text.count("alert(&quot;1&quot;)")


def test_a_hostile_run_makes_no_markup() -> None:
    settings = {"model.init_args.decoders": HOSTILE}
    whole_run(Path("run"), changes={"provenance.command": HOSTILE}, settings=settings)
    read = Reader(made("run"))
    assert read.scripts == 2
    found = json.loads(read.texts["data"])["runs"][0]
    assert ["command", HOSTILE] in found["facts"]


def test_only_the_own_script_and_style_may_run() -> None:
    read = Reader(filled("", {}).decode())
    (policy,) = (
        str(each["content"])
        for tag, each in read.tags
        if tag == "meta" and each.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        own = b64encode(sha256(read.texts[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{own}'" in policy


def test_nothing_comes_from_elsewhere() -> None:
    text = made(str(whole_run(Path("run"))))
    for tag, attributes in Reader(text).tags:
        for name in ("src", "href", "srcset", "action"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), (tag, attributes)
    own = asset("style.css") + "".join(asset(f"{name}.js") for name in SCRIPTS)
    assert re.findall(r"https?://[^\"']*", own) == ["http://www.w3.org/2000/svg"]
    assert not re.findall(r"@import|url\(|fetch\(|XMLHttp|WebSocket", own)


def test_the_script_never_parses_markup() -> None:
    own = "".join(asset(f"{name}.js") for name in SCRIPTS)
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", own)


def test_numbers_that_json_lacks_become_null() -> None:
    found = data(filled("", {"a": float("nan"), "b": [float("inf"), 1.5]}).decode())
    assert found == {"a": None, "b": [None, 1.5]}


def test_several_runs_are_compared() -> None:
    for seed in range(2):
        whole_run(Path("runs", f"mine_{seed}"), seed=seed)
    found = data(made("runs"))
    assert found["title"] == "2 runs"
    assert [run["name"] for run in found["runs"]] == ["mine_0", "mine_1"]
    rows = found["comparison"]["results"]["rows"]
    assert rows[-1] == ["scenes_sd", "2", "50.00 ± 0.00", "0.800 ± 0.000"]


def test_runs_of_one_name_are_told_apart() -> None:
    for seed, place in enumerate("ab"):
        write_run(Path(place, "run"), seed=seed)
    assert [run["name"] for run in data(made("a", "b"))["runs"]] == ["a/run", "b/run"]


def test_a_run_named_by_its_seed_has_the_methods_name() -> None:
    write_run(Path("runs/frozen/0"))
    assert data(made("runs/frozen/0"))["title"] == "Run frozen/0"


def test_runs_that_do_not_compare_are_refused() -> None:
    write_run(Path("runs", "a"))
    write_run(Path("runs", "b"), seed=1, changes={"provenance.data.settings.scene_seed": 5})
    with pytest.raises(ValueError, match=r"data\.scene_seed: 0 in `runs/a`; 5 in `runs/b`"):
        made("runs")
    assert not Path("report").exists()


def test_an_unfinished_run_alone(capsys: pytest.CaptureFixture[str]) -> None:
    (whole_run(Path("run")) / "metrics.json").unlink()
    found = data(made("run"))
    assert found["comparison"] is None
    assert found["title"] == "Run run"
    assert "without results: `run` is a run without" in capsys.readouterr().out


def test_a_folder_of_unfinished_runs_says_why() -> None:
    (write_run(Path("runs", "a")) / "metrics.json").unlink()
    with pytest.raises(
        ValueError, match=r"found none to show in `runs`: `runs/a` is a run without"
    ):
        made("runs")


def test_the_size_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    made(str(whole_run(Path("run"))))
    said = capsys.readouterr().out
    assert "Runs: 1. Pictures: 5, 0 of them shrunk. The page has " in said
    assert {each.name for each in Path("report").iterdir()} == {"report.html"}


@pytest.mark.parametrize(
    "words", [[], ["run", "--format", "csv"], ["--affinities", "run", "run"]], ids=str
)
def test_what_does_not_go_together(words: list[str]) -> None:
    with pytest.raises(ValueError, match="`--html` makes one page of run folders"):
        made(*words)
