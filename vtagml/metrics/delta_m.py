"""The relative change of all tasks against their single-task results."""

from collections.abc import Mapping


def delta_m(
    results: Mapping[str, float],
    baseline: Mapping[str, float],
    higher_is_better: Mapping[str, bool],
) -> float:
    """Δm: the mean relative change over the tasks in percent; positive is better.

    (100 / T) Σ_t (-1)^{l_t} (M_t - B_t) / B_t with l_t = 1 where lower is better; Maninis et al.,
    "Attentive Single-Tasking of Multiple Tasks".

    Args:
        results: The headline metric of every task.
        baseline: The same metrics of the single-task networks.
        higher_is_better: The direction of every metric.
    """
    if not results or not results.keys() == baseline.keys() == higher_is_better.keys():
        raise ValueError(
            "`results`, `baseline` and `higher_is_better` must name the same tasks, at least one; "
            f"found {sorted(results)}, {sorted(baseline)} and {sorted(higher_is_better)}: "
            "compare runs with the same tasks."
        )
    for task, value in baseline.items():
        if value == 0:
            raise ValueError(
                f"`baseline` of {task} must not be 0, which has no relative change: "
                "check the single-task run."
            )
    changes = (
        (results[task] - value) / abs(value) * (1 if higher_is_better[task] else -1)
        for task, value in baseline.items()
    )
    return 100 * sum(changes) / len(results)
