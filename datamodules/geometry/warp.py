"""One affine map for all that a sample holds."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import cv2
import numpy as np

from datamodules.geometry.affine import Affine, assumed_camera
from datamodules.geometry.sampling import Sampling, sampling
from datamodules.labels import IGNORE
from datamodules.transforms import Sample

# Where 1 / depth bends by more than this, relative to itself, from one pixel to the next, there
# are two surfaces, or an edge of one.
BEND = 0.01

Way: TypeAlias = Callable[[np.ndarray, Sampling, np.ndarray], np.ndarray]
"""How one map of a sample is looked at: the map, the view, and the camera of the sample."""


def warp(sample: Sample, affine: Affine, ways: Mapping[str, Way] | None = None) -> Sample:
    """Look at a sample through an affine map; every map is resampled once.

    Only the window of the source that the view needs is read. The image is interpolated linearly,
    or averaged by area where it shrinks; depth within a surface, and from valid pixels only;
    classes, normals and all other maps take the value of the nearest pixel. Pixels beyond the
    source are 0 in the image, 255 in integer maps, NaN in all others.

    The camera follows the pixels, normals turn and are mirrored with them, and depth is divided
    by `affine.zoom`: all that the result holds describes one scene. Names and numbers that belong
    to the whole image stay.

    Note:
        The field's loaders divide depth by the zoom and leave the camera. Then depth and camera
        span a scene that is squeezed along the optical axis, whose normals are not those of the
        sample. Here the camera keeps to the image, as always, and the scene is the same one in
        small: depth and normals have the field's values, and agree with the camera.

        Edges move with the image and keep their strength; those of a magnified image are weaker.
        Edges that are derived from the image should be derived from the view.

    Args:
        sample: The source.
        affine: From the source to the view.
        ways: How maps are looked at that are to be resampled or filled in another way.
    """
    source = sample["image"].shape[:2]
    if affine.leaves(source):
        return sample
    window = _shown(sample, affine)
    local = affine.within(window)
    look = sampling(local, tuple(part.stop - part.start for part in window))
    camera = sample.get("camera", assumed_camera(source))
    ways = WARPED | dict(ways or {})
    view: dict[str, Any] = {}
    for key, value in sample.items():
        if key == "camera":
            view[key] = affine.camera_after(value)
        elif isinstance(value, np.ndarray) and value.ndim >= 2:
            view[key] = ways.get(key, _others)(value[window], look, camera)
        else:
            view[key] = value
    return view


def _shown(sample: Sample, affine: Affine) -> tuple[slice, slice]:
    source = sample["image"].shape[:2]
    window = affine.window(source)
    if any(part.start >= part.stop for part in window):
        raise ValueError(
            f"`affine` should show a part of sample `{sample.get('name', 'without a name')}`,"
            f" found {affine.matrix.tolist()} into {affine.size} for an image of {source} pixels."
        )
    return window


def _image(image: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    return look.nearest(image, 0.0) if look.exact else look.blended(image, 0.0, shrink=True)


def _depth(depth: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    nearest = look.nearest(depth, np.nan)
    zoom = depth.dtype.type(look.affine.zoom)
    if look.exact:
        return nearest / zoom
    blend = np.reciprocal(look.blended(_unbent(depth), np.nan, shrink=False))
    # NumPy's masked copy takes ten times as long.
    cv2.copyTo(blend, (~np.isnan(blend)).view(np.uint8), nearest)
    return nearest / zoom


def _unbent(depth: np.ndarray) -> np.ndarray:
    """1 / depth, NaN except amid smooth surfaces, on which it is affine or nearly so.

    Interpolated, it gives depth between pixels, where nearest pixels would give steps, and
    derived normals ripples. What touches a NaN becomes NaN, and keeps the nearest pixel's depth.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.reciprocal(depth)
        bend = cv2.Laplacian(inverse, cv2.CV_32F)
        np.abs(bend, out=bend)
        # The outermost pixels have a neighbour on one side only, whose bend tells about both.
        for rows in (bend, bend.T):
            rows[[0, -1]] = rows[[min(1, len(rows) - 1), max(len(rows) - 2, 0)]]
        np.divide(bend, inverse, out=bend)
        smooth = bend <= BEND
    bend.fill(np.nan)
    cv2.copyTo(inverse, smooth.view(np.uint8), bend)
    return bend


def _normals(normals: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    return turned(look.nearest(normals, np.nan), look, camera)


def turned(normals: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    """Normals, which have moved already, as the view's axes have them."""
    turn = look.affine.turn(camera)
    if not np.array_equal(turn, np.eye(2)):
        about_axis = np.eye(3)
        about_axis[:2, :2] = turn
        return cv2.transform(normals, about_axis)
    return normals


def _others(values: np.ndarray, look: Sampling, camera: np.ndarray) -> np.ndarray:
    return look.nearest(
        values, np.nan if np.issubdtype(values.dtype, np.floating) else float(IGNORE)
    )


# Most maps only move; these are interpolated, or their values change with the scene.
WARPED: dict[str, Way] = {
    "image": _image,
    "depth": _depth,
    "normals": _normals,
}
