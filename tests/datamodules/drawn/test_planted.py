"""Planted tasks: their relations are what they are said to be."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import Planted
from datamodules.drawn.planted import MIXTURES, smooth_fields

SIZE = (16, 16)
COUNTS = {"train": 4, "val": 2, "test": 2}
PLANTED = Path(__file__).parents[3] / "experiments" / "planted.json"


def planted(**settings: Any) -> Planted:
    given = {"image_size": SIZE, "batch_size": 2, "workers": 0, "augment": []} | COUNTS
    data = Planted(**(given | settings))
    data.prepare_data()
    data.setup()
    return data


def test_relations_by_hand() -> None:
    relations = Planted.relations()
    place = {task: index for index, task in enumerate(relations["tasks"])}
    similarity = np.array(relations["similarity"])
    expected = {
        ("base", "copy"): 1.0,
        ("base", "share90"): 0.9,
        ("base", "share75"): 0.75,
        ("base", "share50"): 0.5,
        ("base", "share25"): 0.25,
        ("base", "apart"): 0.0,
        ("base", "noise"): 0.0,
        ("copy", "share75"): 0.75,
        ("share90", "share75"): 0.675,  # only red in common: 0.9 · 0.75
        ("share75", "apart"): 0.25,  # only blue in common
        # Red and green in common, of opposite sign: (√0.45 - √0.05)² = 0.5 - 2·0.15 = 0.2.
        ("share90", "share50"): 0.2,
        ("share90", "share25"): 0.559808,  # (√0.225 + √0.075)² = 0.3 + 2·0.129904
    }
    for (one, other), value in expected.items():
        assert similarity[place[one], place[other]] == pytest.approx(value, abs=1e-5), (one, other)
    assert np.array_equal(similarity, similarity.T)
    assert similarity.diagonal() == pytest.approx(1)


def test_relations_are_the_squared_correlations_of_labels() -> None:
    source = planted(train=400).samples["train"].source
    samples = [source.read(index, Planted.offers) for index in source.records]
    labels = np.stack([[sample[task].ravel() for task in Planted.offers] for sample in samples])
    found = np.corrcoef(labels.transpose(1, 0, 2).reshape(len(Planted.offers), -1)) ** 2
    # 400 images of a few independent waves each: errors of some hundredths.
    np.testing.assert_allclose(found, Planted.relations()["similarity"], atol=0.05)


def test_omega_of_the_relations_is_where_troa_rests() -> None:
    relations = Planted.relations()
    similarity, omega = (torch.tensor(relations[name]) for name in ("similarity", "omega"))
    torch.testing.assert_close(omega, (similarity / 0.3).softmax(1), atol=1e-5, rtol=0)


def test_the_file_beside_the_experiments_holds_the_relations() -> None:
    assert json.loads(PLANTED.read_text()) == Planted.relations()


def test_fields_have_mean_zero_variance_one_and_no_covariance_at_every_pixel() -> None:
    random = np.random.default_rng(0)
    drawn = np.stack([smooth_fields(random, 2, (4, 6)) for _ in range(4000)])
    # Standard errors are 1 / √4000 ≈ 0.016; the largest of 24 pixels stays within four of them.
    assert np.abs(drawn.mean(0)).max() < 0.07
    assert np.abs(drawn.var(0) - 1).max() < 0.1
    assert np.abs((drawn[:, 0] * drawn[:, 1]).mean(0)).max() < 0.07


def test_a_copy_is_affine_and_scale_changes_no_relation() -> None:
    sample = planted().samples["val"][0]
    torch.testing.assert_close(sample["copy"], 0.5 - 1.5 * sample["base"])
    assert all(np.linalg.norm(mix) > 0 for mix in MIXTURES.values())


def test_the_image_shows_all_fields_but_the_hidden_one() -> None:
    source = planted(train=60, veil=0.0).samples["train"].source
    samples = [source.read(index, ("base", "apart", "noise")) for index in source.records]
    colours = np.stack([sample["image"].reshape(-1, 3) for sample in samples]).reshape(-1, 3)

    def seen(task: str, colour: int) -> float:
        label = np.concatenate([sample[task].ravel() for sample in samples])
        return float(np.corrcoef(label, colours[:, colour])[0, 1])

    assert seen("base", 0) > 0.9
    assert seen("apart", 2) > 0.9
    assert max(abs(seen("noise", colour)) for colour in range(3)) < 0.2


@pytest.mark.parametrize("veil", [0.0, 0.4])
def test_a_veil_hides_its_share_of_the_variance(veil: float) -> None:
    source = planted(train=300, veil=veil).samples["train"].source
    samples = [source.read(index, ("base",)) for index in source.records]
    red = np.stack([sample["image"][..., 0].ravel() / 255 for sample in samples]).ravel()
    label = np.stack([sample["base"].ravel() for sample in samples]).ravel()
    # Of a contrast of 0.15 and a pixel noise of 0.05: r² = (1 - veil)·0.0225 / (0.0225 + 0.0025).
    found = np.corrcoef(red, label)[0, 1] ** 2
    assert found == pytest.approx((1 - veil) * 0.9, abs=0.03)


def test_label_noise_is_of_training_alone_and_of_each_task() -> None:
    clean, noisy = planted(), planted(label_noise=1.0)
    for split in ("train", "val"):
        one, other = clean.samples[split][0], noisy.samples[split][0]
        assert torch.equal(one["image"], other["image"])
        errors = [other[task] - one[task] for task in ("base", "noise")]
        assert all(bool(error.any()) == (split == "train") for error in errors)
    first = noisy.samples["train"][0]
    errors = [first[task] - clean.samples["train"][0][task] for task in ("base", "noise")]
    assert abs(np.corrcoef(*[error.ravel() for error in errors])[0, 1]) < 0.9
    # The same error whichever tasks are asked for.
    assert torch.equal(
        planted(label_noise=1.0, tasks=["noise"]).samples["train"][0]["noise"], first["noise"]
    )


def test_samples_of_splits_and_seeds_differ() -> None:
    data = planted()
    images = [data.samples[split][0]["image"] for split in COUNTS]
    images.append(planted(scene_seed=1).samples["train"][0]["image"])
    for index, image in enumerate(images):
        assert not any(torch.equal(image, other) for other in images[:index])
    assert torch.equal(images[0], planted(seed=3).samples["train"][0]["image"])


def test_a_kept_split_is_the_drawn_one(tmp_path: Path) -> None:
    drawn, kept = planted(), planted(cache=tmp_path)
    for key, value in drawn.samples["test"][1].items():
        found = kept.samples["test"][1][key]
        assert found == value if isinstance(value, str) else torch.equal(found, value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"veil": 1.0}, r"`veil` should be a share from 0 to below 1, found 1\.0"),
        ({"label_noise": -0.5}, r"`label_noise` should be a number from 0, found -0\.5"),
        ({"label_noise": float("nan")}, r"`label_noise` should be a number from 0, found nan"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Planted(**settings)
