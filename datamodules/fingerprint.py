"""What is in a split, in short, to notice that a dataset changed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datamodules.samples import Samples

COMPARED = 5  # samples that are read
ROUNDING = 1e-5  # relative


@dataclass(frozen=True)
class Content:
    """A digest of all that is exact, and the mean of each array of floats.

    Floats are compared roughly: filters round the last bit by where in memory an array lies.
    """

    exact: str
    means: list[float]

    def is_like(self, state: Mapping[str, Any]) -> bool:
        """Whether a stored state is of the same content."""
        return (
            self.exact == state["exact"]
            and len(self.means) == len(state["means"])
            and np.allclose(self.means, state["means"], rtol=ROUNDING, atol=ROUNDING)
        )


def content(samples: Samples) -> Content | None:
    """Describes the number of samples, and a few of them that are spread over the split.

    It sees samples added or left out, renamed, read in another order, another size or another
    label space; not a change of a single one of the others, since reading all would take an epoch.
    None if one of these few cannot be read: then nothing is compared.
    """
    count = len(samples)
    digest, means = hashlib.sha256(str(count).encode()), []
    places = np.linspace(0, count - 1, min(count, COMPARED)).round().astype(int)
    for place in places.tolist():
        try:
            sample = samples.source.read(samples.source.records[place], samples.tasks)
        except (OSError, ValueError):  # said by the loader when the sample's turn comes
            return None
        for key in sorted(sample):
            value = np.asarray(sample[key])
            digest.update(f"{key} {value.dtype} {value.shape}".encode())
            if np.issubdtype(value.dtype, np.floating):
                known = np.isfinite(value)
                means.append(float(value[known].mean(dtype=np.float64)) if known.any() else 0.0)
                value = known
            digest.update(np.ascontiguousarray(value).tobytes())
    return Content(digest.hexdigest()[:16], means)


def content_of_all(splits: Sequence[Samples]) -> Content | None:
    """Describes several splits; None if there is none, or one of them cannot be read."""
    found = [each for each in map(content, splits) if each is not None]
    if not found or len(found) < len(splits):
        return None
    means = [mean for each in found for mean in each.means]
    return Content("".join(each.exact for each in found), means)
