"""Experts: the hidden channels of a feed-forward network in groups of one size.

A clustering says which channels belong together: those with similar weights (`BalancedKMeans`),
those that fire together (`CoActivation`), or none in particular (`GivenOrder`, `RandomGroups`).
Channels may change places without a change of the output, so that an expert is a run of channels
(`reorder`); a `Router` weighs the experts of each token. `vtagml.tuning.MoEfiedLoRA` is made of
these.
"""

from vtagml.experts.balanced_kmeans import BalancedKMeans, balanced_clusters
from vtagml.experts.block_diagonal import BlockDiagonal
from vtagml.experts.clustering import Clustering, GivenOrder, RandomGroups
from vtagml.experts.co_activation import CoActivation
from vtagml.experts.hidden_channels import HiddenLayers, hidden_layers, reorder
from vtagml.experts.ky_fan import ky_fan_shares
from vtagml.experts.router import RoutedLinear, Router, faded_in_the_end, routers

__all__ = [
    "BalancedKMeans",
    "BlockDiagonal",
    "Clustering",
    "CoActivation",
    "GivenOrder",
    "HiddenLayers",
    "RandomGroups",
    "RoutedLinear",
    "Router",
    "balanced_clusters",
    "faded_in_the_end",
    "hidden_layers",
    "ky_fan_shares",
    "reorder",
    "routers",
]
