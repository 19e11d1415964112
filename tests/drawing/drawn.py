"""What a figure of one pair of axes shows."""

from typing import Any

from matplotlib.figure import Figure


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def pictures(figure: Figure) -> list[Any]:
    return [image.get_array() for image in figure.axes[0].images]
