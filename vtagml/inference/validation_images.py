"""Images to compare networks on: a run's validation data, or random ones where those are gone."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from lightning import LightningDataModule
from torch import Tensor

from vtagml.building import built
from vtagml.inference.agreement import probe_images
from vtagml.inference.trained import GONE, TrainedRun

AT_ONCE = 8
"""At most as many images of a batch: data in large batches are not worth hours in float64."""


class ComparedOn(NamedTuple):
    """Images that two networks are compared on.

    Attributes:
        batches: Values in [0, 1].
        source: Where they are from.
    """

    batches: Sequence[Tensor]
    source: str


def validation_images(run: TrainedRun, count: int, size: tuple[int, int]) -> ComparedOn:
    """Returns the first images of a run's validation data as the network sees them.

    Nothing is rendered or downloaded for it. Where the data are gone there are random images.

    Args:
        run: Its config says which data.
        count: How many batches.
        size: Height and width of random images.
    """
    settings = run.settings["data"]
    name = str(settings.get("class_path", "data")).rpartition(".")[-1]
    try:
        batches = _batches(settings, count)
        reason = "there are none"
    except GONE as error:
        batches, reason = [], str(error).partition("\n")[0]
    if batches:
        return ComparedOn(batches, f"validation data of {name}")
    random = list(islice(probe_images((2,) * count, size), count))
    return ComparedOn(random, f"random, for the validation data of {name} were not found: {reason}")


def _batches(settings: Mapping[str, Any], count: int) -> list[Tensor]:
    arguments = dict(settings.get("init_args") or {})
    if "workers" in arguments:
        arguments["workers"] = 0  # a few images are here sooner than a process
    datamodule = built(LightningDataModule, {**settings, "init_args": arguments})
    datamodule.setup("validate")
    loader = datamodule.val_dataloader()
    shown = (datamodule.on_after_batch_transfer(batch, 0) for batch in islice(loader, count))
    return [batch["image"][:AT_ONCE].float() for batch in shown]
