from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vtagml.drawing import read_tiles, tiles, tiles_file
from vtagml.drawing.tiles import SIDE
from vtagml.tasks import Classification, Depth, Normals, Segmentation, Task

TASKS: dict[str, Task] = {task.name: task for task in (Segmentation(3), Depth(), Normals())}


def batch(samples: int = 2, side: int = 8) -> dict[str, Any]:
    normals = torch.zeros(samples, 3, side, side)
    normals[:, 2] = -1.0
    return {
        "image": torch.rand(samples, 3, side, side),
        "segmentation": torch.randint(0, 3, (samples, side, side)),
        "depth": torch.rand(samples, 1, side, side) + 1.0,
        "normals": normals,
    }


def guess(labels: dict[str, Any]) -> dict[str, torch.Tensor]:
    return {name: labels[name].clone() for name in TASKS}


def test_every_task_has_its_pictures() -> None:
    labels = batch()
    made = tiles(labels, guess(labels), TASKS, step=7)
    assert set(made.pictures) == {
        "image",
        *(f"{name}/{kind}" for name in TASKS for kind in ("truth", "prediction", "error")),
        "normals/key",
    }
    assert made.pictures["depth/error"].shape == (2, 8, 8, 3)
    assert made.about["step"] == 7
    assert list(made.about["tasks"]) == list(TASKS)


def test_keys_say_what_the_colours_mean() -> None:
    labels = batch()
    wrong = guess(labels) | {"depth": labels["depth"] + 1.0}
    about = tiles(labels, wrong, TASKS).about["tasks"]
    assert [name for name, _ in about["segmentation"]["legend"]] == [
        "class 0",
        "class 1",
        "class 2",
    ]
    assert [name for name, _ in about["segmentation"]["error_legend"]] == ["right", "wrong"]
    assert about["depth"]["bar"]["ticks"][0].endswith(" m")
    # One metre everywhere.
    assert about["depth"]["error_bar"]["ticks"] == ["0 m", "0.33 m", "0.67 m", "≥ 1 m"]
    assert about["normals"]["bar"] is None


def test_colours_are_those_of_the_task() -> None:
    labels = batch()
    made = tiles(labels, guess(labels), TASKS)
    colours = TASKS["depth"].picture(labels["depth"]).permute(0, 2, 3, 1) * 255
    np.testing.assert_allclose(made.pictures["depth/truth"], colours.numpy(), atol=0.51)


def test_samples_without_a_label_are_named() -> None:
    labels = batch()
    labels["depth"][1] = torch.nan
    made = tiles(labels, guess(labels), TASKS)
    assert made.about["tasks"]["depth"]["missing"] == [False, True]
    del labels["depth"]
    made = tiles(labels, guess(batch()), TASKS)
    assert made.about["tasks"]["depth"]["missing"] == [True, True]
    assert "depth/prediction" in made.pictures
    assert "depth/truth" not in made.pictures


def test_tiles_are_small() -> None:
    labels = batch(samples=1, side=2 * SIDE)
    made = tiles(labels, guess(labels), TASKS)
    sizes = {name: each.shape[1:3] for name, each in made.pictures.items()}
    del sizes["normals/key"]
    assert set(sizes.values()) == {(SIDE, SIDE)}


def test_classes_of_images_have_no_errors() -> None:
    labels = batch() | {"birds": torch.tensor([0, 1])}
    task = Classification("birds", 3)
    made = tiles(labels, {"birds": torch.tensor([0, 2])}, {"birds": task})
    assert set(made.pictures) == {"image", "birds/truth", "birds/prediction"}
    assert made.pictures["birds/truth"].shape == (2, 8, 8, 3)


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    labels = batch()
    made = tiles(labels, guess(labels), TASKS, step=3)
    file = tmp_path / "tiles.npz"
    file.write_bytes(tiles_file(made))
    found = read_tiles(file)
    assert found.about == made.about
    assert found.pictures.keys() == made.pictures.keys()
    for name, pictures in made.pictures.items():
        np.testing.assert_array_equal(found.pictures[name], pictures)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no archive", b"nothing of the kind"])
def test_a_damaged_file_says_so(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tiles.npz"
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"tiles.npz` is damaged and cannot be read as arrays"):
        read_tiles(file)


def test_other_arrays_are_no_tiles(tmp_path: Path) -> None:
    file = tmp_path / "tiles.npz"
    np.savez(file, about=np.frombuffer(b"{}", np.uint8), image=np.zeros((1, 2, 2, 3)))
    with pytest.raises(ValueError, match="must be bytes of three colours, found float64"):
        read_tiles(file)
