from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.report.run_folders import a_run, write_log, write_run
from vtagml.drawing import to_png
from vtagml.report import Method, compare, read_run, reported
from vtagml.report.comparison import Comparison
from vtagml.report.figures import result_dots, trade_off, validation_curves

TRAINABLE = "provenance.parameters.trainable"


def with_curves(folder: Path, *curves: dict[int, float]) -> Comparison:
    runs = []
    for seed, curve in enumerate(curves):
        run = write_run(folder / str(seed), seed=seed)
        write_log(run, 0, [{"step": at, "val/depth/rmse": value} for at, value in curve.items()])
        runs.append(read_run(run))
    return compare([Method("mine", tuple(runs))])


def drawn(figure: Figure | None) -> Figure:
    assert figure is not None
    return figure


def test_curves_are_means_over_the_steps_in_common(tmp_path: Path) -> None:
    curves = ({100: 0.9, 200: 0.8, 300: 0.7}, {100: 0.7, 300: 0.5})
    figure = drawn(validation_curves(with_curves(tmp_path, *curves)))
    (axes,) = [each for each in figure.axes if each.axison]
    assert axes.get_title() == "depth RMSE m ↓"  # segmentation has no curve
    line = axes.lines[0]
    assert list(line.get_xdata()) == [100, 300]
    assert list(line.get_ydata()) == pytest.approx([0.8, 0.6])
    heights = np.concatenate([path.vertices for path in axes.collections[0].get_paths()])[:, 1]
    assert heights.max() == pytest.approx(0.8 + 0.2 / 2**0.5)
    assert to_png(figure).startswith(b"\x89PNG")


def test_a_single_step_is_a_point_with_a_bar(tmp_path: Path) -> None:
    figure = drawn(validation_curves(with_curves(tmp_path, {100: 0.9}, {100: 0.7})))
    axes = next(each for each in figure.axes if each.axison)
    assert len(axes.containers) == 1
    assert list(axes.lines[0].get_ydata()) == pytest.approx([0.8])


def test_no_curves(tmp_path: Path) -> None:
    assert validation_curves(compare([Method("a", (a_run(tmp_path / "a"),))])) is None


def test_dots_of_all_rows(tmp_path: Path) -> None:
    changes = {"provenance.data.class": "NYUDv2"}
    runs = [
        a_run(
            tmp_path / str(seed),
            seed=seed,
            metrics={"segmentation": 0.4, "depth": 0.6 + seed},
            changes=changes,
        )
        for seed in range(2)
    ]
    mine = Method("mine", tuple(runs))
    figure = result_dots(compare([mine], ["mine"], [reported("vtagml_table5")]))
    segmentation, depth, delta = figure.axes
    names = [label.get_text() for label in segmentation.get_yticklabels()]
    assert names[-2:] == ["VTAGML (reported)", "mine"]  # the prior is in the table only
    means = [container.lines[0] for container in depth.containers]
    assert [float(line.get_xdata()[0]) for line in means[-2:]] == pytest.approx([0.652, 1.1])
    assert means[-1].get_markerfacecolor() != "white"
    assert means[-2].get_markerfacecolor() == "white"
    (strokes,) = (line for line in depth.lines if len(line.get_xdata()) == 2)
    assert list(strokes.get_xdata()) == pytest.approx([0.6, 1.6])
    assert len(delta.containers) == 1
    low, high = segmentation.get_ylim()
    assert low > high  # the first row above
    assert to_png(figure).startswith(b"\x89PNG")


def test_many_methods_and_long_names(tmp_path: Path) -> None:
    methods = [
        Method(f"method {index} " + "x" * 60, (a_run(tmp_path / str(index)),)) for index in range(9)
    ]
    figure = result_dots(compare(methods))
    labels = figure.axes[0].get_yticklabels()
    assert max(len(label.get_text()) for label in labels) == 44


def test_delta_stands_over_what_trains_and_methods_without_either_are_left_out(
    tmp_path: Path,
) -> None:
    def method(name: str, depth: float, trainable: int | None) -> Method:
        changes = {TRAINABLE: trainable}
        metrics = {"segmentation": 0.4, "depth": depth}
        return Method(name, (a_run(tmp_path / name, metrics=metrics, changes=changes),))

    methods = [method("base", 0.8, 100), method("better", 0.4, 1000), method("older", 0.4, None)]

    figure = drawn(trade_off(compare(methods, ["base"])))

    (axes,) = figure.axes
    points = [line for line in axes.lines if line.get_marker() not in ("None", "")]
    # RMSE halved and mIoU as it was: 25 % on average. Numbers are millions.
    assert [tuple(line.get_xydata()[0]) for line in points] == [(1e-4, 0), (1e-3, 25)]  # type: ignore[index]
    assert axes.get_xscale() == "log"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["base", "better"]
    assert to_png(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("counts", "expected"),
    [((3.1e5, 4.2e5), ["0.2", "0.5"]), ((9e5, 1.1e8), ["0.5", "1", "2", "5", "10"])],
)
def test_numbers_of_parameters_can_be_read_however_close_they_are(
    tmp_path: Path, counts: tuple[float, float], expected: list[str]
) -> None:
    methods = [
        Method(str(count), (a_run(tmp_path / str(count), changes={TRAINABLE: int(count)}),))
        for count in counts
    ]

    figure = drawn(trade_off(compare(methods, [str(counts[0])])))

    (axes,) = figure.axes
    low, high = axes.get_xlim()
    shown = [
        label.get_text()
        for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
        if low <= place <= high
    ]
    assert shown[: len(expected)] == expected
    assert axes.get_xlabel().startswith("trainable M")


def test_one_method_has_no_trade_off(tmp_path: Path) -> None:
    alone = Method("base", (a_run(tmp_path / "a", changes={TRAINABLE: 5}),))

    assert trade_off(compare([alone], ["base"])) is None
