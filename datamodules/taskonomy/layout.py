"""Scenes as Taskonomy: one folder per domain and building."""

from collections.abc import Mapping, Sequence
from math import atan2
from typing import ClassVar

import numpy as np
from jaxtyping import UInt16

from datamodules.edges import sobel_edges
from datamodules.predictions import Metres, Normals, Shares
from datamodules.rendering import Frame
from datamodules.taskonomy.buildings import EXCLUDED, stored_buildings
from datamodules.taskonomy.reader import CODES_PER_METRE, STEP_EDGE, ray_lengths
from datamodules.writing.layout import Encode, Layout, Place

DEPTH = Metres(CODES_PER_METRE, nearest=0, unknown=65535)
_VIEWS_PER_POINT = 3


class Taskonomy(Layout):
    """Folders as the download tool omnitools makes them.

    All scenes of a split are in one building: the first of the split of `tiny` in alphabetical
    order. Room surfaces, which Taskonomy's network calls background, are background; the solids
    are objects of their shape.

    Not written: the domains that no task here reads (keypoints, curvature, reshading, …).
    """

    word = "taskonomy"
    form = "omnitools"
    config = "taskonomy_sdne"
    scenery = "room"
    size = (512, 512)
    ids: ClassVar[Mapping[str, int]] = {
        "floor": 1,  # background
        "ceiling": 1,
        "wall": 1,
        "panel": 9,  # tv
        "box": 14,  # refrigerator
        "sphere": 17,  # vase
        "cylinder": 2,  # bottle
        "cone": 5,  # potted plant
    }
    pattern = "{domain}/taskonomy/{building}"

    def names(self, split: str, count: int) -> Sequence[str]:
        building = min(set(stored_buildings()[split]) - set(EXCLUDED))
        pairs = (divmod(number, _VIEWS_PER_POINT) for number in range(count))
        return [f"{building}/point_{point}_view_{view}" for point, view in pairs]

    def files(self, place: Place) -> Mapping[str, Encode]:
        encoders: dict[tuple[str, str], Encode] = {
            ("rgb", "rgb.png"): lambda frame: frame.image,
            ("depth_zbuffer", "depth_zbuffer.png"): lambda frame: DEPTH(frame.depth),
            ("depth_euclidean", "depth_euclidean.png"): _distance,
            ("normal", "normal.png"): lambda frame: Normals()(frame.normals),
            # In these two the files spell the domain otherwise than the folder does.
            ("segment_semantic", "segmentsemantic.png"): self.class_ids,
            ("point_info", "fixatedpose.json"): lambda frame: _point_info(frame, place),
            ("edge_texture", "edge_texture.png"): _edges,
        }
        building, view = place.name.split("/")
        return {
            f"{self.folder(domain, building)}/{view}_domain_{ending}": encode
            for (domain, ending), encode in encoders.items()
        }

    def folder(self, domain: str, building: str) -> str:
        return self.pattern.format(domain=domain, building=building)


class FlatTaskonomy(Taskonomy):
    """The same without the folder `taskonomy`."""

    form = "flat"
    pattern = "{domain}/{building}"


class TaskonomyByArchive(Taskonomy):
    """Every archive unpacked into a folder of its own name."""

    form = "archives"
    pattern = "{building}_{domain}/{domain}"


class TaskonomyByBuilding(Taskonomy):
    """One folder per building."""

    form = "buildings"
    pattern = "{building}/{domain}"


def _distance(frame: Frame) -> UInt16[np.ndarray, "height width"]:
    """Distance to the optical centre, along each pixel's ray."""
    rays = ray_lengths(np.array(frame.camera, np.float32), *frame.depth.shape)
    return DEPTH(frame.depth * rays)


def _edges(frame: Frame) -> UInt16[np.ndarray, "height width"]:
    return Shares()(sobel_edges(frame.image) * STEP_EDGE)


def _point_info(frame: Frame, place: Place) -> dict[str, float | int | str]:
    fx, _, _, _ = frame.camera
    _, point, _, view = place.name.split("/")[1].split("_")
    width = frame.depth.shape[1]
    return {
        "point_uuid": point,
        "view_id": int(view),
        "resolution": width,
        "field_of_view_rads": 2 * atan2(width / 2, fx),
    }


LAYOUTS = (Taskonomy(), FlatTaskonomy(), TaskonomyByArchive(), TaskonomyByBuilding())
