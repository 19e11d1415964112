"""NYUDv2 as a DataModule."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.derive import SOBEL_EDGES, Derivation, normals_from_depth
from datamodules.disk.pairs import Labelled
from datamodules.files import FileDataModule
from datamodules.labels import find_space
from datamodules.nyudv2.class13 import Class13Archives
from datamodules.nyudv2.classes import NYU_SPACES
from datamodules.nyudv2.form import WINDOW, Form, Frame
from datamodules.nyudv2.layout import NYUDv2Arrays, NYUDv2Images
from datamodules.nyudv2.mtan import MtanTree
from datamodules.nyudv2.official import OfficialFile
from datamodules.nyudv2.tree import MultitaskTree
from datamodules.predictions import Classes, Encoding, Metres, Normals, PredictionFormat, Shares
from datamodules.settings import checked_axes, checked_depth_range, one_of
from datamodules.transforms import Sample

FORMS: tuple[type[Form], ...] = (OfficialFile, MultitaskTree, MtanTree, Class13Archives)
# What the multi-task archives unpack to; `root` may be the folder around it.
ARCHIVES = ("NYUD_MT", "NYUDv2")
# The Kinect's inverse depth comes in steps of 1 / (8 · 580 px · 0.075 m), a noise of 8.3e-4 / m. In
# windows of 3 x 3 pixels the normals of a wall at 3 m would be some 28° off; a radius of 4 pixels
# of the 560 across the window brings that to 3°.
NORMALS_RADIUS = 4 / 560


def kinect_normals(sample: Sample) -> np.ndarray:
    """Normals from the depth of a Kinect, in windows wide enough for its steps."""
    radius = max(1, round(NORMALS_RADIUS * sample["depth"].shape[1]))
    return normals_from_depth(sample["depth"], sample["camera"], radius)


DERIVATIONS: Mapping[str, Derivation] = {
    "normals": Derivation(("depth",), kinect_normals),
    "edges": SOBEL_EDGES,
}
EDGES = ("sobel", "boundaries")


class NYUDv2(FileDataModule):
    """Indoor scenes seen by a Kinect, in 40 or 13 classes, with depth and normals.

    - Source: Silberman, Hoiem, Kohli, Fergus: Indoor Segmentation and Support Inference from RGBD
      Images, ECCV 2012; cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html. No licence is stated.
    - Splits: the official 795 `train` and 654 test frames; as in the field `val` and `test` are
      both the 654, so that whoever picks a checkpoint by `val` has no untouched test left.
    - Tree, one of these (the folder around `NYUD_MT` or `NYUDv2` will do, too):
        - official: `nyu_depth_v2_labeled.mat` (MATLAB 7.3, 1449 frames of 480 x 640) and
          `splits.mat` side by side;
        - multi-task: `gt_sets/{train,val}.txt` and `<name>` in `images` (`.jpg` or `.png`),
          `segmentation` (`.png`), `depth` (`.npy`), `normals` and `edge` (`.npy` or `.png`); both
          `NYUD_MT.tgz` (Vandenhende et al.) and `NYUDv2.tar.gz` (Brüggemann et al.), 425 x 560;
        - MTAN: `{train,val}/{image,label,depth,normal}/<number>.npy`, 288 x 384, 13 classes only;
        - 13-class archives, each in a folder of its name, 480 x 640, 13 classes only:
          `nyu_{train,test}_rgb/nyu_rgb_<number>.png`,
          `nyuv2_{train,test}_class13/new_nyu_class13_<number>.png` (Handa et al.),
          `nyu_normals_gt/{train,test}/<number>.png` (Ladický et al.), or as pytorch-nyuv2 renames
          them, `{train,test}_{rgb,seg13,sn}/<number>.png`; numbers are those of the official file
          from 1 on. Depth is that of `nyu_depth_v2_labeled.mat` in the same folder; the pictures
          of pytorch-nyuv2, which wrap round at 6.55 m, are not read.
    - `image`: of the official frames, and of the archives' whole ones, the window that the
      multi-task trees hold, without the white frame.
    - `segmentation`: train id = id - 1 of the 40 classes (`otherprop` is a class) or of 13 (those
      of the SceneNet authors); 0, unlabelled, is 255. The official file's 894 names fall into them
      by `classMapping40.mat`.
    - `depth`: metres along the optical axis, as filled in by the authors, or as sensed; NaN where
      0 or outside `depth_range`.
    - `normals`: unit, x right, y down, z into the scene; shipped by the trees (NaN where zero, in
      PNG where grey) and the 13-class archives (NaN where grey or black), derived from depth for
      the official file.
    - `edges`: `sobel_edges` of the image as in the VTAGML paper, or the object boundaries that the
      multi-task tree ships, 0 or 1, which its papers score by odsF.
    - Evaluation: at the size on disk, of the official frames that of `window`, on its pixels alone;
      the field scores the multi-task trees at their 425 x 560 pixels.
    - `camera`: of the colour camera, from the authors' toolbox; absent for frames of MTAN and
      frames of unknown cut.

    Note:
        No source says how the trees' normals are oriented. The default of `normals_axes` takes
        them for x left, y up, z to the camera: of 40 cluster centres of `NYUD_MT`'s normals, which
        ATRC ships, none has z below -0.06, and the floors, seen more than ceilings, are at y = 1.
        They cannot tell x: it is taken to be as in the normals of Ladický et al. Trees whose z
        points the other way are refused when read; MTAN's axes are not known any better, nor are y
        and z of Ladický's.

    Args:
        root: Folder of one of the forms.
        label_space: `nyu_40`, `nyu_13`, or `taskonomy_17` to evaluate what was trained there.
        depth_range: Nearest and farthest metres that count as known; papers take up to 10 m.
        raw_depth: Take depth as sensed, with holes, not as filled in; from the official file only.
        window: Rows and columns [top, bottom, left, right) of the official frames and of those of
            the 13-class archives; the depth papers after Eigen evaluate in [45, 471, 41, 601], and
            [0, 480, 0, 640] is all.
        edges: `sobel`, or `boundaries` for the shipped ones of the multi-task trees.
        normals_axes: Signs that turn shipped normals into x right, y down, z into the scene.
        options: What all datasets of files take, see `FileDataModule`.
    """

    download: ClassVar[str] = "cs.nyu.edu/~silberman/datasets/nyu_depth_v2.html"
    layouts = (NYUDv2Arrays(), NYUDv2Images())

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "nyu_40",
        depth_range: tuple[float, float] = (1e-3, 10.0),
        raw_depth: bool = False,
        window: tuple[int, int, int, int] = WINDOW,
        edges: str = "sobel",
        normals_axes: tuple[int, int, int] = (-1, -1, -1),
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.label_space = find_space(NYU_SPACES, label_space)
        self.depth_range = checked_depth_range(depth_range)
        self.raw_depth = raw_depth
        top, bottom, left, right = window
        self.window = (top, bottom, left, right)
        self.edges = one_of("edges", edges, EDGES)
        self.normals_axes = checked_axes(normals_axes)

    @property
    def derives(self) -> Mapping[str, Derivation]:  # type: ignore[override]  # forms differ in it
        ships = self.form().ships | ({"edges"} if self.edges == "boundaries" else set())
        return {task: how for task, how in DERIVATIONS.items() if task not in ships}

    def official(self, split: str) -> int:
        return 795 if split == "train" else 654

    def labelled(self, split: str, task: str) -> Labelled | None:
        return self.form().labelled(split, task)

    @property
    def prediction_format(self) -> PredictionFormat:
        """As the multi-task trees have it, with depth as a picture.

        - `segmentation/<name>.png`: 8 bits, the class of the label space from 1 on; of 13 classes
          as in the archives `nyuv2_…_class13`.
        - `depth/<name>.png`: 16 bits, millimetres; the trees have `.npy` there.
        - `normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the axes of the trees.
        - `edge/<name>.png`: 8 bits, 1/255.
        """
        ids = np.arange(1, len(self.label_space.space.labels.names) + 1, dtype=np.uint8)
        encodings = {
            "segmentation": Encoding("segmentation/{name}.png", Classes(ids)),
            "depth": Encoding("depth/{name}.png", Metres(1000)),
            "normals": Encoding("normals/{name}.png", Normals(self.normals_axes)),
            "edges": Encoding("edge/{name}.png", Shares(255)),
        }
        return PredictionFormat(encodings)

    def records(self, split: str) -> Sequence[Frame]:
        return self.form().frames(split)

    def reader(self) -> Callable[[Any, Sequence[str]], Sample]:
        form = self.form()
        if absent := form.lacking(self.reads):
            names = ", ".join(f"`{name}`" for name in absent)
            raise self.not_found(f"{names} beside `{form.root}`'s images, for {list(self.tasks)}")
        return form

    def form(self) -> Form:
        """The form in `root`, with this module's settings; calling it reads a sample."""
        roots = [self.root, *(self.root / archive for archive in ARCHIVES)]
        found = [(form, root) for form in FORMS for root in roots if form.is_in(root)]
        if not found:
            raise self.not_found(
                "`nyu_depth_v2_labeled.mat` and `splits.mat`, or the folder `gt_sets` of a"
                " multi-task archive, or MTAN's folder `train/image`, or `nyu_train_rgb` of the"
                " 13-class archives"
            )
        if len(found) > 1:
            forms = [f"{form.__name__} in {root}" for form, root in found]
            raise ValueError(f"`root` should hold one form of NYUDv2, found {forms}; choose one.")
        form, root = found[0]
        return form(
            root=root,
            space=self.label_space,
            depth_range=self.depth_range,
            window=self.window,
            raw_depth=self.raw_depth,
            boundaries=self.edges == "boundaries",
            normals_axes=self.normals_axes,
        )
