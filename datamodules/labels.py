"""What the class ids of one task mean."""

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

IGNORE = 255
"""Class id of a pixel or an image whose class is unknown."""


@dataclass(frozen=True)
class Labels:
    """Names and colours of the classes of one task, in the order of their train ids.

    Attributes:
        names: One name per class; class `i` is `names[i]`.
        colours: Red, green and blue of each class in 0..255, for pictures and legends.
        members: Of a class that is wider than its name, what finer sets of classes call its parts.
    """

    names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if len(self.names) != len(self.colours):
            raise ValueError(
                f"`colours` should have one colour per class: {len(self.names)} names,"
                f" {len(self.colours)} colours found."
            )
        if not 0 < len(self.names) <= IGNORE:
            raise ValueError(
                f"`names` should hold 1 to {IGNORE} classes ({IGNORE} means unknown),"
                f" found {len(self.names)}."
            )
        if unknown := self.members.keys() - set(self.names):
            raise ValueError(f"`members` should be of classes in `names`, found {sorted(unknown)}.")

    @classmethod
    def spread(cls, names: Sequence[str]) -> "Labels":
        """Labels in evenly spaced hues, for classes without colours of their own."""
        hues = (colorsys.hsv_to_rgb(i / len(names), 0.7, 0.9) for i in range(len(names)))
        colours = ((round(255 * r), round(255 * g), round(255 * b)) for r, g, b in hues)
        return cls(tuple(names), tuple(colours))
