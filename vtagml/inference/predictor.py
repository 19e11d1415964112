"""A trained network that takes any image."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from datamodules.labels import Labels
from datamodules.predictions import FitInside, NativeSize
from datamodules.transforms import Transform
from vtagml.inference.images import ImageLike, pixels_of
from vtagml.inference.prediction import Prediction
from vtagml.inference.trained import TrainedRun
from vtagml.module import MultitaskModule
from vtagml.native_size import at_native_size


class Predictor:
    """Predicts all tasks of a trained model on images of any size.

    The model is in eval mode and no gradients are kept. Nothing changes from call to call, so
    threads may share a predictor.

    Args:
        module: The trained model.
        image_size: Height and width of the network's input.
        labels: Names and colours of the classes, by task.
        device: `auto` for a GPU where there is one, `cpu`, or `cuda`.
        origin: Which checkpoint the weights are of, to be kept in what is exported.
        views: Bring an image to the network's size; by default it fills the input as far as its
            shape allows.
    """

    def __init__(
        self,
        module: MultitaskModule,
        image_size: tuple[int, int],
        labels: Mapping[str, Labels] | None = None,
        device: str | torch.device = "auto",
        origin: Mapping[str, Any] | None = None,
        views: Sequence[Transform] | None = None,
    ) -> None:
        self.device = chosen(device)
        self.module = module.eval().to(self.device)
        self.image_size = image_size
        self.tasks = module.tasks
        self.origin = origin
        self.views = [NativeSize(), *([FitInside(image_size)] if views is None else views)]
        for task in self.tasks.values():
            task.bind(labels or {})

    def predict(self, image: ImageLike) -> Prediction:
        """Predicts at the image's own size.

        The image is scaled to fill the network's input as far as its shape allows, the rest is
        padding: the network sees as much at once as in training. A network that only classifies
        sees it as the images of its training data.

        Args:
            image: A file, a picture of Pillow, or an array `[height, width, 3]` of uint8 or of
                floats in [0, 1]; grey and RGBA are taken, too.
        """
        view = {"image": pixels_of(image)}
        for step in self.views:
            view = step(view, np.random.default_rng(0))
        batch = {key: torch.from_numpy(each)[None] for key, each in view.items()}
        batch["image"] = batch["image"].movedim(-1, 1).contiguous()
        with torch.inference_mode():
            maps = self.module.network(batch["image"].to(self.device).float() / 255)
            predictions = {
                name: next(at_native_size(task, [maps[name]], batch)).cpu()
                for name, task in self.tasks.items()
            }
        return Prediction(predictions, self.tasks)


def load(
    run: str | Path, config: str | Path | None = None, device: str | torch.device = "auto"
) -> Predictor:
    """Makes a predictor of a run folder or of one of its checkpoints.

    The checkpoint is read as data, but a config is a program (SECURITY.md): of somebody else's run
    take the checkpoint alone, and give a config of your own.

    Args:
        run: A run folder, or its folder of checkpoints, of which the newest whole one is taken, or
            a checkpoint.
        config: The experiment's YAML; by default `config.yaml` of the checkpoint's run folder.
        device: `auto` for a GPU where there is one, `cpu`, or `cuda`.
    """
    chosen(device)  # an absent GPU is said before anything is read
    trained = TrainedRun(Path(run), None if config is None else Path(config))
    size = trained.image_size  # what is wrong with it is said before the model is built
    model = trained.model()
    views = trained.views(model.tasks.values())
    return Predictor(model, size, trained.labels, device, trained.origin, views)


def chosen(device: str | torch.device) -> torch.device:
    """Returns the device of a name; `auto` is the GPU where there is one."""
    device = str(device)
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind = device.partition(":")[0]
    # Apple's has no float64, which affinities are kept in.
    if kind not in ("cpu", "cuda") or (kind == "cuda" and not torch.cuda.is_available()):
        raise ValueError(
            f"`device` must be auto, cpu, or cuda where torch finds a GPU, found {device!r}."
        )
    return torch.device(device)
