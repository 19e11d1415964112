import numpy as np
import pytest

from vtagml.drawing import AffinityHistory, affinity_history, to_png


def history(tasks: list[str], steps: int) -> AffinityHistory:
    count = len(tasks)
    matrix = [[float(row == column) for column in range(count)] for row in range(count)]
    return {
        "tasks": tasks,
        "history": [
            {
                "step": 10 * step,
                "omega": matrix,
                "similarity": matrix,
                "weights": [1.0] * count,
                "skipped": 0,
            }
            for step in range(steps)
        ],
    }


def test_panels_are_targets_and_lines_are_sources() -> None:
    drawn = history(["a", "b"], 2)
    drawn["history"][1]["omega"] = [[0.75, 0.25], [0.1, 0.9]]
    drawn["history"][1]["similarity"] = [[1.0, -0.5], [-0.5, 1.0]]
    omega_a, omega_b, similarity_a, _ = affinity_history(drawn).axes
    assert omega_a.get_title() == "target: a"
    values = {line.get_label(): list(line.get_ydata()) for line in omega_a.lines}
    assert values == {"a": [1.0, 0.75], "b": [0.0, 0.25]}
    assert list(omega_b.lines[0].get_ydata()) == [0.0, 0.1]
    assert list(omega_b.lines[0].get_xdata()) == [0, 10]
    assert similarity_a.get_ylim()[0] == -1.0
    assert omega_a.get_ylim()[0] > -0.1


def test_null_of_json_is_a_gap() -> None:
    drawn = history(["a", "b"], 2)
    drawn["history"][0]["similarity"][0][1] = None  # type: ignore[call-overload]
    line = affinity_history(drawn).axes[2].lines[1]
    assert np.isnan(line.get_ydata()[0])


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (4, 1), (7, 2)])
def test_any_number_of_tasks(count: int, steps: int) -> None:
    png = to_png(affinity_history(history([f"t{index}" for index in range(count)], steps)))
    assert png.startswith(b"\x89PNG")


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(ValueError, match="`history` must hold at least one record"):
        affinity_history({"tasks": ["a"], "history": []})
