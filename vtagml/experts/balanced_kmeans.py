"""Channels with similar weights make an expert: k-means whose clusters have one size."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from lightning.pytorch.utilities.rank_zero import rank_zero_only
from rich.progress import track
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from vtagml.backbone import Place, StagedBackbone
from vtagml.digests import digest_of
from vtagml.experts.clustering import Clustering, Labels, layers_of
from vtagml.experts.kept_labels import KeptLabels

Vectors = npt.NDArray[np.float64]
PLAIN = 20  # Rounds of plain k-means that the balanced one starts from.
BALANCED = 50  # Rounds of it, at most; a DINOv2-S needs five to ten.


class BalancedKMeans(Clustering):
    """Puts channels with similar weights together (Sec. 2.3): clusters the rows of W_up.

    Rows are brought to length one, each block is clustered by itself, and each cluster takes
    exactly as many channels as the others. What was computed is kept on disk under a digest of the
    weights and of the settings; processes that want the same wait for each other.

    Note:
        The paper does not say that rows are brought to length one; its release does. There the
        balanced assignment is a flow, here an assignment of channels to places in clusters.

    Args:
        seed: Of the first centres.
        cache: A folder for what was computed, relative to the working directory; null for none.
    """

    def __init__(self, seed: int = 0, cache: str | None = "data/weights/experts") -> None:
        self.seed, self.cache = seed, cache

    def vectors(self, network: StagedBackbone, experts: int) -> Mapping[Place, Tensor]:
        """Returns what says which channels of a block are alike: a row for each."""
        layers = layers_of(network, experts)
        return {place: each.up.weight.detach() for place, each in layers.items()}

    def labels(self, network: StagedBackbone, experts: int) -> dict[Place, Labels]:
        vectors = self.vectors(network, experts)
        kept = {place: self._kept(own, experts) for place, own in vectors.items()}
        found = {place: labels for place, own in kept.items() if (labels := own.read()) is not None}
        missing = [place for place in vectors if place not in found]
        hidden = not missing or getattr(rank_zero_only, "rank", 0) != 0
        # Without a thread of its own, so that processes may be started beside it.
        title = "Making experts of channels"
        for place in track(missing, title, auto_refresh=False, disable=hidden):
            compute = partial(_computed, vectors[place], experts, self.seed)
            found[place] = kept[place].read_or(compute)
        return {place: found[place] for place in vectors}

    def _kept(self, vectors: Tensor, experts: int) -> KeptLabels:
        settings = f"balanced k-means 1, {experts} experts, seed {self.seed}"
        folder = None if self.cache is None else Path(self.cache).expanduser()
        digest = digest_of({settings: vectors.float()})
        return KeptLabels(folder, digest, len(vectors), experts)


def _computed(vectors: Float[Tensor, "channel dimension"], experts: int, seed: int) -> Labels:
    rows = vectors.double().cpu().numpy()
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    rows = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return torch.from_numpy(balanced_clusters(rows, experts, seed))


def balanced_clusters(vectors: Vectors, clusters: int, seed: int) -> npt.NDArray[np.int64]:
    """Returns the cluster of each vector; all clusters have the same size.

    Lloyd's rounds, in which all vectors are assigned at once: each to one of the places that the
    clusters have, at the least sum of squared distances to their centres.

    Args:
        vectors: A row each, a multiple of `clusters`.
        clusters: How many.
        seed: Of the first centres.
    """
    centres = _plain(vectors, _spread(vectors, clusters, np.random.default_rng(seed)))
    labels = np.full(len(vectors), -1, dtype=np.int64)
    places = len(vectors) // clusters
    for _ in range(BALANCED):
        costs = np.repeat(_distances(vectors, centres), places, axis=1)
        found = linear_sum_assignment(costs)[1] // places
        if (found == labels).all():
            break
        labels = found
        centres = np.stack([vectors[labels == own].mean(0) for own in range(clusters)])
    return labels


def _distances(vectors: Vectors, centres: Vectors) -> Vectors:
    """Squared distances, but for the length of a vector, which is the same to all centres."""
    return (centres**2).sum(1) - 2 * vectors @ centres.T


def _spread(vectors: Vectors, clusters: int, generator: np.random.Generator) -> Vectors:
    """Draws centres from the vectors, likelier the further from those drawn before (k-means++)."""
    centres = [vectors[generator.integers(len(vectors))]]
    nearest = np.full(len(vectors), np.inf)
    while len(centres) < clusters:
        nearest = np.minimum(nearest, ((vectors - centres[-1]) ** 2).sum(1))
        total = nearest.sum()
        shares = nearest / total if total > 0 else None  # all are alike: any of them
        centres.append(vectors[generator.choice(len(vectors), p=shares)])
    return np.stack(centres)


def _plain(vectors: Vectors, centres: Vectors) -> Vectors:
    """Centres after some rounds of plain k-means; one that nothing is nearest to stays."""
    for _ in range(PLAIN):
        labels = _distances(vectors, centres).argmin(1)
        centres = np.stack(
            [
                vectors[labels == own].mean(0) if (labels == own).any() else centre
                for own, centre in enumerate(centres)
            ]
        )
    return centres
