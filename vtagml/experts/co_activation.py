"""Channels that fire together make an expert."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from vtagml.backbone import Place, StagedBackbone
from vtagml.experts.balanced_kmeans import BalancedKMeans
from vtagml.experts.clustering import layers_of

PHOTOS = {".bmp", ".jpeg", ".jpg", ".png", ".webp"}
TOKENS = 16  # Of an image, at most; their neighbours say much the same.


class CoActivation(BalancedKMeans):
    """Puts channels together that fire on the same tokens of some images (Table 6's co-activation).

    A channel's vector is what leaves the activation where that is positive, on tokens evenly spaced
    over each image; these vectors are clustered as the weights are by `BalancedKMeans`.

    Note:
        Neither paper nor release define it. MoEfication, which the paper takes the word from, cuts
        a graph of how often two channels fire together.

    Args:
        images: A folder of images; it is not looked for in folders below.
        count: How many of them, by name, at most.
        seed: Of the first centres.
        cache: As in `BalancedKMeans`.
    """

    def __init__(
        self,
        images: str,
        count: int = 64,
        seed: int = 0,
        cache: str | None = "data/weights/experts",
    ) -> None:
        super().__init__(seed, cache)
        self.images, self.count = images, count

    def vectors(self, network: StagedBackbone, experts: int) -> Mapping[Place, Tensor]:
        fired: dict[Place, list[Tensor]] = {place: [] for place in layers_of(network, experts)}
        path = f"{network.feed_forward[0].rpartition('.')[0]}.act"
        hooks = [
            network.block(place)
            .get_submodule(path)
            .register_forward_hook(partial(_keep_fired, fired[place]))
            for place in fired
        ]
        training = network.training
        try:
            with torch.no_grad():
                network.eval()  # or `drop_path` would thin it at random
                for image in self._images(network):
                    network(image)
        finally:
            network.train(training)
            for hook in hooks:
                hook.remove()
        return {place: torch.cat(own).T for place, own in fired.items()}

    def _images(self, network: StagedBackbone) -> Iterator[Float[Tensor, "1 3 height width"]]:
        folder = Path(self.images).expanduser()
        listed = sorted(folder.iterdir()) if folder.is_dir() else []
        files = [file for file in listed if file.suffix.lower() in PHOTOS][: self.count]
        if not files:
            raise FileNotFoundError(
                "`images` must be a folder with images on which channels fire "
                f"({', '.join(sorted(PHOTOS))}), found none in `{self.images}`."
            )
        height, width = network.image_size
        parameter = next(network.parameters())
        for file in files:
            with Image.open(file) as opened:
                pixels = np.array(opened.convert("RGB").resize((width, height)))
            yield torch.from_numpy(pixels).permute(2, 0, 1)[None].to(parameter) / 255


def _keep_fired(kept: list[Tensor], module: nn.Module, inputs: Any, output: Tensor) -> None:
    tokens = output.flatten(0, -2)
    kept.append(tokens[:: -(-len(tokens) // TOKENS)].clamp(min=0))
