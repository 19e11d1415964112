"""The formats of the datasets.

Where a dataset ships a task, its predictions have the folders, names and codes of its labels, so
that its tools read them, and a reader here trains on them. What it does not ship is kept as
Taskonomy keeps it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt16

from datamodules.label_spaces import CITYSCAPES_IDS, SYNTHIA_IDS, ClassMap, LabelSpace
from datamodules.label_spaces_taskonomy import TASKONOMY_17
from datamodules.predictions.codes import Classes, Equal, Metres, Normals, Shares, ids_of
from datamodules.predictions.format import Encode, Encoding, PredictionFormat
from datamodules.taskonomy_codes import STEP_EDGE
from datamodules.vkitti2_classes import COLOURS, UNDEFINED

NORMALS = Encoding("normals/{name}_normals.png", Normals())
EDGES = Encoding("edges/{name}_edges.png", Shares())

TASKONOMY_VIEW = re.compile(r"(?P<building>.+)_(?P<view>point_\d+_view_\d+)")
VKITTI2_FRAME = re.compile(
    r"(?P<scene>Scene\d\d)_(?P<variation>[^_]+)_(?P<camera>Camera_\d)_(?P<frame>\d{5})"
)
FOLDERS_SAMPLE = re.compile(r"(?P<split>[^/]+)/(?P<path>.+)")


def cityscapes_format(classes: ClassMap) -> PredictionFormat:
    """Label ids as the benchmark's evaluation script wants them; all else of our own making.

    - `segmentation/<name>_labelIds.png`: 8 bits, the id 0 to 33 of each pixel's class. Of a class
      that holds several of them, the first: vehicles are cars (26).
      `CITYSCAPES_RESULTS=…/submission/segmentation csEvalPixelLevelSemanticLabeling` scores them.
    - `depth/<name>_depth.png`: 16 bits, metres · 256. Not the dataset's disparity, for which the
      calibration of every image would be needed, which a test image need not have.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    ids = ids_of(classes, CITYSCAPES_IDS, unknown=0)
    return PredictionFormat(
        {
            "segmentation": Encoding("segmentation/{name}_labelIds.png", Classes(ids)),
            "depth": Encoding("depth/{name}_depth.png", Metres(256)),
            "normals": NORMALS,
            "edges": EDGES,
        }
    )


