from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from datamodules import PASCALContext
from datamodules.geometry import Affine, RandomFlip, RandomRotation, Resize
from datamodules.pascal_context import Cropped, Protocol, Stretched
from datamodules.pascal_context.datamodule import parts_in_view
from datamodules.pascal_context.protocols import (
    CROPPED,
    MEAN_COLOUR,
    STRETCHED,
    CentredZoom,
    Padded,
    View,
)
from datamodules.samples import Draw
from datamodules.transforms import Sample
from tests.fakes.pascal_context import write_tree

TASKS = ("segmentation", "human_parts", "saliency", "normals", "edges")
SOURCE = (30, 40)


def sample(size: tuple[int, int] = SOURCE) -> Sample:
    """A photo in which everything is known, nothing is 0, and normals point one way."""
    return {
        "name": "photo",
        "image": np.full((*size, 3), 200, np.uint8),
        "segmentation": np.full(size, 7, np.uint8),
        "human_parts": np.full(size, 2, np.uint8),
        "saliency": np.ones(size, np.float32),
        "edges": np.ones(size, np.float32),
        "normals": np.full((*size, 3), (0.6, 0.0, -0.8), np.float32),
    }


def seen(protocol: Protocol, size: tuple[int, int], seed: int = 0, **own: Any) -> Sample:
    view = sample() | own
    random = np.random.default_rng(seed)
    for transform in protocol.geometry(size, TASKS):
        view = transform(view, random)
    return view


FILLS: Mapping[type[Protocol], Mapping[str, Any]] = {
    Stretched: {"image": 0, "segmentation": 0, "human_parts": 0, "saliency": 0, "edges": 0},
    Cropped: {
        "image": MEAN_COLOUR,
        "segmentation": 255,
        "human_parts": 255,
        "saliency": np.nan,
        "edges": np.nan,
    },
}


@pytest.mark.parametrize("protocol", [Stretched, Cropped])
def test_what_lies_beyond_the_photo_is_filled_as_the_line_of_papers_does(
    protocol: type[Protocol],
) -> None:
    filled = 0
    for seed in range(8):
        view = seen(protocol(), (64, 64), seed)
        beyond = view["segmentation"] == FILLS[protocol]["segmentation"]
        filled += beyond.any()
        for key, fill in FILLS[protocol].items():
            expected = np.broadcast_to(np.asarray(fill, view[key].dtype), view[key].shape)
            np.testing.assert_array_equal(view[key][beyond], expected[beyond], err_msg=key)
            assert (view[key][~beyond] == sample()[key][0, 0]).all()
        assert np.isnan(view["normals"][beyond]).all()
        assert not np.isnan(view["normals"][~beyond]).any()
    assert filled > 3


@pytest.mark.parametrize("protocol", [Stretched, Cropped])
def test_normals_are_mirrored_and_turned_with_the_photo(protocol: type[Protocol]) -> None:
    found = set()
    for seed in range(8):
        normals = seen(protocol(), (64, 64), seed)["normals"].reshape(-1, 3)
        normals = normals[~np.isnan(normals[:, 0])]
        np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(normals, np.broadcast_to(normals[0], normals.shape), atol=1e-5)
        x, y, z = normals[0].tolist()
        assert z == pytest.approx(-0.8, abs=1e-5)
        angle = np.degrees(np.arctan2(y, abs(x)))
        # By 20 degrees at most, and not at all where nothing rolls.
        assert abs(angle) <= (20.01 if protocol is Stretched else 1e-4)
        found.add(x > 0)
    assert found == {True, False}


@pytest.mark.parametrize(
    ("protocol", "lowest", "highest"), [(Stretched, 0.75, 1.25), (Cropped, 0.5, 2.0)]
)
def test_photos_are_zoomed_as_far_as_the_line_of_papers_does(
    protocol: type[Protocol], lowest: float, highest: float
) -> None:
    # What is magnified is nearer: depth, were there any, would be divided by the factor.
    one = {"depth": np.ones(SOURCE, np.float32)}
    zooms = np.array(
        [1 / np.nanmax(seen(protocol(), (64, 64), seed, **one)["depth"]) for seed in range(40)]
    )
    step = (highest - lowest) / 8
    assert lowest - 1e-5 <= zooms.min() < lowest + step
    assert highest - step < zooms.max() <= highest + 1e-5


def test_zoom_is_about_the_middle_and_keeps_the_size() -> None:
    # Half as large: 40 x 30 pixels become 20 x 15, between 10 pixels on each side and 7 or 8.
    zoom = CentredZoom((0.5, 0.5))
    affine = zoom.extend(Affine.identity(SOURCE), {}, np.random.default_rng(0))
    assert affine.size == SOURCE
    np.testing.assert_allclose(affine.matrix, [[0.5, 0, 10], [0, 0.5, 8]])


def test_stretched_never_changes_colours_and_cropped_does_without_noise() -> None:
    assert Stretched().augment() == []
    (colours,) = Cropped().augment()
    grey = sample() | {"image": np.full((*SOURCE, 3), 90, np.uint8)}
    images = [colours(grey, np.random.default_rng(seed))["image"] for seed in range(12)]
    assert all((image == image[0, 0]).all() for image in images)
    assert len({image.tobytes() for image in images}) > 3


