import csv
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.report.run_folders import a_run, write_log, write_run
from vtagml.report import Method, Sheet, compare, read_run, reported, results, terminal
from vtagml.report.comparison import Comparison
from vtagml.report.formats import (
    LATEX,
    comma_separated,
    latex,
    latex_text,
    markdown,
    markdown_prose,
)
from vtagml.report.sheets import programs, readers, sources, traces


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    base = a_run(tmp_path / "base", metrics={"segmentation": 0.5, "depth": 0.8})
    runs = []
    for seed, (miou, rmse) in enumerate(((0.55, 0.72), (0.5, 0.88))):
        metrics = {"segmentation": miou, "depth": rmse}
        folder = write_run(tmp_path / f"mine_{seed}", seed=seed, metrics=metrics)
        write_log(folder, 0, [{"step": 9, "throughput/batch_seconds": 1.5 + seed}])
        runs.append(read_run(folder))
    return compare([Method("base", (base,)), Method("my|method_1", tuple(runs))], ["base"])


def test_golden_markdown(comparison: Comparison) -> None:
    # By hand: mIoU 52.5 with 5 / √2 = 3.54; RMSE 0.8 with 0.16 / √2 = 0.113; Δm 10 and -5.
    assert markdown(readers(comparison)) == (
        "| method | seeds | segmentation mIoU % ↑ | depth RMSE m ↓ | Δm % ↑ "
        "| trainable M | total M | steps | step s |\n"
        "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        "| image-blind prior | – | 25.00 | 1.000 | – | – | – | – | – |\n"
        "| base | 1 | 50.00 | 0.800 | +0.00 | 0.93 | 4.06 | 225 | – |\n"
        "| my\\|method_1 | 2 | 52.50 ± 3.54 | 0.800 ± 0.113 | +2.50 ± 10.61 "
        "| 0.93 | 4.06 | 225 | 2.000 ± 0.707 |\n"
    )


def test_golden_latex(comparison: Comparison) -> None:
    lines = latex(readers(comparison), ["first\nsecond"]).splitlines()
    assert lines[:3] == ["% first", "% second", r"% \usepackage{booktabs}"]
    assert lines[3] == r"\begin{tabular}{lrrrrrrrr}"
    assert lines[5] == (
        r"method & seeds & segmentation mIoU \% $\uparrow$ & depth RMSE m $\downarrow$ & "
        r"$\Delta$m \% $\uparrow$ & trainable M & total M & steps & step s \\"
    )
    assert lines[9] == (
        r"my\textbar{}method\_1 & 2 & \textbf{52.50} $\pm$ 3.54 & \textbf{0.800} $\pm$ 0.113 & "
        r"\textbf{+2.50} $\pm$ 10.61 & 0.93 & 4.06 & 225 & 2.000 $\pm$ 0.707 \\"
    )
    assert lines[-2:] == [r"\bottomrule", r"\end{tabular}"]


def test_the_best_of_a_column_is_bold_and_equal_ones_share_it(comparison: Comparison) -> None:
    prior, base, _ = latex(readers(comparison)).splitlines()[5:8]
    assert "textbf" not in prior
    # Of the base the RMSE alone is as good: as printed, 0.800 and 0.800.
    assert base.count("textbf") == 1
    assert r"\textbf{0.800}" in base


def test_a_method_alone_is_not_the_best(tmp_path: Path) -> None:
    assert "textbf" not in latex(readers(compare([Method("a", (a_run(tmp_path / "a"),))])))


def test_without_a_direction_nothing_is_the_best(tmp_path: Path) -> None:
    changes = {"higher_is_better.depth": {}, "higher_is_better.segmentation": {}}
    methods = [
        Method(str(rmse), (a_run(tmp_path / str(rmse), metrics={"depth": rmse}, changes=changes),))
        for rmse in (0.5, 0.7)
    ]
    assert not readers(compare(methods)).best


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<img src=x>", "&lt;img src=x&gt;"),
        ("[a](http://b) ![c](d)", r"\[a\](http://b) !\[c\](d)"),
        ("`runs/<b>` is <b>", "`runs/<b>` is &lt;b&gt;"),
        ("`<b>``", "&#96;&lt;b&gt;&#96;&#96;"),  # to Markdown no code: the two do not close the one
        ("a\n# b", "a # b"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
    ],
)
def test_markdown_shows_what_is_written(text: str, shown: str) -> None:
    assert markdown_prose(text) == shown


