"""What a clustering found, kept on disk under a digest of what it depends on."""

import io
import zlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch

from vtagml.attempt import Attempt
from vtagml.experts.clustering import Labels
from vtagml.run_folder import turn, write_whole


class KeptLabels:
    """The labels of one block, in a file that is whole or not there.

    A file that is damaged is as good as none: the labels are computed again.

    Args:
        folder: Where it is, or will be; null to keep nothing.
        digest: Of all that the labels depend on.
        channels: How many labels.
        experts: How many different ones, each as often as the others.
    """

    def __init__(self, folder: Path | None, digest: str, channels: int, experts: int) -> None:
        self.folder, self.digest, self.channels, self.experts = folder, digest, channels, experts

    def read(self) -> Labels | None:
        """Returns the labels, if they are there."""
        if self.folder is None:
            return None
        try:
            content = io.BytesIO((self.folder / f"{self.digest}.npz").read_bytes())
            with np.load(content, allow_pickle=False) as file:
                found = file["labels"].astype(np.int64, casting="safe")
        except (OSError, ValueError, KeyError, EOFError, TypeError, BadZipFile, zlib.error):
            return None
        if found.shape != (self.channels,) or found.min() < 0:
            return None
        sizes = np.bincount(found, minlength=self.experts)
        alike = len(sizes) == self.experts and (sizes == self.channels // self.experts).all()
        return torch.from_numpy(found) if alike else None

    def read_or(self, compute: Callable[[], Labels]) -> Labels:
        """Returns the labels, and computes and keeps them first unless they are there.

        Processes that want the same at the same time do it once: the others wait and read.
        """
        with nullcontext() if self.folder is None else turn(self.folder):
            labels = self.read()
            if labels is None:
                labels = compute()
                with Attempt(f"The file of experts in `{self.folder}`")():
                    self._write(labels)
        return labels

    def _write(self, labels: Labels) -> None:
        if self.folder is None:
            return
        content = io.BytesIO()
        np.savez(content, labels=labels.numpy())
        write_whole(self.folder / f"{self.digest}.npz", content.getvalue())
