"""What a sample remembers of its image, so that predictions get back to its size."""

from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules import Cityscapes
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


def test_datasets_remember_the_size_on_disk_for_predictions_alone(tmp_path: Path) -> None:
    data = Cityscapes(
        cityscapes.write_tree(tmp_path), (32, 32), tasks=["depth"], batch_size=2, workers=0
    )
    data.setup()
    batch = next(iter(data.predict_dataloader()))
    # Whether there is a camera, which only labels need, is the dataset's affair.
    assert batch.keys() - {"camera"} == {"image", "name", "size"}
    assert batch["size"].tolist() == [[64, 128], [64, 128]]
    test = next(iter(data.test_dataloader()))
    assert test.keys() == {"image", "name", "camera", "depth"}
    assert torch.equal(test["image"], batch["image"])
    assert test["name"] == batch["name"]


def test_predictions_need_no_labels(tmp_path: Path) -> None:
    data = Cityscapes(cityscapes.write_tree(tmp_path), (32, 32), tasks=["depth"], workers=0)
    for file in (tmp_path / "disparity/val").rglob("*.png"):
        file.unlink()
    data.setup("predict")
    assert len(next(iter(data.predict_dataloader()))["name"]) == 2
