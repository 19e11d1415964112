"""Clusters of one size: planted ones are found, and each assignment is the best there is."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.fakes.backbones import TinySwinV2, TinyViT, awake
from vtagml.backbone import Place
from vtagml.experts import BalancedKMeans, Clustering, GivenOrder, RandomGroups, balanced_clusters

CLUSTERINGS = [BalancedKMeans(cache=None), GivenOrder(), RandomGroups()]


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == own).tolist()) for own in set(labels.tolist())}


def test_planted_clusters_are_found() -> None:
    generator = np.random.default_rng(0)
    planted = generator.permutation(np.repeat(np.arange(8), 16))
    vectors = generator.normal(size=(8, 12))[planted] + 0.1 * generator.normal(size=(128, 12))

    assert partition(balanced_clusters(vectors, 8, seed=0)) == partition(planted)


def test_clusters_have_one_size_where_the_vectors_have_not() -> None:
    generator = np.random.default_rng(1)
    crowd = generator.normal(size=(1, 5)) + 0.01 * generator.normal(size=(50, 5))
    vectors = np.concatenate([crowd, generator.normal(size=(14, 5))])

    labels = balanced_clusters(vectors, 4, seed=0)

    assert np.bincount(labels).tolist() == [16] * 4


def test_no_other_assignment_of_one_size_is_nearer_to_the_centres() -> None:
    vectors = np.random.default_rng(2).normal(size=(8, 3))
    labels = balanced_clusters(vectors, 2, seed=0)
    centres = np.stack([vectors[labels == own].mean(0) for own in range(2)])

    def cost(first: tuple[int, ...]) -> float:
        own = np.array([0 if index in first else 1 for index in range(8)])
        return float(((vectors - centres[own]) ** 2).sum())

    found = cost(tuple(np.flatnonzero(labels == 0)))
    assert found == pytest.approx(min(map(cost, combinations(range(8), 4))))


def test_equal_vectors_are_clustered_too() -> None:
    assert np.bincount(balanced_clusters(np.ones((6, 2)), 3, seed=0)).tolist() == [2, 2, 2]


def test_directions_are_clustered_not_lengths() -> None:
    network = TinyViT()
    clustering = BalancedKMeans(cache=None)
    labels = clustering.labels(network, 4)
    layer = network.block(Place(1, 1)).mlp.fc1  # type: ignore[union-attr]
    # By powers of two, which rounding does not notice.
    factors = 2.0 ** torch.randint(-3, 4, (len(layer.weight), 1))  # type: ignore[arg-type, union-attr]
    layer.weight.data.mul_(factors)  # type: ignore[operator, union-attr]

    assert torch.equal(clustering.labels(network, 4)[Place(1, 1)], labels[Place(1, 1)])


@pytest.mark.parametrize("clustering", CLUSTERINGS, ids=lambda own: type(own).__name__)
def test_every_tuned_block_has_experts_of_one_size_and_the_same_each_time(
    clustering: Clustering,
) -> None:
    network = awake(TinySwinV2())
    network.tunable = [Place(1, 1), Place(3, 2)]

    found, again = clustering.labels(network, 4), clustering.labels(network, 4)

    assert list(found) == network.tunable
    for place, labels in found.items():
        assert torch.bincount(labels).tolist() == [16 * 2 ** (place.stage - 1)] * 4
        assert torch.equal(again[place], labels)


def test_seeds_matter() -> None:
    network, place = TinyViT(), Place(1, 1)
    for kind in (RandomGroups, lambda seed: BalancedKMeans(seed, cache=None)):
        one, other = (kind(seed).labels(network, 4)[place] for seed in (0, 1))
        assert partition(one.numpy()) != partition(other.numpy())


def test_the_given_order_is_slices() -> None:
    labels = GivenOrder().labels(TinyViT(), 4)[Place(4, 2)]
    assert labels.tolist() == [0] * 32 + [1] * 32 + [2] * 32 + [3] * 32


@pytest.mark.parametrize("experts", [0, 3, 256])
@pytest.mark.parametrize("clustering", CLUSTERINGS, ids=lambda own: type(own).__name__)
def test_experts_that_do_not_divide_the_channels_are_refused(
    clustering: Clustering, experts: int
) -> None:
    message = rf"`experts` must divide .* found {experts} experts and 128 channels in stage 1, bl"
    with pytest.raises(ValueError, match=message):
        clustering.labels(TinyViT(), experts)


def test_what_was_computed_is_kept_and_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    network, clustering = TinyViT(), BalancedKMeans(cache=str(tmp_path / "experts"))
    found = clustering.labels(network, 4)
    assert "Making experts of channels" in capsys.readouterr().out
    assert len(list((tmp_path / "experts").glob("*.npz"))) == 8
    monkeypatch.delattr("vtagml.experts.balanced_kmeans.balanced_clusters")

    again = clustering.labels(network, 4)

    assert capsys.readouterr().out == ""
    assert all(torch.equal(again[place], labels) for place, labels in found.items())
    for other in (BalancedKMeans(1, clustering.cache), clustering):
        with pytest.raises(NameError):  # another seed, another number of experts
            other.labels(network, 4 if other.seed else 8)
