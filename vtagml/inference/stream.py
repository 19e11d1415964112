"""A backbone of a trained run, and the plain network of timm that it merges to."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from timeit import timeit
from typing import Any, NamedTuple, cast

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from vtagml.backbone import Backbone, PlainNetwork, TimmBackbone
from vtagml.backbone.weights import grid_of, metadata_of
from vtagml.inference.certificate import Read
from vtagml.inference.free_place import check_free
from vtagml.run_folder import whole_file

FORMAT = "vtagml merged network 1"
ROUNDS = 9


class Stream:
    """A backbone as it was trained, and the plain network that it merges to.

    Args:
        trained: As it was trained.
        merged: The same in float64, merged.
        head: What reads its summary, if that is all that makes a task's map.
        file: Where the plain network's weights go.

    Attributes:
        plain: The network of timm.
    """

    def __init__(
        self, trained: Backbone, merged: Backbone, head: nn.Linear | None, file: Path
    ) -> None:
        self.plain = PlainNetwork(merged, head)
        # Both are timm's, since the plain network could be made of one.
        self.trained, self.merged = cast(TimmBackbone, trained), cast(TimmBackbone, merged)
        self.file = file

    def exact(self) -> Read:
        """What the plain network makes of images in float64."""
        return self._reading(self.merged, self.plain.loaded(self.plain.weights))

    @contextmanager
    def written(self) -> Iterator[Read]:
        """Writes the file, which is there if the block ends without error.

        Yields what the plain network makes of images with the file's weights.
        """
        with whole_file(self.file) as file:
            file.write(self._content())
            file.flush()
            yield self._reading(self.trained, self.plain.loaded(load_file(file.name)))

    def _reading(self, backbone: TimmBackbone, network: Any) -> Read:
        def read(images: Tensor) -> list[Tensor]:
            pyramid = backbone.plain_pyramid(network, images)
            scores = [network(backbone.normalize(images))] if self.plain.head else []
            return [*pyramid, *scores]

        return read

    def _content(self) -> bytes:
        weights = {
            key: value.to(torch.float32 if value.is_floating_point() else value.dtype).contiguous()
            for key, value in self.plain.weights.items()
        }
        described = {
            "format": "pt",
            "made_by": FORMAT,
            "architecture": self.plain.architecture,
            "arguments": json.dumps(self.plain.arguments),
            **grid_of(self.trained.model),
        }
        return save(weights, metadata=described)

    def description(self, image: Tensor) -> dict[str, Any]:
        """Returns what is to be said of the file, which is there, and of its network.

        Args:
            image: Whose time is taken.
        """
        network = self.plain.loaded(load_file(self.file))
        plain = partial(self.trained.plain_pyramid, network)
        times = side_by_side(partial(self.trained, image), partial(plain, image))
        return {
            "made_by": FORMAT,
            "file": self.file.name,
            "sha256": sha256(self.file.read_bytes()).hexdigest(),
            "architecture": self.plain.architecture,
            "arguments": self.plain.arguments,
            "load": self.load,
            "input": {"values": "RGB in [0, 1], less mean, over std", **self._standard},
            "as_timm_starts_them": self.plain.untrained,
            "parameters": {"before": self._before, "after": _count(network)},
            "latency": {
                "trained": {"milliseconds": 1e3 * times.first},
                "merged": {"milliseconds": 1e3 * times.second},
                "merged / trained": times.ratio,
                "rounds": ROUNDS,
                "image": list(image.shape),
            },
        }

    @property
    def load(self) -> list[str]:
        """The lines of Python that load the file."""
        file = f'safetensors.torch.load_file("{self.file.name}")'
        return [f"network = {self.plain.call}", f"network.load_state_dict({file})"]

    @property
    def _standard(self) -> dict[str, Any]:
        numbers = {"mean": self.trained.mean, "std": self.trained.deviation}
        return {name: cast(Tensor, value).flatten().tolist() for name, value in numbers.items()}

    @property
    def _before(self) -> dict[str, int]:
        backbone = _count(self.merged)
        trained = sum(each.numel() for each in self.trained.parameters() if each.requires_grad)
        added = _count(self.trained) - backbone
        return {"backbone": backbone, "added": added, "trained": trained, "head": self.plain.head}


def check_both_free(file: Path) -> None:
    """Raises an error where another program's file or certificate would be written over."""
    check_free(file, "merge", lambda file: metadata_of(file).get("made_by") == FORMAT)
    check_free(certificate_of(file), "merge", _is_certificate)


def certificate_of(file: Path) -> Path:
    """The JSON file beside a file of weights."""
    return file.with_suffix(".json")


def _count(network: nn.Module) -> int:
    return sum(each.numel() for each in network.parameters())


class Times(NamedTuple):
    """Medians over rounds: seconds of two functions, and the second's as a share of the first's."""

    first: float
    second: float
    ratio: float


def side_by_side(first: Callable[[], object], second: Callable[[], object]) -> Times:
    """Returns how long two functions take.

    Both run in each round, in turn the one or the other before, so that a machine that slows down
    slows both.
    """
    first(), second()  # allocations, lazy buffers
    rounds = []
    for number in range(ROUNDS):
        order = (first, second) if number % 2 else (second, first)
        taken = {function: timeit(function, number=1) for function in order}
        rounds.append((taken[first], taken[second], taken[second] / taken[first]))
    return Times(*map(median, zip(*rounds, strict=True)))


def _is_certificate(path: Path) -> bool:
    try:
        made_by = json.loads(path.read_text(encoding="utf-8"))["made_by"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(made_by == FORMAT)
