"""What all networks of timm share: construction, weights, normalisation of the image."""

from abc import abstractmethod
from typing import Any, cast

import timm
import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.backbone.backbone import LEVELS, STRIDES, Backbone
from vtagml.backbone.hub import check_hub
from vtagml.backbone.weights import load_weights

HUB = "hub"
# On a command line null arrives as a word.
NULL = (None, "none", "None", "null")


class TimmBackbone(Backbone):
    """A timm network as a feature pyramid.

    Args:
        architecture: timm's name of the network, with the tag of its weights.
        image_size: Height and width the network is built for; it fixes windows and positions.
            Larger and smaller inputs run too.
        weights: `hub` for timm's pre-trained weights, a local file (safetensors or a
            state dict of torch), or null (`none`) for a random start.
        drop_path: Stochastic depth, only when the backbone trains.
    """

    unused: tuple[str, ...] = ("head.",)
    """Prefixes of keys in published weights that a feature pyramid has no use for."""

    def __init__(
        self,
        architecture: str,
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(())
        _check_image_size(image_size)
        self.architecture = architecture
        self.image_size = image_size
        self.weights = None if weights in NULL else weights
        self.model = self._create(drop_path)
        self.channels = tuple(self.model.feature_info.channels())
        self._drop_unused()
        if self.weights is not None and self.weights != HUB:
            load_weights(self.model, self.weights, self.unused)
        mean, deviation = self.model.pretrained_cfg["mean"], self.model.pretrained_cfg["std"]
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1), persistent=False)

    @abstractmethod
    def _options(self) -> dict[str, Any]:
        """Returns what this family's constructor in timm needs beyond the common arguments."""

    @property
    def arguments(self) -> dict[str, Any]:
        """What `timm.create_model` takes beside the name to build the network without a head."""
        return {**self._options(), "num_classes": 0}

    def _create(self, drop_path: float) -> Any:
        try:
            if self.weights == HUB:
                check_hub(self.architecture)
            model = timm.create_model(
                self.architecture,
                pretrained=self.weights == HUB,
                drop_path_rate=drop_path,
                **self.arguments,
            )
        except OSError as error:
            raise FileNotFoundError(
                f"`weights: hub` of `{self.architecture}` could not be downloaded ({error}). Go "
                "online once, after which they stay on this disk; or give a local file to `weights`"
                " of the backbone; or `weights: none` for a random start."
            ) from error
        except RuntimeError as error:
            if "Unknown model" not in str(error) and "Invalid pretrained tag" not in str(error):
                raise
            raise ValueError(
                f"`architecture` must be a network that timm has, found `{self.architecture}` "
                f"({error}). `timm.list_models()` lists them."
            ) from error
        model.feature_info = timm.models.FeatureInfo(model.feature_info, list(range(LEVELS)))
        return model

    @property
    def heads_summary(self) -> bool:
        """Whether timm's own head reads the summary of the image, as it is and nothing else."""
        return False

    def plain_pyramid(
        self, model: Any, image: Float[Tensor, "batch 3 height width"]
    ) -> list[Tensor]:
        """Returns what `forward` would, made by another network's own function of timm.

        Args:
            model: Of the same architecture, as timm builds it.
            image: Values in [0, 1].
        """
        return model.forward_intermediates(
            self.normalize(image), indices=list(range(LEVELS)), intermediates_only=True
        )

    def _drop_unused(self) -> None:
        # A final norm or head that no map passes through would be a parameter without gradient,
        # which DistributedDataParallel refuses.
        for name in {prefix.split(".")[0] for prefix in self.unused}:
            if hasattr(self.model, name):
                setattr(self.model, name, nn.Identity())

    def normalize(
        self, image: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch 3 height width"]:
        """Returns the image standardised with the mean and deviation the weights were made for."""
        height, width = image.shape[-2:]
        if height % STRIDES[-1] or width % STRIDES[-1]:
            raise ValueError(
                f"`image` must have height and width divisible by {STRIDES[-1]}, found "
                f"{height} x {width}: pad or resize it."
            )
        mean, deviation = cast(Tensor, self.mean), cast(Tensor, self.deviation)
        # In the precision of the network, whatever that of the image.
        return (image.to(mean.dtype) - mean) / deviation


def _check_image_size(image_size: tuple[int, int]) -> None:
    if any(side <= 0 or side % STRIDES[-1] for side in image_size):
        raise ValueError(
            f"`image_size` must be a positive multiple of {STRIDES[-1]} in height and width, found "
            f"{image_size[0]} x {image_size[1]}."
        )