def test_cubic_image_is_not_linear() -> None:
    # A step from 0 to 200 overshoots between its pixels.
    image = np.zeros((*SOURCE, 3), np.uint8)
    image[:, 20:] = 200
    view = View([Resize((30, 120))], STRETCHED)(
        sample() | {"image": image}, np.random.default_rng(0)
    )
    assert view["image"].max() > 205
    linear = View([Resize((30, 120))], CROPPED)(
        sample() | {"image": image}, np.random.default_rng(0)
    )
    assert linear["image"].max() == 200


def test_normals_are_known_up_to_half_of_what_is_interpolated() -> None:
    normals = sample()["normals"]
    normals[:, 20:] = np.nan
    view = View([Resize((30, 160))], STRETCHED)(
        sample() | {"normals": normals}, np.random.default_rng(0)
    )["normals"]
    # The border is at 80; weights of known pixels fall through 1/2 there.
    known = ~np.isnan(view[5, :, 0])
    assert known[:80].all()
    assert not known[81:].any()
    np.testing.assert_allclose(view[5, :79], np.broadcast_to([0.6, 0, -0.8], (79, 3)), atol=1e-5)


def test_without_resampling_pixels_stay() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (*SOURCE, 3), dtype=np.uint8)
    own = sample() | {"image": noise}
    view = View([RandomFlip(1.0)], STRETCHED)(own, np.random.default_rng(0))
    np.testing.assert_array_equal(view["image"], noise[:, ::-1])
    np.testing.assert_allclose(view["normals"][0, 0], [-0.6, 0, -0.8], rtol=1e-6)


def test_a_class_fills_at_most_three_quarters_of_a_crop_if_it_can() -> None:
    classes = np.zeros((100, 100), np.uint8)
    classes[:, 50:] = 1
    shares = []
    for seed in range(20):
        own = sample((100, 100)) | {"segmentation": classes}
        view = own
        for transform in Cropped().geometry((60, 60), TASKS):
            view = transform(view, np.random.default_rng(seed))
        ids = view["segmentation"][view["segmentation"] != 255]
        shares.append(np.bincount(ids).max() / ids.size)
    assert np.mean(np.array(shares) <= 0.77) > 0.9


def test_a_crop_needs_no_classes_where_none_are_read() -> None:
    own = {key: value for key, value in sample().items() if key != "segmentation"}
    (view,) = Cropped().geometry((16, 16), ["saliency"])
    assert view(own, np.random.default_rng(0))["image"].shape == (16, 16, 3)


def test_padding_says_how_far_the_photo_goes() -> None:
    view = Padded((64, 48))(sample(), np.random.default_rng(0))
    assert view["shown"].tolist() == [30, 40]
    np.testing.assert_array_equal(view["image"][:30, :40], sample()["image"])
    assert (view["image"][30:] == MEAN_COLOUR).all()
    assert (view["segmentation"][:, 40:] == 255).all()
    with pytest.raises(ValueError, match="`size` of the padding should hold the image"):
        Padded((16, 48))(sample(), np.random.default_rng(0))


def test_parts_are_unknown_where_nobody_is_in_view() -> None:
    parts = np.zeros((4, 4), np.uint8)
    assert (parts_in_view({"human_parts": parts}) == 255).all()
    parts[0] = 255
    assert (parts_in_view({"human_parts": parts}) == 255).all()
    parts[3, 3] = 6
    np.testing.assert_array_equal(parts_in_view({"human_parts": parts}), parts)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("pascal") / "PASCAL_MT")


def test_evaluation_is_where_the_protocol_says_or_the_setting(tree: Path) -> None:
    assert PASCALContext(tree, (64, 64)).evaluated_at == "network"
    assert PASCALContext(tree, (64, 64), Cropped()).evaluated_at == "native"
    assert PASCALContext(tree, (64, 64), evaluated_at="native").evaluated_at == "native"


@pytest.mark.parametrize(
    ("protocol", "shapes"),
    [(Stretched(), [(64, 64), (64, 64)]), (Cropped(), [(24, 32), (30, 20)])],
)
def test_labels_of_an_evaluation(
    tree: Path, protocol: Protocol, shapes: list[tuple[int, int]]
) -> None:
    data = PASCALContext(tree, (64, 64), protocol, batch_size=2, workers=0)
    data.setup("validate")
    (batch,) = data.val_dataloader()
    assert batch["image"].shape == (2, 3, 64, 64)
    for task in TASKS:
        assert [tuple(label.shape[-2:]) for label in batch[task]] == shapes
    assert ("shown" in batch) == isinstance(protocol, Cropped)
    if "shown" in batch:
        assert torch.equal(batch["shown"], batch["size"])


def test_crops_of_training_in_which_nobody_is_teach_no_parts(tree: Path) -> None:
    data = PASCALContext(tree, (8, 8), Cropped(), workers=0)
    data.setup("fit")
    place = [photo.name for photo in data.records("train")].index("2008_000002")
    parts = [data.samples["train"][Draw(epoch, place)]["human_parts"] for epoch in range(30)]
    assert any((each == 255).all() for each in parts)
    # Known as none beside a part, and never where all is none.
    assert all((each[each != 255] > 0).any() or (each == 255).all() for each in parts)
    assert any((each == 0).any() for each in parts)


def test_rotation_of_a_photo_that_is_stretched_turns_normals_by_its_own_angle() -> None:
    view = View([RandomRotation(20.0), Resize((30, 80))], STRETCHED)(
        sample(), np.random.default_rng(3)
    )
    angle = np.random.default_rng(3).uniform(-20, 20)
    expected = 0.6 * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    np.testing.assert_allclose(view["normals"][15, 40, :2], expected, atol=1e-5)
