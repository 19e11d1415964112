"""Sets of classes as if a dataset's own classes were those of another set."""

import numpy as np

from datamodules.labels import LabelSpace, class_maps


def between(source: LabelSpace, target: LabelSpace) -> np.ndarray:
    """Train ids of `target`, by those of `source`, as a dataset with its classes is read."""
    names = source.labels.names
    spaces = class_maps([target], {name: name for name in names})
    return spaces[target.name].table(dict(enumerate(names)))
