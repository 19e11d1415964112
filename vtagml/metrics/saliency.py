"""How well what is salient is found: foreground IoU, and two definitions of maxF."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vtagml.losses.shapes import Field, Number
from vtagml.losses.unknown import known
from vtagml.metrics.confusions import Confusions, best_f, confusions, pooled
from vtagml.metrics.pooled import Counted

ABOVE = tuple(round(0.2 + 0.05 * step, 2) for step in range(15))
"""0.2, 0.25, …, 0.9: a pixel above one of them is called salient."""
REACHED = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""0.05, 0.1, …, 0.95: likewise, a pixel that reaches one of them."""
BETA_SQUARE = 0.3
"""Weighs precision more than recall, as papers on saliency alone do."""


def _of_images(prediction: Field, target: Field) -> Confusions:
    return confusions(prediction, target > 0.5, known(target), ABOVE, reaching=False)


def images_known(target: Field) -> Bool[Tensor, "batch 1"]:
    """Which images have a label anywhere."""
    return known(target).flatten(1).any(dim=1, keepdim=True)


class ForegroundIoU(Counted):
    """Intersection over union of what is salient, of each image, averaged over the images.

    At the one of 15 thresholds, above 0.2 to above 0.9, that is best for the whole dataset. Of an
    image in which nothing is salient, nor called so, it is 1; images without a label are left out.

    Note:
        The "mIoU" of saliency in Maninis et al., Vandenhende et al., MTLoRA and, most likely,
        VMT-Adapter. What is not salient is no class of it.
    """

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__(2, len(ABOVE))

    def counted(self, prediction: Field, target: Field) -> Float[Tensor, "2 thresholds"]:
        """The images' IoU, summed, and how many they are."""
        hits, called, salient = _of_images(prediction, target)
        union = called + salient - hits
        iou = torch.where(union > 0, hits / union, 1.0)
        images = images_known(target).double().expand_as(iou)
        return torch.stack([(iou * images).sum(dim=0), images.sum(dim=0)])

    def compute(self) -> Number:
        return (self.counts[0] / self.counts[1]).max()


class MaxF1(Counted):
    """maxF of Vandenhende et al.: F1 = 2PR / (P + R) of mean precision P and mean recall R.

    The means are over the images, a quotient 0 / 0 counts as 0; the best of the 15 thresholds of
    `ForegroundIoU`.
    """

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__(3, len(ABOVE))

    def counted(self, prediction: Field, target: Field) -> Float[Tensor, "3 thresholds"]:
        """The images' precision and recall, summed, and how many they are."""
        hits, called, salient = _of_images(prediction, target)
        images = images_known(target).double().expand_as(hits)
        rows = (quotient(hits, called), quotient(hits, salient), images)
        return torch.stack([row.sum(dim=0) for row in rows])

    def compute(self) -> Number:
        precision, recall = self.counts[:2] / self.counts[2]
        f1 = quotient(2 * precision * recall, precision + recall)
        return torch.where(self.counts[2, 0] > 0, f1.max(), torch.nan)


class MaxF(Counted):
    """maxF of saliency papers and of ATRC: F = (1 + β²)PR / (β²P + R) with β² = 0.3.

    Precision and recall are of all pixels of the dataset together; the best of 19 thresholds that
    pixels reach, 0.05 to 0.95. NaN where no known pixel is salient.

    Note:
        TaskPrompter and MTLoRA put a sigmoid over what is a probability already, so that no more
        than four of their thresholds part any pixels: their maxF is another number.
    """

    higher_is_better = True

    def __init__(self) -> None:
        super().__init__(3, len(REACHED))

    def counted(self, prediction: Field, target: Field) -> Float[Tensor, "3 thresholds"]:
        """Pixels found, pixels called salient, and salient pixels."""
        return pooled(confusions(prediction, target > 0.5, known(target), REACHED, reaching=True))

    def compute(self) -> Number:
        return best_f(self.counts, BETA_SQUARE)


def quotient(share: Float[Tensor, "*size"], of: Float[Tensor, "*_size"]) -> Float[Tensor, "*size"]:
    """share / of, 0 where both are."""
    return torch.where(of > 0, share / of, 0.0)
