"""Predictions from Python."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import vtagml
from datamodules import ImageFolder, Resize
from datamodules.labels import Labels
from tests.inference.conftest import SIZE
from vtagml import MultitaskModule
from vtagml.decoders import PerTask, PooledLinear
from vtagml.inference import Prediction, Predictor
from vtagml.tasks import Classification


def photo(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def predictor(module: MultitaskModule) -> Predictor:
    names = tuple("abcdefgh")
    return Predictor(module, SIZE, {"segmentation": Labels.spread(names)}, device="cpu")


@pytest.mark.parametrize("size", [(50, 90), (64, 96), (130, 70), (1, 5)])
def test_a_prediction_has_the_size_and_units_of_its_image(
    predictor: Predictor, size: tuple[int, int]
) -> None:
    found = predictor.predict(photo(*size))
    assert list(found) == ["segmentation", "depth", "normals", "edges"]
    assert len(found) == 4
    assert {task: array.shape for task, array in found.items()} == {
        "segmentation": size,
        "depth": size,
        "normals": (*size, 3),
        "edges": size,
    }
    assert found["segmentation"].dtype == np.int64
    assert set(np.unique(found["segmentation"])) <= set(range(8))
    assert found["depth"].min() > 0
    np.testing.assert_allclose(np.linalg.norm(found["normals"], axis=2), 1, atol=1e-5)
    assert 0 <= found["edges"].min() <= found["edges"].max() <= 1


def test_numbers_are_those_of_the_command(
    predictor: Predictor, module: MultitaskModule, tmp_path: Path
) -> None:
    """As `lightning predict --images`: the DataModule's batch through `predict_step`."""
    sizes = [(50, 90), (130, 70)]
    for index, size in enumerate(sizes):
        Image.fromarray(photo(*size)).save(tmp_path / f"{index}.png")
    folder = ImageFolder(tmp_path, SIZE, workers=0, batch_size=1)
    folder.setup("predict")
    for index, batch in enumerate(folder.predict_dataloader()):
        with torch.no_grad():
            expected = module.predict_step(folder.on_after_batch_transfer(batch), index)
        found = predictor.predict(tmp_path / f"{index}.png")
        for task in found:
            wanted = expected[task][0]
            wanted = wanted.movedim(0, -1).squeeze(-1) if wanted.ndim == 3 else wanted
            assert wanted.shape[:2] == sizes[index]
            np.testing.assert_array_equal(found[task], wanted, err_msg=task)


def test_a_device_is_given_by_name_or_by_torch(module: MultitaskModule) -> None:
    assert Predictor(module, SIZE, device=torch.device("cpu")).device == torch.device("cpu")
    with pytest.raises(ValueError, match=r"`device` must be .*found 'meta'"):
        Predictor(module, SIZE, device=torch.device("meta"))


def test_labels_of_whole_images_are_single_numbers() -> None:
    def encoder(tasks: tuple[str, ...]) -> nn.Module:
        from tests.inference.conftest import Convolutions

        return Convolutions(tasks)

    module = MultitaskModule(
        [Classification("shape", 3)],
        encoder,  # type: ignore[arg-type]
        lambda outputs, channels: PerTask(outputs, channels, PooledLinear),
    )
    seen: list[torch.Tensor] = []
    module.network.register_forward_pre_hook(lambda network, inputs: seen.append(inputs[0]))
    predictor = Predictor(module, SIZE, device="cpu", views=[Resize(SIZE)])
    found = predictor.predict(np.full((20, 90, 3), 255, np.uint8))
    assert found["shape"].shape == ()
    assert found.picture("shape").size == (1, 1)
    (shown,) = seen  # as it was said, without padding
    assert shown.shape[-2:] == SIZE
    assert (shown == 1).all()


def test_pictures_have_the_colours_of_the_task(predictor: Predictor) -> None:
    found = predictor.predict(photo(20, 30))
    picture = found.picture("normals")
    normals = torch.from_numpy(found["normals"]).movedim(-1, 0)
    colours = predictor.tasks["normals"].picture(normals[None])[0].movedim(0, -1)
    assert picture.size == (30, 20)
    # Of 255 levels each colour has the nearest.
    np.testing.assert_allclose(np.asarray(picture) / 255, colours, atol=0.501 / 255)


def test_classes_have_names(predictor: Predictor) -> None:
    found = predictor.predict(photo(8, 8))
    assert found.names == {"segmentation": tuple("abcdefgh")}
    assert "depth [8, 8]" in repr(found)


def test_another_task_is_refused_by_name(predictor: Predictor) -> None:
    found: Prediction = predictor.predict(photo(8, 8))
    assert "dpeth" not in found
    for ask in (found.__getitem__, found.picture):
        with pytest.raises(KeyError, match="dpeth") as raised:
            ask("dpeth")
        assert "segmentation" in str(raised.value)


def test_the_model_is_at_rest(module: MultitaskModule) -> None:
    module.train()
    predictor = Predictor(module, SIZE, device="cpu")
    found = predictor.predict(photo(8, 8))
    assert not module.training
    assert all(parameter.grad is None for parameter in module.parameters())
    assert module.network.take_gram() is None
    assert isinstance(found["depth"], np.ndarray)


def test_threads_may_share_it(predictor: Predictor) -> None:
    images = [photo(20 + index, 30) for index in range(8)]
    alone = [predictor.predict(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(predictor.predict, images))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one["depth"], other["depth"])


def test_devices_that_are_not_there_are_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "cuda:1", "mps", "gpu"):
        with pytest.raises(ValueError, match=f"`device`.*{device}"):
            vtagml.load(run, device=device)


def test_two_lines_from_a_run_folder(run: Path) -> None:
    predictor = vtagml.load(run)
    found = predictor.predict(photo(33, 44))
    assert found["depth"].shape == (33, 44)
    assert found.names["segmentation"][0] == "floor"
    # Compiling takes longer than many predictions.
    assert predictor.module.network.encoder._compiled_call_impl is None
