import torch

from vtagml.metrics import RootMeanSquareError, WithinRatio, collect


def test_metrics_stay_apart_when_their_first_states_are_equal() -> None:
    """torchmetrics merges metrics with equal states after the first batch: here both are zero."""
    metrics = collect({"rmse": RootMeanSquareError(), "delta1": WithinRatio()})
    depth = torch.full((1, 1, 2, 2), 3.0)
    metrics.update(depth, torch.full_like(depth, torch.nan))
    metrics.update(depth, depth)
    values = metrics.compute()
    assert values["rmse"] == 0
    assert values["delta1"] == 1
