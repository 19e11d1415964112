"""Inner products between the gradients of tasks, kept so that they add up over any split."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from vtagml.affinity.statistic import Statistic
from vtagml.ranks import distributed, sum_of_ranks

# A gradient is converted to float64 in parts of this many elements (128 MiB), so that a fork of a
# whole pyramid does not double the peak memory of a step.
ELEMENTS_AT_ONCE = 2**24


@dataclass(frozen=True, eq=False)
class Gram:
    """Sums over images of the inner products of task gradients, TROA (Algorithm 1).

    Grams add over micro-batches, forks and ranks, so accumulate them and form the cosines last.
    The sum equals the Gram of the whole batch if the total loss is the sum of the parts' losses up
    to one common factor, which `StepCounts` sees to; means over different numbers of valid pixels
    are not.

    Attributes:
        dots: `dots[t, n]` sums <g_t, g_n> over the images where both tasks have a gradient.
        norms: `norms[t, n]` sums |g_t|² over the same images. It is not symmetric: row t is about
            task t's gradient, column n says on which images.
    """

    dots: Float64[Tensor, "task task"]
    norms: Float64[Tensor, "task task"]

    @classmethod
    def of(cls, products: Float64[Tensor, "batch task task"]) -> "Gram":
        """Sums per-image inner products over the images where both tasks of a pair are present.

        A task is present in an image if the squared norm of its gradient is positive and finite:
        an image without a label, a loss of weight zero or a NaN leaves out that task's pairs on
        that image and nothing else.
        """
        own = products.diagonal(dim1=1, dim2=2)
        present = own.isfinite() & (own > 0)
        both = present[:, :, None] & present[:, None, :]
        return cls(
            torch.where(both, products, 0.0).sum(0), torch.where(both, own[:, :, None], 0.0).sum(0)
        )

    def __add__(self, other: "Gram") -> "Gram":
        other = other.to(self.dots.device)
        return Gram(self.dots + other.dots, self.norms + other.norms)

    def to(self, device: torch.device) -> "Gram":
        return Gram(self.dots.to(device), self.norms.to(device))

    def cosines(self) -> Float64[Tensor, "task task"]:
        """Cosine of each pair of tasks, NaN where no image has a gradient of both."""
        # The product of the roots, not the root of the product: it neither under- nor overflows.
        scale = self.norms.sqrt() * self.norms.T.sqrt()
        cosines = (self.dots / scale).clamp(-1.0, 1.0)
        return torch.where((scale > 0) & scale.isfinite(), cosines, torch.nan)

    def reduced(self) -> "Gram":
        """The sum over all ranks; itself where no process group is initialised.

        Every rank has to call it: one that captured nothing calls it on that of no image.
        """
        if not distributed():
            return self
        both = sum_of_ranks(torch.stack([self.dots, self.norms]))
        return Gram(both[0], both[1])


def exact_device(device: torch.device) -> torch.device:
    """Where float64 tensors that belong to `device` live: Apple's GPUs have no float64."""
    return torch.device("cpu") if device.type == "mps" else device


def inner_products(
    gradient: Float[Tensor, "task batch *features"], statistic: Statistic
) -> Float64[Tensor, "batch task task"]:
    """Inner product of each pair of task gradients, image by image, in float64.

    Float32 is converted before squaring: the squares of the gradients of a task with a small
    weight underflow in it (at a weight of 1e-20 all are zero).
    """
    device = exact_device(gradient.device)
    elements_per_image = gradient.numel() // max(1, gradient.shape[1])
    images = max(1, ELEMENTS_AT_ONCE // max(1, elements_per_image))
    parts = []
    for part in gradient.split(images, dim=1):
        features = statistic(part.to(device).double()).transpose(0, 1)
        parts.append(features @ features.mT)
    return torch.cat(parts)