def test_latex_takes_every_letter() -> None:
    # Once each: what was escaped is not escaped again.
    assert latex_text(r"a_b\c{d}") == r"a\_b\textbackslash{}c\{d\}"
    assert latex_text("50 % & $5 #1 ~x^2 <a>") == (
        r"50 \% \& \$5 \#1 \textasciitilde{}x\textasciicircum{}2 \textless{}a\textgreater{}"
    )
    assert latex_text("Δm −1 ± 2°") == r"$\Delta$m $-$1 $\pm$ 2$^\circ$"
    assert set(map(ord, r"\&%$#_{}~^")) <= LATEX.keys()


def test_numbers_for_programs(comparison: Comparison) -> None:
    rows = list(csv.DictReader(StringIO(comma_separated(programs(comparison)))))
    assert [row["kind"] for row in rows] == ["prior", "measured", "measured"]
    mine = rows[2]
    assert mine["method"] == "my|method_1"
    assert float(mine["segmentation/miou"]) == pytest.approx(0.525, abs=1e-15)
    assert float(mine["depth/rmse/sd"]) == pytest.approx(0.16 / 2**0.5, rel=1e-12)
    assert float(mine["delta_m_percent"]) == pytest.approx(2.5)
    assert (mine["trainable"], mine["steps"], mine["step_seconds"]) == ("925581", "225", "2.0")
    assert rows[1]["depth/rmse/sd"] == ""


def test_csv_keeps_commas_and_line_ends() -> None:
    text = comma_separated(Sheet(("a", "b"), (("1,5", "x\ny"),)))
    assert list(csv.reader(StringIO(text))) == [["a", "b"], ["1,5", "x\ny"]]


def test_every_row_has_its_sources(comparison: Comparison, tmp_path: Path) -> None:
    sheet = sources(comparison)
    assert [row[0] for row in sheet.rows] == ["base", "my|method_1", "my|method_1"]
    last = dict(zip(sheet.header, sheet.rows[2], strict=True))
    assert last["run"] == str(tmp_path / "mine_1")
    assert last["seeds"] == "1, 1"
    assert last["commit"] == "0123456789abcdef"
    assert last["command"] == "vtagml fit --config experiments/scenes_sd.yaml"
    assert last["versions"] == "python=3.11.7, torch=2.15.0"
    assert last["data"].startswith("Scenes: layout=room, image_size=[128, 128], train=800")
    assert last["weights"] == "nano.safetensors"
    assert any("mine_1" in line and "0123456789abcdef" in line for line in traces(comparison))


def test_an_uncertain_commit_is_marked(tmp_path: Path) -> None:
    run = a_run(tmp_path / "a", changes={"provenance.commit.dirty": True})
    assert sources(compare([Method("a", (run,))])).rows[0][3] == "0123456789abcdef with changes"


def test_a_failed_seed_leaves_an_empty_cell(tmp_path: Path) -> None:
    run = a_run(tmp_path / "a", metrics={"depth": None})
    comparison = compare([Method("a", (run,))])
    assert readers(comparison).rows[1][2] == "–"
    assert programs(comparison).rows[1][4:6] == ("", "")


def test_reported_rows_are_marked(tmp_path: Path) -> None:
    run = a_run(tmp_path / "a", changes={"provenance.data.class": "NYUDv2"})
    comparison = compare([Method("a", (run,))], references=[reported("vtagml_table5")])
    rows = readers(comparison).rows
    assert rows[5][:4] == ("VTAGML (reported: VTAGML, Table 5)", "–", "40.77", "0.652")
    assert [row[1] for row in programs(comparison).rows] == ["reported"] * 6 + ["prior", "measured"]
    assert traces(comparison)[5] == "VTAGML: reported, VTAGML, Table 5"


def test_the_terminal_table_fits_eighty_columns(comparison: Comparison) -> None:
    console = Console(width=80, record=True, quiet=False, file=StringIO())
    console.print(terminal(results(comparison), "Comparison"))
    text = console.export_text()
    assert "…" not in text
    assert "my|method_1" in text
    assert "± 10.61" in text
    assert "[x]" in _printed("[x]")  # no markup
    assert "[t]" in _printed("x")


def _printed(word: str) -> str:
    console = Console(width=80, record=True, file=StringIO())
    console.print(terminal(Sheet(("a",), ((word,),)), "[t]"))
    return console.export_text()
