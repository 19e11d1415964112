"""Several metrics of one task under their names."""

from torchmetrics import Metric, MetricCollection


def collect(metrics: dict[str, Metric]) -> MetricCollection:
    """The metrics as one collection that is updated and computed together.

    torchmetrics merges metrics whose states are equal after the first batch. Two of ours are equal
    there whenever that batch has no valid pixel or no error, and would then stay merged for good,
    so the merging is switched off.
    """
    return MetricCollection(dict(metrics), compute_groups=False)