def synthia_format(classes: ClassMap) -> PredictionFormat:
    """As the dataset's own files.

    - `GT/LABELS/<name>.png`: 16-bit RGB, the class id in red, no instances in green.
    - `Depth/<name>.png`: 16-bit RGB, centimetres in all channels.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    ids = ids_of(classes, SYNTHIA_IDS, unknown=0)
    codes = np.zeros((len(ids), 3), np.uint16)
    codes[:, 0] = ids
    return PredictionFormat(
        {
            "segmentation": Encoding("GT/LABELS/{name}.png", Classes(codes)),
            "depth": Encoding("Depth/{name}.png", Equal(Metres(100))),
            "normals": NORMALS,
            "edges": EDGES,
        }
    )


def vkitti2_format(classes: ClassMap) -> PredictionFormat:
    """As the dataset's own files, in the folders of its archives.

    - `<drive>/classSegmentation/<camera>/classgt_<frame>.png`: 8-bit RGB, the class's colour.
    - `<drive>/depth/<camera>/depth_<frame>.png`: 16 bits, centimetres; 65535, the sky, is not
      used.
    - `normals/<name>_normals.png`, `edges/<name>_edges.png`.

    Args:
        classes: The label space of the predictions.
    """
    names = list(COLOURS)
    ids = ids_of(classes, dict(enumerate(names)), unknown=names.index(UNDEFINED))
    colours = np.array(list(COLOURS.values()), np.uint8)
    drive = "{scene}/{variation}/frames"
    return PredictionFormat(
        {
            "segmentation": Encoding(
                f"{drive}/classSegmentation/{{camera}}/classgt_{{frame}}.png", Classes(colours[ids])
            ),
            "depth": Encoding(
                f"{drive}/depth/{{camera}}/depth_{{frame}}.png", Metres(100, farthest=65534)
            ),
            "normals": NORMALS,
            "edges": EDGES,
        },
        pattern=VKITTI2_FRAME,
    )


def taskonomy_format() -> PredictionFormat:
    """As the dataset's own files, in the flat one of its trees.

    - `segment_semantic/<building>/<view>_domain_segmentsemantic.png`: 8 bits, the class 1 to 17.
    - `depth_zbuffer/…_depth_zbuffer.png`: 16 bits, 1/512 m; 65535, unknown, is not used.
    - `normal/…_normal.png`: 8-bit RGB, 127.5 · (n + 1).
    - `edge_texture/…_edge_texture.png`: 16 bits, on the scale of the dataset.
    """
    ids = np.arange(1, len(TASKONOMY_17.labels.names) + 1, dtype=np.uint8)
    path = "{domain}/{{building}}/{{view}}_domain_{ending}.png"
    encoders: dict[str, tuple[str, str, Encode]] = {
        "segmentation": ("segment_semantic", "segmentsemantic", Classes(ids)),
        "depth": ("depth_zbuffer", "depth_zbuffer", Metres(512, farthest=65534)),
        "normals": ("normal", "normal", Normals()),
        "edges": ("edge_texture", "edge_texture", Shares(round(65535 * STEP_EDGE))),
    }
    encodings = {
        task: Encoding(path.format(domain=domain, ending=ending), encode)
        for task, (domain, ending, encode) in encoders.items()
    }
    return PredictionFormat(encodings, pattern=TASKONOMY_VIEW)


def nyudv2_format(space: LabelSpace, axes: tuple[int, int, int]) -> PredictionFormat:
    """As the multi-task trees have it, with depth as a picture.

    - `segmentation/<name>.png`: 8 bits, the class of the label space from 1 on; of 13 classes as in
      the archives `nyuv2_…_class13`.
    - `depth/<name>.png`: 16 bits, millimetres; the trees have `.npy` there.
    - `normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the axes of the trees.
    - `edge/<name>.png`: 8 bits, 1/255.

    Args:
        space: The label space of the predictions.
        axes: Signs that turn the trees' axes into x right, y down, z into the scene, and back.
    """
    ids = np.arange(1, len(space.labels.names) + 1, dtype=np.uint8)
    return PredictionFormat(
        {
            "segmentation": Encoding("segmentation/{name}.png", Classes(ids)),
            "depth": Encoding("depth/{name}.png", Metres(1000)),
            "normals": Encoding("normals/{name}.png", Normals(axes)),
            "edges": Encoding("edge/{name}.png", Shares(255)),
        }
    )


@dataclass(frozen=True)
class Units:
    """Depth in steps of any length, 16 bits.

    Attributes:
        unit: Metres of one step.
    """

    unit: float

    def __call__(
        self, depth: Float[np.ndarray, "height width"]
    ) -> UInt16[np.ndarray, "height width"]:
        return Metres(1)(depth.astype(np.float64) / self.unit)


def folders_format(
    ids: Sequence[int], depth_unit: float, axes: tuple[int, int, int]
) -> PredictionFormat:
    """As `datamodules.Folders` reads labels.

    - `<split>/segmentation/<name>.png`: 8 bits, or 16 if an id needs them; of a class of several
      ids the first.
    - `<split>/depth/<name>.png`: 16 bits, in the labels' steps; 0, unknown, is not used.
    - `<split>/normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the labels' axes.
    - `<split>/edges/<name>.png`: 16 bits.

    Args:
        ids: Of each class.
        depth_unit: Metres of one step of depth.
        axes: Signs that turn the labels' axes into x right, y down, z into the scene, and back.
    """
    codes = np.array(ids, np.uint8 if max(ids, default=0) < 256 else np.uint16)
    encoders: dict[str, Encode] = {
        "segmentation": Classes(codes),
        "depth": Units(depth_unit),
        "normals": Normals(axes),
        "edges": Shares(),
    }
    encodings = {
        task: Encoding(f"{{split}}/{task}/{{path}}.png", encode)
        for task, encode in encoders.items()
    }
    return PredictionFormat(encodings, pattern=FOLDERS_SAMPLE)
