"""Cityscapes: street scenes of 50 cities, seen by a stereo camera in a car."""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from datamodules.cityscapes.classes import CITYSCAPES_IDS, CITYSCAPES_SPACES
from datamodules.cityscapes.layout import LAYOUTS
from datamodules.cityscapes.reader import (
    CAMERAS,
    COARSE,
    EXTRA,
    IMAGES,
    CityscapesReader,
    EitherReader,
    ExtraReader,
    Snapshot,
    snapshots,
)
from datamodules.derive import NORMALS_AND_EDGES, Derivation
from datamodules.disk.pairs import Labelled, first_missing
from datamodules.files import FileDataModule
from datamodules.labels import find_space
from datamodules.predictions import Classes, Encoding, Metres, PredictionFormat
from datamodules.predictions.codes import ids_of
from datamodules.predictions.format import EDGES, NORMALS
from datamodules.settings import checked_depth_range, one_of

COUNTS: Mapping[str, int] = {"train": 2975, EXTRA: 19998, "val": 500, "test": 1525}
TRAIN_SPLITS: Mapping[str, tuple[str, ...]] = {
    "fine": ("train",),
    "coarse": (EXTRA,),
    "both": ("train", EXTRA),
}
"""The folders that training reads, by the setting."""


class Cityscapes(FileDataModule):
    """Street scenes: segmentation by people, depth from stereo; normals and edges derived.

    - Source: Cordts et al., "The Cityscapes Dataset for Semantic Urban Scene Understanding",
      CVPR 2016. Images of 2048 x 1024 pixels from 50 cities, by day in fair weather.
    - Licence: free for non-commercial research, after registration.
    - Splits, by city: train 2975, val 500, test 1525. The labels of the test split are withheld
      (all its pixels are void), so the field reports its numbers on `val`, and so does
      `lightning test` by default. Choose the real test images for predictions to be submitted.
      Training can take the 19998 images of `train_extra`, which have coarse labels, instead of the
      2975 or beside them; of these `troisdorf_000000_000073` is left out, which is all black.
    - `segmentation`: the 19 classes of the benchmark, 16 of them (from Synthia), 13, the 8 shared
      with Virtual KITTI 2, or 7 groups: CTRL's, or DenseMTL's, which have neither walls, terrain
      and riders nor vehicles but cars and bicycles. All other ids are unknown. Coarse labels have
      the same ids, and leave more of an image unlabelled: the surroundings of borders.
    - `depth`: metres along the optical axis, baseline * fx / disparity, with the calibration of
      each image's own `camera.json`. Semi-global matching: unknown where it found no match, and
      noisy in the sky and on the bonnet of the car. 80 m and less by default.
    - `normals`: from that depth, so as noisy; x right, y down, z into the scene. `edges`: Sobel
      edges of the image. Both at the resolution they are used at, see `datamodules.derive`.
    - Evaluation: at the size on disk, as the benchmark's script does it. DenseMTL scores at the
      network's 512 x 1024 (`evaluated_at: network`).
    - `camera`: fx, fy, cx, cy; given with depth and normals, which need it. Whether the dataset
      counts u0 and v0 from a pixel's corner or centre is not documented; taken to be the corner.
    - Tree, with what is needed for the tasks that are asked for:

          leftImg8bit/<split>/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
          gtFine/<split>/<city>/…_gtFine_labelIds.png      segmentation
          disparity/<split>/<city>/…_disparity.png         depth, normals
          camera/<split>/<city>/…_camera.json              depth, normals

      Each of the four may also lie in the folder of its archive, as in
      `leftImg8bit_trainvaltest/leftImg8bit`. Coarse labels are
      `gtCoarse/train_extra/<city>/…_gtCoarse_labelIds.png`; the other files of `train_extra` lie
      beside those of the other splits, or in archives as `leftImg8bit_trainextra`.

    Args:
        root: Folder that holds the tree.
        label_space: One of `cityscapes_19`, `cityscapes_16`, `cityscapes_13`, `vkitti2_8`,
            `vkitti2_8_strict`, `ctrl_7`, `densemtl_7`; that of the data a network was trained on,
            to evaluate it here.
        depth_range: Depth outside these metres is unknown.
        train_split: `fine`, `coarse` or `both`: whether training reads the images of `train`, with
            fine labels, of `train_extra`, with coarse ones, or all of them.
        test_split: `val` or `test`: which images `lightning test` and `predict` read.
        options: What all datasets of files take, see `FileDataModule`.
    """

    derives: ClassVar[Mapping[str, Derivation]] = NORMALS_AND_EDGES
    download: ClassVar[str] = (
        "https://www.cityscapes-dataset.com (leftImg8bit, gtFine, disparity and camera, each as"
        " `_trainvaltest.zip`; for `train_extra` gtCoarse.zip, and the others as `_trainextra.zip`)"
    )
    layouts = LAYOUTS
    known_bad: ClassVar[Path | None] = Path(__file__).parent / "skip.txt"

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "cityscapes_19",
        depth_range: tuple[float, float] = (0.0, 80.0),
        train_split: str = "fine",
        test_split: str = "val",
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.label_space = find_space(CITYSCAPES_SPACES, label_space)
        self.depth_range = checked_depth_range(depth_range)
        self.train_split = one_of("train_split", train_split, TRAIN_SPLITS)
        self.test_split = one_of("test_split", test_split, ("val", "test"))

    @property
    def prediction_format(self) -> PredictionFormat:
        """Label ids as the benchmark's evaluation script wants them; all else of our own making.

        - `segmentation/<name>_labelIds.png`: 8 bits, the id 0 to 33 of each pixel's class. Of a
          class that holds several of them, the first: vehicles are cars (26).
          `CITYSCAPES_RESULTS=…/submission/segmentation csEvalPixelLevelSemanticLabeling` scores
          them.
        - `depth/<name>_depth.png`: 16 bits, metres · 256. Not the dataset's disparity, for which
          the calibration of every image would be needed, which a test image need not have.
        - `normals/<name>_normals.png`, `edges/<name>_edges.png`.
        """
        ids = ids_of(self.label_space, CITYSCAPES_IDS, unknown=0)
        encodings = {
            "segmentation": Encoding("segmentation/{name}_labelIds.png", Classes(ids)),
            "depth": Encoding("depth/{name}_depth.png", Metres(256)),
            "normals": NORMALS,
            "edges": EDGES,
        }
        return PredictionFormat(encodings)

    def records(self, split: str) -> list[Snapshot]:
        return [shot for folder in self._folders_of(split) for shot in self._images_in(folder)]

    def official(self, split: str) -> int:
        return sum(COUNTS[folder] for folder in self._folders_of(split))

    def labelled(self, split: str, task: str) -> Labelled:
        reader = self.reader()
        whole = [
            shot
            for folder in self._folders_of(split)
            for shot in self._with_all(folder, reader_of(folder).kinds[task])
        ]
        return Labelled(whole, lambda shot: first_missing(reader.files(shot, task)))

    def reader(self) -> CityscapesReader | EitherReader:
        fine = self._made(CityscapesReader)
        return fine if self.train_split == "fine" else EitherReader(fine, self._made(ExtraReader))

    def _images_in(self, folder: str) -> list[Snapshot]:
        images = self._place(IMAGES, reader_of(folder)) / folder
        if not images.is_dir():
            raise self.not_found(f"the folder `{images.relative_to(self.root)}` of images")
        return self._shots(folder, IMAGES)

    def _with_all(self, folder: str, kinds: Sequence[str]) -> list[Snapshot]:
        """What has a file of each kind, in the order of the first."""
        first, *others = (self._shots(folder, kind) for kind in kinds)
        whole = set(first).intersection(*others)
        return [shot for shot in first if shot in whole]

    def _shots(self, folder: str, kind: str) -> list[Snapshot]:
        return snapshots(self._place(kind, reader_of(folder)), folder, kind)

    def _made(self, reader: type[CityscapesReader]) -> CityscapesReader:
        """A reader with this module's settings, whose files are there."""
        kinds = [IMAGES, *(kind for task in self.reads for kind in reader.kinds[task])]
        places = {
            kind: self._place(kind, reader) for kind in (IMAGES, *chain(*reader.kinds.values()))
        }
        missing = [kind for kind in kinds if not has_splits(places[kind], reader)]
        if missing:
            of = f"/{EXTRA}" if reader is ExtraReader else ""
            raise self.not_found(f"the folders {', '.join(f'`{kind}{of}`' for kind in missing)}")
        # With the labels of other tasks the reader is that of a prepared copy of all tasks, which
        # serves each. Not so with cameras: a copy that has them gives them with every task.
        present = {
            kind: place
            for kind, place in places.items()
            if has_splits(place, reader) and (kind != CAMERAS or kind in kinds)
        }
        return reader(present, self.label_space.table(CITYSCAPES_IDS), self.depth_range)

    def _folders_of(self, split: str) -> tuple[str, ...]:
        if split == "train":
            return TRAIN_SPLITS[self.train_split]
        return (self.test_split if split == "test" else split,)

    def _place(self, kind: str, reader: type[CityscapesReader]) -> Path:
        """A kind's folder, of its archive or directly in `root`: which has more of the splits."""
        archive = kind if kind == COARSE else f"{kind}_{reader.archives}"
        # Of equals it is the first.
        places = self.root / kind, self.root / archive / kind
        return max(places, key=lambda place: has_splits(place, reader))


def reader_of(folder: str) -> type[CityscapesReader]:
    """What reads the images in the folder of a split."""
    return ExtraReader if folder in ExtraReader.splits else CityscapesReader


def has_splits(place: Path, reader: type[CityscapesReader]) -> int:
    """How many of a reader's splits are in a folder."""
    return sum((place / split).is_dir() for split in reader.splits)
