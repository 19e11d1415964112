"""What a sample remembers of its image, so that predictions get back to its size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import Cityscapes, normals_from_depth, sobel_edges
from datamodules.predictions import FitInside
from tests.fakes import cityscapes


@pytest.mark.parametrize(
    ("native", "shown"),
    [
        ((50, 100), (32, 64)),  # the same shape
        ((100, 50), (32, 16)),  # upright: the height decides
        ((10, 40), (16, 64)),  # a panorama is magnified until its width fits
        ((1, 1), (32, 32)),
        ((1, 1000), (1, 64)),  # at least one row
    ],
)
def test_images_of_any_shape_fit_inside(native: tuple[int, int], shown: tuple[int, int]) -> None:
    image = np.full((*native, 3), 200, np.uint8)
    view = FitInside((32, 64))({"image": image, "name": "a"}, np.random.default_rng(0))
    assert view["shown"].tolist() == list(shown)
    assert view["image"].shape == (32, 64, 3)
    assert (view["image"][: shown[0], : shown[1]] == 200).all()
    assert (view["image"][shown[0] :] == 0).all()
    assert (view["image"][:, shown[1] :] == 0).all()


def small(root: Path, **settings: Any) -> Cityscapes:
    settings = {"tasks": ["depth"], "batch_size": 2, "workers": 0} | settings
    data = Cityscapes(cityscapes.write_tree(root), (32, 32), **settings)
    data.setup()
    return data


def test_predictions_and_evaluations_remember_the_size_on_disk(tmp_path: Path) -> None:
    data = small(tmp_path)
    batch = next(iter(data.predict_dataloader()))
    # Whether there is a camera, which only labels need, is the dataset's affair.
    assert batch.keys() - {"camera"} == {"image", "name", "size"}
    assert batch["size"].tolist() == [[64, 128], [64, 128]]
    test = next(iter(data.test_dataloader()))
    assert test.keys() == {"image", "name", "camera", "size", "depth"}
    for key in ("image", "size"):
        assert torch.equal(test[key], batch[key])
    assert test["name"] == batch["name"]
    at_network = next(iter(small(tmp_path, evaluated_at="network").test_dataloader()))
    assert at_network.keys() == {"image", "name", "camera", "depth"}
    assert torch.equal(at_network["image"], batch["image"])
    assert at_network["depth"].shape == (2, 1, 32, 32)


@pytest.mark.parametrize("split", ["val", "test"])
def test_labels_on_disk_are_what_the_reader_gives(tmp_path: Path, split: str) -> None:
    data = small(tmp_path, tasks=None)
    (batch,) = getattr(data, f"{split}_dataloader")()
    records = data.original(split).records
    for index, record in enumerate(records):
        read = data.reader()(record, ("segmentation", "depth"))
        normals = normals_from_depth(read["depth"], read["camera"])
        edges = sobel_edges(read["image"])
        shipped = {"depth": read["depth"][None], "segmentation": read["segmentation"]}
        for task, label in shipped.items():
            np.testing.assert_array_equal(batch[task][index].numpy(), label, err_msg=task)
        # Filters round the last bit by where in memory an array lies.
        derived = {"normals": normals.transpose(2, 0, 1), "edges": edges[None]}
        for task, label in derived.items():
            np.testing.assert_allclose(batch[task][index].numpy(), label, rtol=1e-5, atol=1e-6)


def test_training_is_at_the_networks_size(tmp_path: Path) -> None:
    batch = next(iter(small(tmp_path).train_dataloader()))
    assert "size" not in batch
    assert batch["depth"].shape == (2, 1, 32, 32)


def test_large_labels_make_small_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lengths(**settings: Any) -> list[int]:
        loader = small(tmp_path, **settings).test_dataloader()
        return [len(batch["name"]) for batch in loader]

    assert lengths() == [2]
    monkeypatch.setattr("datamodules.predictions.native.MOST_PIXELS", 2 * 64 * 128 - 1)
    assert lengths() == [1, 1]
    assert lengths(evaluated_at="network") == [2]
    monkeypatch.setattr("datamodules.predictions.native.MOST_PIXELS", 1)
    assert lengths() == [1, 1]


def test_where_to_evaluate_is_one_of_two(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`evaluated_at`.*\['native', 'network'\], found 'disk'"):
        small(tmp_path, evaluated_at="disk")


def test_predictions_need_no_labels(tmp_path: Path) -> None:
    data = Cityscapes(cityscapes.write_tree(tmp_path), (32, 32), tasks=["depth"], workers=0)
    for file in (tmp_path / "disparity/val").rglob("*.png"):
        file.unlink()
    data.setup("predict")
    assert len(next(iter(data.predict_dataloader()))["name"]) == 2
