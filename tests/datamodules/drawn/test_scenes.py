from pathlib import Path

import pytest
import torch

import datamodules
from datamodules import (
    InceptionCrop,
    Photometric,
    Planted,
    RandomFlip,
    SceneObjects,
    Scenes,
)
from datamodules.base import DenseDataModule
from datamodules.drawn.rendered import renderer_files
from datamodules.edges import sobel_edges

SIZE = (32, 32)


def scenes(cache: Path | None = None, **settings) -> Scenes:
    counts = {"train": 3, "val": 1, "test": 1}
    data = Scenes(
        **{"image_size": SIZE, "cache": cache, "workers": 0, "augment": []} | counts | settings
    )
    data.prepare_data()
    data.setup("fit")
    return data


def test_look_leaves_the_geometry_alone() -> None:
    day, dusk = (scenes(look=look).samples["train"][1] for look in ("day", "dusk"))
    for key in ("segmentation", "depth", "normals", "camera"):
        torch.testing.assert_close(day[key], dusk[key], rtol=0, atol=0, equal_nan=True)
    assert not torch.equal(day["image"], dusk["image"])


def test_scene_does_not_depend_on_how_many_there_are() -> None:
    few, many = scenes(train=2).samples["train"][1], scenes(train=5).samples["train"][1]
    assert torch.equal(few["image"], many["image"])


def test_scene_seed_makes_other_scenes_and_seed_does_not() -> None:
    image = scenes().samples["train"][0]["image"]
    assert torch.equal(scenes(seed=1).samples["train"][0]["image"], image)
    assert not torch.equal(scenes(scene_seed=1).samples["train"][0]["image"], image)


@pytest.mark.parametrize("layout", ["room", "street"])
def test_kept_scene_is_the_drawn_one(tmp_path: Path, layout: str) -> None:
    drawn = scenes(layout=layout).samples["train"][2]
    kept = scenes(tmp_path, layout=layout).samples["train"][2]
    assert drawn.keys() == kept.keys()
    for key in ("image", "segmentation", "depth", "camera"):
        torch.testing.assert_close(kept[key], drawn[key], rtol=0, atol=0, equal_nan=True)
    assert kept["name"] == drawn["name"] == f"{layout}-day-train-000002"
    # float16 has 11 bits: half a step below 1 is 2 ** -12.
    for key in ("normals", "edges"):
        torch.testing.assert_close(kept[key], drawn[key], rtol=0, atol=5e-4, equal_nan=True)


def test_edges_are_those_of_the_image() -> None:
    sample = scenes().samples["train"][0]
    edges = sobel_edges(sample["image"].permute(1, 2, 0).contiguous().numpy())
    torch.testing.assert_close(sample["edges"][0], torch.from_numpy(edges))


def test_every_setting_has_its_own_folder(tmp_path: Path) -> None:
    scenes(tmp_path)
    before = len(list(tmp_path.iterdir()))
    assert before == 3
    for other in (
        {"layout": "street"},
        {"look": "dusk"},
        {"scene_seed": 1},
        {"image_size": (32, 40)},
    ):
        scenes(tmp_path, **other)
        assert len(list(tmp_path.iterdir())) == before + 3
        before += 3
    scenes(tmp_path, train=2)  # validation and test splits serve again
    assert len(list(tmp_path.iterdir())) == before + 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layout": "kitchen"}, r"`layout`.*\['room', 'street'\].*'kitchen'"),
        ({"look": "night"}, r"`look`.*'day', 'dusk'.*'night'"),
        ({"val": 0}, "`val` should be at least 1, found 0"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scenes(cache=None, **settings)


def test_setup_without_data_says_what_to_call(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="prepare_data"):
        Scenes(cache=tmp_path).setup("fit")


def test_colour_of_objects_survives_augmentation() -> None:
    data = SceneObjects(image_size=SIZE, train=40, val=1, test=1, cache=None, workers=0)
    data.setup("fit")
    samples = data.samples["train"]
    red, blue = (data.labels["colour"].names.index(name) for name in ("red", "blue"))
    redness: dict[int, list[float]] = {red: [], blue: []}
    for index in range(len(samples)):
        sample = samples[index]
        if (colour := int(sample["colour"])) in redness:
            centre = sample["image"][:, 12:20, 12:20].float().mean(dim=(1, 2))
            redness[colour].append(float(centre[0] - centre[2]))
    assert torch.tensor(redness[red]).mean() > torch.tensor(redness[blue]).mean()


def test_a_change_of_any_file_that_draws_makes_other_scenes() -> None:
    room = Path(datamodules.__file__).parent
    names = {file.relative_to(room).as_posix() for file in renderer_files()}
    own = {f"drawn/{name}.py" for name in ("planted", "rendered", "scene_objects", "scenes")}
    assert own | {"rendering/shade.py", "rendering/room.py", "edges.py"} <= names
    assert all(file.is_file() for file in renderer_files())


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        (Scenes, [RandomFlip, Photometric]),
        (Planted, [RandomFlip]),
        (SceneObjects, [RandomFlip, InceptionCrop, Photometric]),
    ],
)
def test_training_samples_are_augmented(kind: type[DenseDataModule], kinds: list[type]) -> None:
    data = kind(image_size=(32, 32), cache=None)  # type: ignore[call-arg]
    assert [type(transform) for transform in data.transforms("train")] == kinds
    assert not data.transforms("val")
