"""Features of images on disk, under the images' fingerprints."""

import os
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vtagml.attempt import Attempt
from vtagml.features.shard import KEYS, Shard


class FeatureStore:
    """Rows of features, each of the same shapes.

    Every process adds to a shard of its own, and reads those of all, on however many machines see
    the folder.

    Args:
        folder: Of the shards.
        shapes: Of the features of one image.
        dtype: In which they are kept; what they were rounded to is what is ever handed out.

    Attributes:
        room: How many more rows this process may add; none for no end.
    """

    def __init__(self, folder: Path, shapes: Sequence[Sequence[int]], dtype: torch.dtype) -> None:
        self.folder, self.dtype = folder, dtype
        self.room: int | None = None
        self.shapes = [torch.Size(shape) for shape in shapes]
        self.length = sum(shape.numel() for shape in self.shapes) * dtype.itemsize
        self.places: dict[bytes, tuple[Shard, int]] = {}
        self._shards: dict[str, Shard] = {}
        self._own: Shard | None = None
        self._attempt = Attempt("A file of the frozen part's features")
        self.refresh()

    def __len__(self) -> int:
        return len(self.places)

    def refresh(self) -> None:
        """Learns which rows others have added."""
        for file in sorted(self.folder.glob(f"*{KEYS}")):
            name = file.name.removesuffix(KEYS)
            shard = self._shards.setdefault(name, Shard(file.with_name(name), self.length))
            start = len(shard.sums)
            with suppress(OSError):  # deleted meanwhile, or out of reach: what is lost is time
                # A later one wins: it may stand for one that the disk has changed.
                rows = enumerate(shard.new_keys(), start)
                self.places |= {key: (shard, row) for row, key in rows}

    def find(self, key: bytes) -> list[Tensor] | None:
        """The features under a key; none if there are none, or the disk does not give them back."""
        place = self.places.get(key)
        if place is None:
            return None
        shard, row = place
        content = None
        with suppress(OSError):
            content = shard.read(row)
        if content is None:
            del self.places[key]  # to be computed, and kept, anew
            return None
        flat = torch.frombuffer(bytearray(content), dtype=self.dtype)
        parts = flat.split([shape.numel() for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def put(self, key: bytes, features: Sequence[Tensor]) -> None:
        """Keeps the features of an image; a full disk is one warning, and no error.

        Args:
            key: Of the image.
            features: In the precision that they are kept in.
        """
        if self.room == 0:
            return
        flat = torch.cat([each.flatten() for each in features]).view(torch.uint8)
        with self._attempt():
            if self._own is None:
                # In the order of time, for which the first digits stand.
                name = f"{time.time_ns()}-{socket.gethostname()}-{os.getpid()}"
                self._own = self._shards[name] = Shard(self.folder / name, self.length)
            row = self._own.append(key, np.asarray(flat.cpu()).tobytes())
            self.places[key] = self._own, row
            if self.room is not None:
                self.room -= 1

    def close(self) -> None:
        """Closes all files."""
        for shard in self._shards.values():
            shard.close()
        self._own = None  # what is put from now on goes to a new one
