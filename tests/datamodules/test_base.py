import pickle
from collections.abc import Sequence

import numpy as np
import pytest
import torch
import yaml
from jsonargparse import ArgumentError, ArgumentParser
from lightning.pytorch import LightningModule, Trainer

from datamodules import DenseDataModule, Labels, RandomFlip, Source, Transform
from datamodules.samples import Draw, to_tensor
from datamodules.transforms import Sample


def read(record: str, tasks: Sequence[str]) -> Sample:
    """What a dataset on disk has to give: here a record is just the sample's name."""
    rows, columns = np.mgrid[0:2, 0:3]
    maps = {
        "segmentation": (columns % 2).astype(np.uint8),
        "depth": (1 + columns).astype(np.float32),
        "normals": np.broadcast_to(np.float32([0.6, 0, -0.8]), (2, 3, 3)),
    }
    image = np.stack([rows, columns, rows], axis=2).astype(np.uint8) * 51
    return {"image": image, "name": record} | {task: maps[task] for task in tasks}


class Toy(DenseDataModule):
    offers = ("segmentation", "depth", "normals")
    counts = {"train": 5, "val": 3, "test": 2}
    read = staticmethod(read)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(["a", "b"])}

    def source(self, split: str) -> Source[str]:
        return Source([f"{split}-{i}" for i in range(self.counts[split])], self.read)

    def default_augment(self) -> Sequence[Transform]:
        return [RandomFlip(0.5)]


def toy(**settings) -> Toy:
    data = Toy(**{"batch_size": 2, "workers": 0} | settings)
    data.setup()
    return data


def test_three_things_make_a_dataset() -> None:
    batch = next(iter(toy().val_dataloader()))
    assert batch["name"] == ["val-0", "val-1"]
    assert {key: tuple(value.shape) for key, value in batch.items() if key != "name"} == {
        "image": (2, 3, 2, 3),
        "segmentation": (2, 2, 3),
        "depth": (2, 1, 2, 3),
        "normals": (2, 3, 2, 3),
    }
    # Row 1, column 2: image 51 * (1, 2, 1), class 2 % 2, 3 metres.
    assert batch["image"][0, :, 1, 2].tolist() == [51, 102, 51]
    assert batch["segmentation"][0, 1, 2] == 0
    assert batch["depth"][0, 0, 1, 2] == 3


