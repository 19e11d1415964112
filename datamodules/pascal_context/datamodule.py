"""PASCAL-Context's multi-task variant as a DataModule."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.derive import Derivation
from datamodules.disk.images import unreadable
from datamodules.disk.listing import matches
from datamodules.disk.names import read_names
from datamodules.disk.pairs import Labelled, first_missing
from datamodules.files import FileDataModule
from datamodules.labels import IGNORE, Labels
from datamodules.pascal_context.classes import PARTS, PASCAL_21
from datamodules.pascal_context.layout import PASCALContextTree
from datamodules.pascal_context.protocols import Protocol, Stretched
from datamodules.pascal_context.reader import (
    BY_PEOPLE,
    DERIVED,
    IMAGES,
    KINDS,
    SUFFIXES,
    PASCALContextReader,
    Photo,
)
from datamodules.predictions import Classes, Encoding, Normals, PredictionFormat, Shares
from datamodules.settings import checked_axes
from datamodules.transforms import Sample, Transform

LISTS: Mapping[str, str] = {"train": "train", "val": "val", "test": "val"}
COUNTS: Mapping[str, int] = {"train": 4998, "val": 5105}
ARCHIVES = ("PASCAL_MT", "PASCALContext")
"""What the archives unpack to; `root` may be the folder around it."""


def parts_in_view(sample: Sample) -> np.ndarray:
    """Parts of people; all unknown where no part is in view, as after a crop beside a person."""
    parts: np.ndarray = sample["human_parts"]
    known = parts[parts != IGNORE]
    return parts if known.any() else np.full_like(parts, IGNORE)


class PASCALContext(FileDataModule):
    """Photos of people, animals and things: classes, human parts, saliency, normals, boundaries.

    - Source: the photos and boxes of PASCAL VOC 2010 with the labels of Mottaghi et al., "The Role
      of Context for Object Detection and Semantic Segmentation in the Wild", CVPR 2014, and Chen et
      al., "Detect What You Can", CVPR 2014 (parts), as Maninis et al., "Attentive Single-Tasking of
      Multiple Tasks", CVPR 2019, put them together. No licence is stated; of the photos those of
      Flickr apply.
    - Splits: `train` 4998 and `val` 5105 photos; there is no third, so `test` is `val`, and whoever
      picks a checkpoint by it has no untouched test left.
    - Tree, in `root` or in `PASCAL_MT` or `PASCALContext` below it; each id has all files:

          ImageSets/Context/{train,val}.txt           ids, one a line
          JPEGImages/<id>.jpg                         each side up to 500 pixels
          semseg/{VOC12,pascal-context}/<id>.png      classes, in the first if it is there
          human_parts/<id>.mat                        parts of people and of animals
          sal_distill/<id>.png, normals_distill/<id>.png
          pascal-context/trainval/<id>.mat            regions; for normals and edges

    - `segmentation`: 21 classes, with background; 255 is void, the rims in `VOC12`. Those of
      `pascal-context` are made of its regions.
    - `human_parts`: head, torso, upper and lower arm, upper and lower leg, and `none`, which is all
      else. 255 in the whole photo if no person in it is annotated or none of the parts is in view;
      other photos have no unknown pixel.
    - `saliency`: 0 or 1, what a network found, known everywhere.
    - `normals`: what a network found, brought to length 1; NaN in regions that are none of 170 for
      which it could learn them (sky, water, boats, birds, horses, …).
    - `edges`: boundaries of the regions, 0 or 1, one pixel wide; see `boundaries`. The field
      resamples the lines themselves, which leaves gaps, and so does this.
    - Evaluation: where the protocol says: at the network's size (`Stretched`) or at that on disk
      (`Cropped`).

    Note:
        No source says how the normals are oriented. Of 40 cluster centres that ATRC ships all have
        a third component above 0.2, and the second is more often above 0: z to the camera, y up.
        The first cannot be told; it is taken to be left, as in NYUDv2's trees. Trees whose z points
        the other way are refused when read.

    Args:
        root: Folder of the dataset.
        protocol: What training does to photos and labels, and where predictions are scored; that of
            VMT-Adapter's line by default.
        evaluated_at: `native` or `network`; by default the protocol's.
        normals_axes: Signs that turn shipped normals into x right, y down, z into the scene.
        options: What all datasets of files take, see `FileDataModule`.
    """

    offers = ("segmentation", "human_parts", "saliency", "normals", "edges")
    sparse = frozenset({"human_parts", "normals"})
    derives: ClassVar[Mapping[str, Derivation]] = {
        "human_parts": Derivation(("human_parts",), parts_in_view)
    }
    download: ClassVar[str] = (
        "data.vision.ee.ethz.ch/kmaninis/share/MTL/PASCAL_MT.tgz, or from the README of InvPT or"
        " TaskPrompter, PASCALContext.tar.gz"
    )
    layouts = (PASCALContextTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        protocol: Protocol | None = None,
        evaluated_at: str | None = None,
        normals_axes: tuple[int, int, int] = (-1, -1, -1),
        **options: Any,
    ) -> None:
        self.protocol = protocol or Stretched()
        where = evaluated_at or self.protocol.evaluated_at
        super().__init__(root, image_size, evaluated_at=where, **options)
        self.normals_axes = checked_axes(normals_axes)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": PASCAL_21, "human_parts": PARTS}

    @property
    def prediction_format(self) -> PredictionFormat:
        """As the archives have their labels; what these keep in MATLAB files is pictures here.

        - `semseg/VOC12/<id>.png`: 8 bits, the class 0 to 20, as PASCAL VOC's server takes them.
        - `human_parts/<id>.png`: 8 bits, the part 0 to 6.
        - `sal_distill/<id>.png`: 8 bits, 1/255.
        - `normals_distill/<id>.png`: 8-bit RGB, 127.5 · (n + 1) in the axes of the archives.
        - `edge/<id>.png`: 8 bits, 1/255, as SEISM reads them.
        """
        classes, parts = (
            np.arange(len(labels.names), dtype=np.uint8) for labels in (PASCAL_21, PARTS)
        )
        encodings = {
            "segmentation": Encoding("semseg/VOC12/{name}.png", Classes(classes)),
            "human_parts": Encoding("human_parts/{name}.png", Classes(parts)),
            "saliency": Encoding("sal_distill/{name}.png", Shares(255)),
            "normals": Encoding("normals_distill/{name}.png", Normals(self.normals_axes)),
            "edges": Encoding("edge/{name}.png", Shares(255)),
        }
        return PredictionFormat(encodings)

    def default_geometry(self) -> Sequence[Transform]:
        return self.protocol.geometry(self.image_size, self.tasks_of("train"))

    def default_augment(self) -> Sequence[Transform]:
        return self.protocol.augment()

    def views(self) -> Sequence[Transform]:
        return self.protocol.views(self.image_size)

    def official(self, split: str) -> int:
        return COUNTS[LISTS[split]]

    def records(self, split: str) -> list[Photo]:
        file = self.tree() / "ImageSets" / "Context" / f"{LISTS[split]}.txt"
        if not file.is_file():
            raise self.not_found(f"the list `{file.relative_to(self.root)}` of ids")
        names = read_names(file)
        odd = [name for name in names if Path(name).name != name]
        if not names or odd or len(set(names)) < len(names):
            found = f"{len(names)} names, {len(set(names))} distinct, {odd[:5]} with folders"
            raise unreadable(file, "hold one distinct id per line", found)
        return [Photo(name) for name in sorted(names)]

    def reader(self) -> PASCALContextReader:
        tree = self.tree()
        kinds = (kind for task in self.reads for kind in KINDS.get(task, ()))
        missing = [kind for kind in dict.fromkeys(kinds) if not (tree / kind).is_dir()]
        classes = ((tree / kind).is_dir() for kind in (BY_PEOPLE, DERIVED))
        if "segmentation" in self.reads and not any(classes):
            missing.append("semseg")
        if missing:
            names = ", ".join(f"`{name}`" for name in missing)
            raise self.not_found(f"{names} beside `{IMAGES}`, for {list(self.tasks)}")
        return PASCALContextReader(tree, self.normals_axes)

    def labelled(self, split: str, task: str) -> Labelled:
        reader = self.reader()
        # A list names the photos, so an image can be missing, too.
        kinds = (IMAGES, *KINDS.get(task, ()))
        whole = set.intersection(*(self._ids(kind) for kind in kinds))
        if task == "segmentation":
            whole &= self._ids(BY_PEOPLE) | self._ids(DERIVED)
        return Labelled(
            [photo for photo in self.records(split) if photo.name in whole],
            lambda photo: first_missing([*reader.files(photo, task), reader.file(photo, IMAGES)]),
        )

    def tree(self) -> Path:
        """The folder that holds `JPEGImages`: the root, or an archive's folder in it."""
        return self.within(IMAGES, *ARCHIVES)

    def _ids(self, kind: str) -> set[str]:
        pattern = re.compile(rf"(.+){re.escape(SUFFIXES[kind])}")
        return {match[1] for match in matches(self.tree() / kind, pattern)}
