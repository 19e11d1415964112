"""Parts of people."""

from collections.abc import Sequence

from vtagml.tasks.segmentation import Segmentation

PARTS = 7
"""Of PASCAL-Context's multi-task variant: no person, and six parts."""


class HumanParts(Segmentation):
    """The part of a person that each pixel shows, or none; 255 is unknown.

    Loss and metrics are those of `Segmentation`: `miou` is over all known pixels of the dataset
    together, with "none" as a class. Images in which nobody is annotated are unknown as a whole, so
    they neither teach nor count, and pixels of "none" are those beside people.

    Args:
        classes: Number of parts, with "none" as the first and without the unknown.
        weight: Fixed weight of the loss.
        name: Key of the task in samples, outputs and logs.
        names: Names of the parts; by default those of the data.
    """

    letter = "P"

    def __init__(
        self,
        classes: int = PARTS,
        weight: float = 1.0,
        name: str = "human_parts",
        names: Sequence[str] | None = None,
    ) -> None:
        super().__init__(classes, weight, name, names)
