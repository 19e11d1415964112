"""A dataset of one's own: folders of images and labels."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.base import SPLITS, WITHOUT
from datamodules.derive import NORMALS_AND_EDGES, Derivation
from datamodules.disk.pairs import Labelled
from datamodules.disk.photos import SUFFIXES
from datamodules.files import FileDataModule
from datamodules.folders.classes import IdsOfClass, id_table, ids_of_classes
from datamodules.folders.layout import Folders as FoldersTree
from datamodules.folders.reader import FoldersReader, image_of_camera
from datamodules.folders.tree import IMAGES, Picture, label_file, pictures
from datamodules.folders.tree import SUFFIXES as LABEL_SUFFIXES
from datamodules.labels import IGNORE, Labels
from datamodules.predictions import Classes, Encoding, Metres, Normals, PredictionFormat, Shares
from datamodules.predictions.format import Encode
from datamodules.settings import checked_axes, checked_depth_range

SAMPLE = re.compile(r"(?P<split>[^/]+)/(?P<path>.+)")


class Folders(FileDataModule):
    """Images and labels of one's own, a folder for each task.

    - Tree; a label has the name of its image, in folders within the folders, too; links are
      followed. The folders of tasks that are not read are not needed. Where `test` has no folder of
      a task it can be predicted, not tested, and a fit ends without the test:

          {train,val,test}/image/NAME.{png,jpg,jpeg}
          {train,val,test}/segmentation/NAME.png
          {train,val,test}/depth/NAME.{png,npy}
          {train,val,test}/normals/NAME.{png,npy}
          {train,val,test}/edges/NAME.png

    - Splits: whatever lies in the three folders; a sample is called `<split>/NAME`. A split without
      folder can do without one as long as it is not used.
    - `image`: 8 bits per channel, also grey, transparent (on white) or rotated by its EXIF data.
      Labels belong to the upright image. Damage inside a JPEG that libjpeg merely reports stays
      unnoticed.
    - `segmentation`: a grey PNG of 8 or 16 bits that holds class ids, or one with a palette, whose
      numbers are the ids and whose colours mean nothing; `classes` names them.
    - `depth`: along the optical axis; a grey PNG of 16 bits in steps of `depth_unit`, 0 where
      unknown, or `.npy`, `[height, width]`, metres as floats, 0, infinite or NaN where unknown.
    - `normals`: x right, y down, z into the scene, so that visible surfaces have z below 0; an
      8-bit RGB PNG, 127.5 · (n + 1), black or mid-grey where unknown, or `.npy`,
      `[height, width, 3]`, floats, 0 or NaN where unknown.
    - `edges`: a grey PNG of 8 or 16 bits, 0 for no edge to white for the strongest.
    - `camera`: one for all images, if it is given; then all have one size.
    - Evaluation: at the size on disk, each image at its own.
    - A label that is missing is an error; one in which nothing is known is not.
    - Predictions: the folders, names and codes above, all as PNG.

    Args:
        root: Folder that holds the splits.
        classes: Of `segmentation`, in the order of the train ids: names, the id of each its place
            in the list; or each name with its id, or its ids, such as `{road: 7, car: [26, 27]}`.
        ignore: Id, or ids, of pixels whose class is unknown.
        derive: Of `normals` and `edges` those that are made rather than read, whether there is a
            folder of them or not: normals from depth, for which `camera` is needed, and Sobel edges
            of the image.
        camera: fx, fy, cx, cy in pixels of the images as they are on disk.
        depth_unit: Metres of one step of depth in a PNG.
        depth_range: Depth outside these metres is unknown.
        normals_axes: Signs that turn the normals on disk into x right, y down, z into the scene:
            [1, -1, -1] for x right, y up, z to the camera.
        options: What all datasets of files take, see `FileDataModule`.
    """

    download: ClassVar[str] = (
        "yourself: put images into `train/image`, labels into `train/segmentation`, `train/depth`"
        " and so on, and the same below `val` and `test`"
    )
    layouts = (FoldersTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        classes: Sequence[str] | Mapping[str, IdsOfClass] = (),
        ignore: IdsOfClass = IGNORE,
        derive: Sequence[str] = (),
        camera: tuple[float, float, float, float] | None = None,
        depth_unit: float = 0.001,
        depth_range: tuple[float, float] = (0.0, 1000.0),
        normals_axes: tuple[int, int, int] = (1, 1, 1),
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.classes = ids_of_classes(classes, ignore, needed="segmentation" in self.tasks)
        self.table = id_table(self.classes, ignore)
        self.camera = checked_camera(camera)
        self.derive = checked_derive(derive, self.camera)
        if not 0 < depth_unit < np.inf:
            raise ValueError(f"`depth_unit` should be metres above 0, found {depth_unit}.")
        self.depth_unit = float(depth_unit)
        self.depth_range = checked_depth_range(depth_range)
        self.normals_axes = checked_axes(normals_axes)

    @property
    def derives(self) -> Mapping[str, Derivation]:  # type: ignore[override]  # a setting chooses
        return {task: NORMALS_AND_EDGES[task] for task in self.derive}

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": Labels.spread(list(self.classes))} if self.classes else {}

    @property
    def prediction_format(self) -> PredictionFormat:
        """As labels are read.

        - `<split>/segmentation/<name>.png`: 8 bits, or 16 if an id needs them; of a class of
          several ids the first.
        - `<split>/depth/<name>.png`: 16 bits, in steps of `depth_unit`, of which 65535 (65.5 m of
          a millimetre each) are the farthest; 0, unknown, is not used. Where labels are `.npy`,
          `depth_unit` is of the predictions alone.
        - `<split>/normals/<name>.png`: 8-bit RGB, 127.5 · (n + 1) in the labels' axes.
        - `<split>/edges/<name>.png`: 16 bits.
        """
        ids = [ids[0] for ids in self.classes.values()]
        encoders: dict[str, Encode] = {
            "segmentation": Classes(np.array(ids, np.min_scalar_type(max(ids, default=0)))),
            "depth": Metres(1 / self.depth_unit),
            "normals": Normals(self.normals_axes),
            "edges": Shares(),
        }
        encodings = {
            task: Encoding(f"{{split}}/{task}/{{path}}.png", encode)
            for task, encode in encoders.items()
        }
        return PredictionFormat(encodings, pattern=SAMPLE)

    def lacks(self, split: str) -> str | None:
        there = [each for each in SPLITS if (self.root / each).is_dir()]
        if not there or split in there:
            return None
        return (
            f"`root`, `{self.root}`, should hold the folder `{split}` for that split to be used,"
            f" found only {', '.join(f'`{each}`' for each in there)}. Make it, with `{IMAGES}` and"
            f" a folder for each task in it, or {WITHOUT[split]}."
        )

    def tasks_of(self, split: str) -> tuple[str, ...]:
        # Labels of a test split may be kept back.
        kept_back = self.unlabelled(split)
        return tuple(task for task in super().tasks_of(split) if task not in kept_back)

    def unlabelled(self, split: str) -> tuple[str, ...]:
        if split != "test":
            return ()
        top = self.root / split
        there = [task for task in LABEL_SUFFIXES if (top / task).is_dir()]
        return tuple(task for task in self.tasks if not set(self.needs([task])) <= set(there))

    def records(self, split: str) -> list[Picture]:
        folders = [IMAGES, *self.reads_of(split)]
        missing = [name for name in folders if not (self.root / split / name).is_dir()]
        if missing:
            names = ", ".join(f"`{split}/{name}`" for name in missing)
            raise self.not_found(f"the folder{'s' * (len(missing) > 1)} {names}")
        return pictures(self.root, split, IMAGES, SUFFIXES)

    def labelled(self, split: str, task: str) -> Labelled:
        labels = pictures(self.root, split, task, LABEL_SUFFIXES[task])
        suffixes = {label.name: label.suffix for label in labels}

        def file(picture: Picture) -> Path:
            suffix = suffixes.get(picture.name, LABEL_SUFFIXES[task][0])
            return label_file(self.root, picture.name, task, suffix)

        return Labelled(labels, file)

    def reader(self) -> FoldersReader:
        skipped = self.skipped()
        listed = chain.from_iterable(
            pictures(self.root, split, IMAGES, SUFFIXES) for split in SPLITS if self.camera
        )
        used = (picture for picture in listed if picture.name not in skipped)
        return FoldersReader(
            root=self.root,
            table=self.table,
            camera=self.camera,
            camera_image=image_of_camera(self.root, used),
            depth_unit=self.depth_unit,
            depth_range=self.depth_range,
            normals_axes=self.normals_axes,
        )


def checked_camera(camera: Sequence[float] | None) -> tuple[float, float, float, float] | None:
    """Give fx, fy, cx and cy back if they can be those of a camera."""
    if camera is None:
        return None
    # Settings come from files, where a list may be of any length.
    if len(camera) != 4 or not all(0 < number < np.inf for number in camera):
        raise ValueError(
            "`camera` should be fx, fy, cx, cy in pixels of the images on disk, all above 0, found"
            f" {list(camera)}."
        )
    fx, fy, cx, cy = map(float, camera)
    return fx, fy, cx, cy


def checked_derive(derive: Sequence[str], camera: Sequence[float] | None) -> tuple[str, ...]:
    """Give the tasks to derive back if that can be done."""
    unknown = [task for task in derive if task not in NORMALS_AND_EDGES]
    if unknown or isinstance(derive, str):
        raise ValueError(
            f"`derive` should be a list of some of {list(NORMALS_AND_EDGES)}, found {derive!r}."
        )
    if "normals" in derive and camera is None:
        raise ValueError(
            "`camera` should be fx, fy, cx, cy in pixels of the images on disk for normals to be"
            " derived from depth, found none. Give it, or take `normals` out of `derive` and read"
            " them from `normals`."
        )
    return tuple(derive)
