"""The one place that knows timm: architectures, stages, freezing and loading of weights.

A backbone turns an image with values in [0, 1] into four feature maps at strides 4, 8, 16 and 32.
Those whose blocks an adapter can sit on (`StagedBackbone`: Swin, Swin V2, ViT) also show their
stem, stages and blocks.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import timm
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

LEVELS = 4
STRIDES = (4, 8, 16, 32)
HUB = "hub"
# On a command line null arrives as a word.
NO_WEIGHTS = (None, "none", "None", "null")
SHIPPED = Path(__file__).parent / "weights" / "swinv2_nano_scenes.safetensors"


class Stage(NamedTuple):
    """A stage of a backbone: what changes resolution and width, then blocks that keep both."""

    downsample: nn.Module
    blocks: Sequence[nn.Module]


Module = TypeVar("Module", bound="Backbone")


class Backbone(nn.Module, ABC):
    """A network from an image to four feature maps, which can be frozen.

    Args:
        channels: Channels of the four maps, finest first.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.frozen = False

    @abstractmethod
    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Returns four maps at strides 4, 8, 16 and 32, channels second."""

    def freeze(self: Module) -> Module:
        """Stops training for good: no parameter takes a gradient and the mode stays `eval`."""
        self.requires_grad_(False)
        self.frozen = True
        return self.train(False)

    def train(self: Module, mode: bool = True) -> Module:
        return super().train(mode and not self.frozen)

    def resize(self, size: tuple[int, int]) -> None:
        """Fits windows and positions to another size of image; by default nothing depends on it."""


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
        self.weights = None if weights in NO_WEIGHTS else weights
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

    def _create(self, drop_path: float) -> Any:
        options = self._options()
        try:
            model = timm.create_model(
                self.architecture,
                pretrained=self.weights == HUB,
                num_classes=0,
                drop_path_rate=drop_path,
                **options,
            )
        except OSError as error:
            raise FileNotFoundError(
                f"`weights: hub` of `{self.architecture}` could not be downloaded ({error}). Go "
                "online once, or give a local file to `weights`, or `weights: null` for a random "
                "start."
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


class _PyramidBackbone(TimmBackbone):
    """A backbone of which only the four maps are used."""

    def _options(self) -> dict[str, Any]:
        return {}

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        return self.model.forward_intermediates(
            self.normalize(image), indices=list(range(LEVELS)), intermediates_only=True
        )


class PVTv2(_PyramidBackbone):
    """Pyramid Vision Transformer v2: keys and values at a reduced resolution."""

    def __init__(
        self,
        architecture: str = "pvt_v2_b2.in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)


class FocalNet(_PyramidBackbone):
    """FocalNet: focal modulation instead of attention.

    Note:
        The paper's Focal Transformer (focal self-attention) is another network and not in timm.
    """

    unused = ("head.", "norm.")

    def __init__(
        self,
        architecture: str = "focalnet_tiny_srf.ms_in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)


class StagedBackbone(TimmBackbone):
    """A backbone that runs as stem, then stages of blocks, so that adapters find their place."""

    unused = ("head.", "norm.", "fc_norm.")

    @property
    @abstractmethod
    def stages(self) -> list[Stage]:
        """The four stages, in order."""

    @abstractmethod
    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        """Returns the tokens that enter the first stage."""

    @abstractmethod
    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        """Returns the map of a stage's output tokens: channels second, at stride 4 · 2^stage.

        Args:
            stage: Index of the stage.
            tokens: Its output.
            size: Height and width of the image.
        """

    def forward(self, image: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        size = (image.shape[-2], image.shape[-1])
        tokens = self.stem(self.normalize(image))
        pyramid = []
        for index, stage in enumerate(self.stages):
            tokens = stage.downsample(tokens)
            for block in stage.blocks:
                tokens = block(tokens)
            pyramid.append(self.level(index, tokens, size))
        return pyramid


class _WindowBackbone(StagedBackbone):
    """Swin of either version: tokens are `[batch, height, width, channels]`."""

    def _options(self) -> dict[str, Any]:
        return {"img_size": self.image_size, "strict_img_size": False}

    def _create(self, drop_path: float) -> Any:
        model = super()._create(drop_path)
        self.windows = [layer.blocks[0].window_size for layer in model.layers]
        return model

    def resize(self, size: tuple[int, int]) -> None:
        self.model.set_input_size(img_size=size, window_size=self.windows)

    @property
    def stages(self) -> list[Stage]:
        return [Stage(layer.downsample, list(layer.blocks)) for layer in self.model.layers]

    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        return self.model.patch_embed(image)

    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        return tokens.permute(0, 3, 1, 2)


class SwinV2(_WindowBackbone):
    """Swin V2: cosine attention, continuous position bias, norms after the sub-layers.

    Note:
        The paper's text says Swin-B V2 with ImageNet-22K weights, its widths are Swin-L's, and
        the released code is Swin-S V1: the backbone is a setting, none is "the" paper's.
    """

    def __init__(
        self,
        architecture: str = "swinv2_base_window12_192.ms_in22k",
        image_size: tuple[int, int] = (192, 192),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)


class Swin(_WindowBackbone):
    """Swin V1: scaled dot-product attention, table of position biases, norms before."""

    def __init__(
        self,
        architecture: str = "swin_tiny_patch4_window7_224.ms_in1k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)


class SwinV2Nano(SwinV2):
    """The small Swin V2 that ships with the package, pre-trained on rendered objects.

    Width 32, depths 2-2-6-2, windows of 8, 3.16 M parameters: enough for a CPU. Made by
    `experiments/pretrain_scenes.yaml`.

    Args:
        image_size: Height and width the network is built for.
        weights: `shipped`, a local file, or null for a random start.
        drop_path: Stochastic depth, only when the backbone trains.
    """

    def __init__(
        self,
        image_size: tuple[int, int] = (128, 128),
        weights: str | None = "shipped",
        drop_path: float = 0.0,
    ) -> None:
        path = str(SHIPPED) if weights == "shipped" else weights
        if path == HUB:
            raise ValueError(
                "`weights` of SwinV2Nano must be `shipped`, a local file or null, found `hub`: no "
                "hub has this network."
            )
        super().__init__("swinv2_tiny_window8_256", image_size, path, drop_path)

    def _options(self) -> dict[str, Any]:
        return super()._options() | {
            "embed_dim": 32,
            "depths": (2, 2, 6, 2),
            "num_heads": (2, 4, 8, 16),
            "window_size": 8,
        }


class ViT(StagedBackbone):
    """A plain vision transformer; its quarters stand for stages, each resized to its stride.

    Tokens are `[batch, tokens, channels]`, class and register tokens first.
    """

    def __init__(
        self,
        architecture: str = "vit_base_patch16_224.augreg_in21k",
        image_size: tuple[int, int] = (224, 224),
        weights: str | None = HUB,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(architecture, image_size, weights, drop_path)
        blocks = len(self.model.blocks)
        if blocks % LEVELS:
            raise ValueError(
                f"`architecture` must have a number of blocks divisible by {LEVELS}, found "
                f"{blocks} in `{architecture}`: its quarters stand for the stages."
            )
        self.channels = (self.model.embed_dim,) * LEVELS

    def _create(self, drop_path: float) -> Any:
        model = super()._create(drop_path)
        patch = model.patch_embed.patch_size
        if max(patch) > STRIDES[-1] or STRIDES[-1] % max(patch):
            raise ValueError(
                f"`architecture` must have patches that divide {STRIDES[-1]} pixels, found {patch} "
                f"in `{self.architecture}`."
            )
        return model

    def _options(self) -> dict[str, Any]:
        return {"img_size": self.image_size, "dynamic_img_size": True}

    @property
    def prefix_tokens(self) -> int:
        """How many class and register tokens stand before the patches."""
        return self.model.num_prefix_tokens

    @property
    def stages(self) -> list[Stage]:
        blocks = list(self.model.blocks)
        quarter = len(blocks) // LEVELS
        return [
            Stage(nn.Identity(), blocks[start : start + quarter])
            for start in range(0, len(blocks), quarter)
        ]

    def stem(self, image: Float[Tensor, "batch 3 height width"]) -> Tensor:
        model = self.model
        return model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(image))))

    def level(self, stage: int, tokens: Tensor, size: tuple[int, int]) -> Tensor:
        patch_height, patch_width = self.model.patch_embed.patch_size
        grid = (size[0] // patch_height, size[1] // patch_width)
        patches = tokens[:, self.prefix_tokens :].transpose(1, 2).unflatten(2, grid)
        target = (size[0] // STRIDES[stage], size[1] // STRIDES[stage])
        return F.interpolate(patches, size=target, mode="bilinear", antialias=target < grid)


def load_weights(model: nn.Module, path: str, unused: Sequence[str] = ()) -> None:
    """Loads a file of weights into a timm network, strictly.

    Args:
        model: The network.
        path: A safetensors file or a state dict saved by torch, in any layout that timm's own
            filter of this architecture understands.
        unused: Prefixes of keys that may be present and are passed over.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"`weights` must be `hub`, null or a file, found no file `{path}`. Check the path; it "
            "is relative to the working directory."
        )
    try:
        found: Mapping[str, Tensor] = timm.models.load_state_dict(path, weights_only=True)
    except Exception as error:
        raise ValueError(
            f"`weights` file `{path}` could not be read ({error}). It must be safetensors or a "
            "state dict saved by torch.save, whole and without other objects."
        ) from error
    layout = import_module(type(model).__module__)
    if hasattr(layout, "checkpoint_filter_fn"):
        found = layout.checkpoint_filter_fn(dict(found), model)
    expected = model.state_dict()
    kept = {key: value for key, value in found.items() if not key.startswith(tuple(unused))}
    problems = list(differing_keys(expected, kept))
    if problems:
        raise ValueError(
            f"`weights` file `{path}` does not fit {type(model).__name__}: {len(problems)} "
            f"differences. " + "; ".join(problems)
        )
    model.load_state_dict({key: value.to(expected[key].dtype) for key, value in kept.items()})


def differing_keys(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    """Yields a phrase for every key that is missing, unexpected or of another shape."""
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            yield f"missing `{key}`"
        elif key not in expected:
            yield f"unexpected `{key}`"
        elif expected[key].shape != found[key].shape:
            yield (
                f"`{key}` must have shape {tuple(expected[key].shape)}, found "
                f"{tuple(found[key].shape)}"
            )


def _check_image_size(image_size: tuple[int, int]) -> None:
    if any(side <= 0 or side % STRIDES[-1] for side in image_size):
        raise ValueError(
            f"`image_size` must be a positive multiple of {STRIDES[-1]} in height and width, found "
            f"{image_size[0]} x {image_size[1]}."
        )