class Namer(LightningModule):
    """Remembers what it was given, and that images had become float by then."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))
        self.seen: list[str] = []

    def training_step(self, batch: dict, batch_idx: int) -> torch.Tensor:
        assert batch["image"].dtype == torch.float32
        self.seen += batch["name"]
        return (self.scale * batch["image"]).mean()

    validation_step = test_step = predict_step = training_step

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [("validate", "val-0 val-1 val-2"), ("test", "test-0 test-1"), ("predict", "test-0 test-1")],
)
def test_lightning_sees_every_sample_once(stage: str, expected: str) -> None:
    module = Namer()
    trainer = Trainer(accelerator="cpu", logger=False, enable_progress_bar=False)
    getattr(trainer, stage)(module, datamodule=Toy(batch_size=2, workers=0))
    assert module.seen == expected.split()


def test_lightning_trains_on_another_order_in_each_epoch() -> None:
    module = Namer()
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        limit_val_batches=0,
        logger=False,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(module, Toy(batch_size=2, workers=0))
    epochs = [tuple(module.seen[start : start + 4]) for start in (0, 4, 8)]
    assert len(set(epochs)) == 3
    assert all(len(set(epoch)) == 4 for epoch in epochs)


def test_settings_come_from_yaml() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(DenseDataModule, "data")
    settings = """
      class_path: datamodules.Scenes
      init_args:
        image_size: [32, 48]
        cache: null
        tasks: [depth]
        augment:
          - class_path: datamodules.RandomFlip
            init_args: {probability: 0.25}
          - class_path: datamodules.Photometric
            init_args: {hue: 0.0}
    """
    data = parser.instantiate(parser.parse_object({"data": yaml.safe_load(settings)})).data
    assert data.tasks == ("depth",)
    assert data.image_size == (32, 48)
    assert data.augment[0].probability == 0.25
    wrong = yaml.safe_load(settings.replace("image_size", "image_sise"))
    with pytest.raises(ArgumentError, match="image_sise"):
        parser.parse_object({"data": wrong})


def test_samples_go_to_spawned_workers() -> None:
    samples = pickle.loads(pickle.dumps(toy().samples["train"]))
    assert torch.equal(samples[2]["image"], toy().samples["train"][2]["image"])


def test_training_leaves_out_what_fills_no_batch_and_evaluation_does_not() -> None:
    data = toy()
    assert [len(batch["name"]) for batch in data.train_dataloader()] == [2, 2]
    assert [len(batch["name"]) for batch in data.val_dataloader()] == [2, 1]
    assert [len(batch["name"]) for batch in data.predict_dataloader()] == [2]


def test_only_training_is_augmented() -> None:
    data = toy(augment=[RandomFlip(1.0)])
    assert next(iter(data.train_dataloader()))["normals"][0, 0, 0, 0] == pytest.approx(-0.6)
    assert next(iter(data.val_dataloader()))["normals"][0, 0, 0, 0] == pytest.approx(0.6)


def test_augmentation_depends_on_seed_epoch_and_position() -> None:
    def flipped(seed: int, epoch: int) -> list[bool]:
        samples = toy(seed=seed).samples["train"]
        return [bool(samples[Draw(epoch, i)]["normals"][0, 0, 0] < 0) for i in range(5)]

    assert flipped(0, 0) == flipped(0, 0)
    # Five coins each: that two of these agree by chance has been ruled out for these seeds.
    outcomes = [tuple(flipped(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(outcomes)) == 4


def test_variants_come_again() -> None:
    def flipped(epoch: int) -> list[bool]:
        samples = toy(variants=2).samples["train"]
        return [bool(samples[Draw(epoch, i)]["normals"][0, 0, 0] < 0) for i in range(5)]

    assert flipped(0) == flipped(2) == flipped(4) != flipped(1) == flipped(3)
    with pytest.raises(ValueError, match="`variants` should be at least 1, or null, found 0"):
        toy(variants=0)


def test_floats_of_a_reader_become_float32() -> None:
    doubles = {"image": np.ones((2, 3, 3)), "depth": np.ones((2, 3)), "normals": np.ones((2, 3, 3))}
    tensors = {key: to_tensor(value) for key, value in doubles.items()}
    assert {key: tensor.dtype for key, tensor in tensors.items()} == dict.fromkeys(
        doubles, torch.float32
    )


def test_image_becomes_float_once() -> None:
    data = toy()
    bytes_image = torch.tensor([0, 51, 255], dtype=torch.uint8)
    batch = data.on_after_batch_transfer({"image": bytes_image, "name": "a"})
    torch.testing.assert_close(batch["image"], torch.tensor([0, 0.2, 1]))
    assert data.on_after_batch_transfer(batch)["image"] is batch["image"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tasks": ["depth", "edges"]}, r"`tasks`.*\['segmentation', 'depth', 'normals'\].*edges"),
        ({"tasks": []}, "`tasks`.*found none"),
        ({"batch_size": 0}, "`batch_size`.*found 0"),
        ({"workers": -1}, "`workers`.*found -1"),
    ],
)
def test_wrong_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Toy(**settings)


def test_batch_larger_than_the_split() -> None:
    with pytest.raises(ValueError, match=r"`batch_size`.* 5 training samples.*found 6"):
        toy(batch_size=6).train_dataloader()


def test_loaders_before_setup() -> None:
    with pytest.raises(RuntimeError, match="`train` of Toy is not set up"):
        Toy().train_dataloader()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image", np.nan, "`image` should be finite, found 1 values NaN"),
        ("depth", np.inf, "`depth` should be finite, or NaN where unknown, found 1 infinite"),
    ],
)
def test_broken_sample_stops_with_its_name(key: str, value: float, message: str) -> None:
    def broken(record: str, tasks: Sequence[str]) -> Sample:
        sample = read(record, tasks)
        if record == "val-1":
            sample[key] = sample[key].astype(np.float32)
            sample[key][0, 0] = value if key == "depth" else [value, 0, 0]
        return sample

    class Broken(Toy):
        read = staticmethod(broken)

    data = Broken(batch_size=1, workers=0)
    data.setup("validate")
    batches = iter(data.val_dataloader())
    next(batches)
    with pytest.raises(ValueError, match=f"Sample `val-1`: {message}.*Replace"):
        next(batches)
