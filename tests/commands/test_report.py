"""`lightning report`: what it prints, what it writes, and what it refuses."""

from pathlib import Path

import pytest
from PIL import Image

from tests.report.run_folders import write_affinity, write_log, write_run
from vtagml.commands.command import Command
from vtagml.report import FORMATS, all_reported

BASE = {"provenance.command": "vtagml fit --config experiments/scenes_sd_frozen.yaml"}
KINDS = {"pdf": b"%PDF", "svg": b"<?xml"}
RATE = {"model.init_args.optimizer.init_args.lr": 0.01}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def runs() -> Path:
    for seed in range(2):
        folder = write_run(Path("runs", f"mine_{seed}"), seed=seed)
        write_log(folder, 0, [{"step": at, "val/depth/rmse": 1 / at} for at in (100, 200)])
    write_run(Path("runs", "frozen"), changes=BASE, settings=RATE)
    return Path("runs")


def written(folder: str) -> set[str]:
    return {str(file.relative_to(folder)) for file in Path(folder).rglob("*") if file.is_file()}


def test_a_report(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (write_run(runs / "going_on", seed=9) / "metrics.json").unlink()
    Command("report")([str(runs), "--baseline", "scenes_sd_frozen", "--out", "made"])
    assert written("made") == {
        "report.md",
        "table.csv",
        "table.tex",
        "runs.csv",
        "figures/parameters_and_delta.png",
        "figures/results.png",
        "figures/validation.png",
    }
    text = Path("made/report.md").read_text(encoding="utf-8")
    assert "| scenes_sd | 2 | 50.00 ± 0.00 | 0.800 ± 0.000 | +0.00 ± 0.00 |" in text
    assert "against the means of scenes_sd_frozen" in text
    assert "| scenes_sd | runs/mine_1 | 1, 1 | 0123456789abcdef |" in text
    assert "One seed only, so no spread: scenes_sd_frozen." in text
    assert "## Left out\n\n- `runs/going_on` is a run without" in text
    assert "](figures/validation.png)" in text
    assert "](runs.csv)" not in text  # no picture
    with Image.open("made/figures/results.png") as picture:
        assert picture.width > 300
    said = capsys.readouterr().out
    assert "left out: `runs/going_on`" in said
    assert "In `made`: " in said
    assert "scenes_sd_frozen" in said


@pytest.mark.parametrize(
    ("format", "table"), [("markdown", "report.md"), ("csv", "table.csv"), ("latex", "table.tex")]
)
def test_one_format_and_always_the_sources(runs: Path, format: str, table: str) -> None:
    Command("report")([str(runs / "mine_0"), "--format", format])
    pictures = {"figures/results.png", "figures/validation.png"}
    assert written("report") == {table, "runs.csv"} | pictures


def test_figures_for_papers(runs: Path) -> None:
    Command("report")([str(runs), "--format", "pdf", "--format", "svg", "--format", "markdown"])
    names = {f"figures/{name}.{kind}" for name in ("results", "validation") for kind in KINDS}
    assert written("report") == {"report.md", "runs.csv", *names}
    for name in names:
        content = Path("report", name).read_bytes()
        assert content.startswith(KINDS[name[-3:]])
        assert b"/Type3" not in content  # publishers refuse such fonts
    svg = Path("report/figures/results.svg").read_text(encoding="utf-8")
    assert "depth RMSE m" in svg  # words stay words
    text = Path("report/report.md").read_text(encoding="utf-8")
    assert "![figures/results.svg](figures/results.svg)" in text
    assert ".pdf" not in text


def test_options_stand_anywhere(runs: Path) -> None:
    Command("report")([str(runs / "mine_0"), "--by", "folder", str(runs / "frozen"), "--out=made"])
    assert "| frozen | 1 |" in Path("made/report.md").read_text(encoding="utf-8")


def test_reported_rows(runs: Path) -> None:
    write_run(Path("nyu"), changes={"provenance.data.class": "NYUDv2"})
    Command("report")(["nyu", "--reported", "vtagml_table5"])
    text = Path("report/report.md").read_text(encoding="utf-8")
    assert "| MulT (reported: VTAGML, Table 5) | – | 33.68 | 0.701 |" in text
    assert "Rows marked reported are not measured here but printed in:" in text


def test_affinities(capsys: pytest.CaptureFixture[str]) -> None:
    # Ranks (1, 2, 3) and (1, 3, 2) correlate by 0.5.
    for name, (ab, ac, bc) in {"one": (0.1, 0.2, 0.3), "two": (0.5, 0.9, 0.7)}.items():
        similarity = [[1.0, ab, ac], [ab, 1.0, bc], [ac, bc, 1.0]]
        write_affinity(Path(name), ["a", "b", "c"], similarity, records=int(name == "one"))
    Command("report")(["--affinities", "one", "two/affinity.json"])
    assert written("report") == {
        "affinities.md",
        "affinities.csv",
        "affinities.tex",
        "figures/affinities.png",
        "figures/training_a.png",
    }
    text = Path("report/affinities.md").read_text(encoding="utf-8")
    assert "| S | 1.273 | 0.500 | 0.500 | 6 |" in text
    assert "| ω | 0.000 | 0.000 | – | 6 |" in text  # TROA's start is uniform, which has no ranks
    assert "A: `one/affinity.json`, TROA(kappa=1.0" in text
    assert "0.500" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "`RUN` must be at least one run folder"),
        (["--bye", "x"], "`--bye` is no option of `report`"),
        (["absent"], "there is no folder `absent`"),
        (["runs", "--reported", "table9"], "`--reported` must be one of"),
        (["--reported", "vtagml_table2"], "`RUN` must be at least one run folder"),
        (["--affinities", "a", "b", "--baseline", "a"], "`--affinities` compares two"),
        (["runs", "--reported", "vtagml_table2"], "Scenes S-D; vtagml_table2 holds"),
        (["runs", "--baseline", "other"], "`--baseline` must be one of the methods"),
        (["runs", "--by", "nothing"], "`--by` must be"),
    ],
)
def test_what_it_refuses(runs: Path, words: list[str], said: str) -> None:
    with pytest.raises((ValueError, OSError), match=said):
        Command("report")(words)
    assert not Path("report").exists()


def test_a_mix_is_refused_and_nothing_written(runs: Path) -> None:
    write_run(runs / "small", changes={"provenance.data.settings.image_size": [64, 64]})
    with pytest.raises(
        ValueError, match=r"data\.image_size: .* in `runs/frozen`.* in `runs/small`"
    ):
        Command("report")([str(runs)])
    assert not Path("report").exists()


def test_only_unfinished_runs(runs: Path) -> None:
    (write_run(Path("new", "a")) / "metrics.json").unlink()
    with pytest.raises(ValueError, match="must hold a finished run, found none in `new`"):
        Command("report")(["new"])


def test_the_help_names_every_option() -> None:
    for option in (
        "--baseline",
        "--by",
        "--reported",
        "--affinities",
        "--out",
        "--format",
        *FORMATS,
    ):
        assert option in Command("report").help
    words = " ".join(Command("report").help.split())
    assert ", ".join(all_reported()) in words
