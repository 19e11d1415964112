"""Virtual KITTI 2: five rendered street scenes in ten variations, seen by two cameras."""

import re
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from datamodules.base import WITHOUT
from datamodules.derive import NORMALS_AND_EDGES, Derivation
from datamodules.disk.listing import matches
from datamodules.disk.pairs import Labelled
from datamodules.files import FileDataModule
from datamodules.labels import find_space
from datamodules.predictions import Classes, Encoding, Metres, PredictionFormat
from datamodules.predictions.codes import ids_of
from datamodules.predictions.format import EDGES, NORMALS
from datamodules.settings import checked_depth_range
from datamodules.vkitti2.classes import COLOURS, UNDEFINED, VKITTI2_SPACES, train_ids
from datamodules.vkitti2.layout import LAYOUTS
from datamodules.vkitti2.reader import CLASSES, DEPTH, IMAGE, Frame, Place, VKITTI2Reader, text_file
from datamodules.vkitti2.scenes import FRAMES, checked_scenes, stored_scenes

VARIATIONS = (
    *("15-deg-left", "15-deg-right", "30-deg-left", "30-deg-right", "clone"),
    *("fog", "morning", "overcast", "rain", "sunset"),
)
CAMERAS = (0, 1)
ARCHIVE = "vkitti_2.0.3_{kind}"
# The dataset's description spells the last of these otherwise than its archive does.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "rgb": ("rgb",),
    "depth": ("depth",),
    "classes": ("classSegmentation", "classsegmentation"),
}
FILES: Mapping[str, str] = {"rgb": IMAGE, "depth": DEPTH, "classes": CLASSES}
LABELS: Mapping[str, str] = {"segmentation": "classes", "depth": "depth"}
FRAME = re.compile(
    r"(?P<scene>Scene\d\d)_(?P<variation>[^_]+)_(?P<camera>Camera_\d)_(?P<frame>\d{5})"
)

Choice = TypeVar("Choice")


class VKITTI2(FileDataModule):
    """Drives through five virtual street scenes: segmentation and depth; the rest is derived.

    - Source: Cabon et al., "Virtual KITTI 2", 2020 (arXiv:2001.10773), release 2.0.3; rendered
      after sequences of KITTI; images of 1242 x 375 pixels.
    - Licence: CC BY-NC-SA 3.0.
    - Splits: none official. Ours are by scene: train Scene01, Scene06, Scene20 (1554 frames), val
      Scene02 (233), test Scene18 (339), each times the number of variations and of cameras.
      All variations and both cameras of a frame show the same place, and frames follow each other
      within a tenth of a second: in any random split of frames almost every image for evaluation
      has a twin in training, so none is offered. The training scenes have the town, the crossing
      and the highway between them.
    - `segmentation`: by colour. 8 classes shared with Cityscapes (Tree and Vegetation are one
      class, so are Car, Van and Truck; Terrain, GuardRail and Misc are unknown), Cityscapes' own
      19 (10 of them occur), or the 14 of the dataset. Undefined is always unknown.
    - `depth`: metres along the optical axis, code / 100; 65535 (sky) is unknown, and what is
      outside `depth_range`.
    - `normals`: derived from depth and camera; x right, y down, z into the scene.
    - `edges`: derived from the image.
    - Evaluation: at the size on disk, so that networks of any input size compare. DenseMTL scores
      at the network's 320 x 1024 (`evaluated_at: network`), on its own split.
    - `camera`: a row of `intrinsic.txt` for each frame and camera, if that file is there; needed
      for normals only. It counts pixels from their centres, so half a pixel is added.
    - Tree, below `root` or below one folder per archive, recognised by itself for each of them:

          [vkitti_2.0.3_rgb/]Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg
          [vkitti_2.0.3_depth/]Scene01/clone/frames/depth/Camera_0/depth_00000.png
          [vkitti_2.0.3_classSegmentation/]Scene01/clone/frames/classSegmentation/Camera_0/
              classgt_00000.png
          [vkitti_2.0.3_textgt/]Scene01/clone/intrinsic.txt

    Note:
        DenseMTL, whose settings VTAGML takes over, trains on 15-deg-left of camera 0, as we do by
        default, but splits its 2126 frames at random, so its numbers do not compare with ours.

    Args:
        root: Folder that holds the tree above.
        label_space: `vkitti2_8`, `cityscapes_19` or another space of the streets, `vkitti2_14`.
        scenes: Scenes of each split, such as `{train: [Scene01], val: [Scene02]}`; by default as
            above. No scene may be in two splits; a split without scenes, such as `test` here,
            cannot be used, and is an error only where it would be.
        variations: Weather, time of day or direction of view.
        cameras: 0 (left), 1 (right).
        depth_range: Depth outside these metres is unknown, and 0 always.
        options: What all datasets of files take, see `FileDataModule`.
    """

    derives: ClassVar[Mapping[str, Derivation]] = NORMALS_AND_EDGES
    download: ClassVar[str] = "https://europe.naverlabs.com/proxy-virtual-worlds-vkitti-2"
    layouts = LAYOUTS

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "vkitti2_8",
        scenes: Mapping[str, Sequence[str]] | None = None,
        variations: Sequence[str] = ("15-deg-left",),
        cameras: Sequence[int] = (0,),
        depth_range: tuple[float, float] = (0.0, 80.0),
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.label_space = find_space(VKITTI2_SPACES, label_space)
        self.scenes = checked_scenes(stored_scenes() if scenes is None else scenes)
        self.variations = _chosen("variations", variations, VARIATIONS)
        self.cameras = _chosen("cameras", cameras, CAMERAS)
        self.depth_range = checked_depth_range(depth_range)

    @property
    def prediction_format(self) -> PredictionFormat:
        """As the dataset's own files, in the folders of its archives.

        - `<drive>/classSegmentation/<camera>/classgt_<frame>.png`: 8-bit RGB, the class's colour.
        - `<drive>/depth/<camera>/depth_<frame>.png`: 16 bits, centimetres; 65535, the sky, is not
          used.
        - `normals/<name>_normals.png`, `edges/<name>_edges.png`.
        """
        names = list(COLOURS)
        ids = ids_of(self.label_space, dict(enumerate(names)), unknown=names.index(UNDEFINED))
        colours = np.array(list(COLOURS.values()), np.uint8)
        segmentation = "{scene}/{variation}/frames/classSegmentation/{camera}/classgt_{frame}.png"
        depth = "{scene}/{variation}/frames/depth/{camera}/depth_{frame}.png"
        encodings = {
            "segmentation": Encoding(segmentation, Classes(colours[ids])),
            "depth": Encoding(depth, Metres(100, farthest=65534)),
            "normals": NORMALS,
            "edges": EDGES,
        }
        return PredictionFormat(encodings, pattern=FRAME)

    def lacks(self, split: str) -> str | None:
        if self.scenes[split]:
            return None
        given = {name: list(scenes) for name, scenes in self.scenes.items() if scenes}
        free = sorted(set(FRAMES).difference(*self.scenes.values()))
        return (
            f"`scenes` should give the split `{split}` a scene for it to be used, found {given}."
            f" Add `{split}` with one of {free or list(FRAMES)}, or {WITHOUT[split]}."
        )

    def records(self, split: str) -> list[Frame]:
        frames = self._frames(split, "rgb")
        filmed = {frame[:3] for frame in frames}
        for film in self._films(split):
            if film not in filmed:
                raise self.not_found(
                    f"images `rgb_00000.jpg`, ... in `{self._place('rgb').folder(*film)}`, or in"
                    f" the same folder below `{self.root / ARCHIVE.format(kind='rgb')}`"
                )
        return frames

    def labelled(self, split: str, task: str) -> Labelled:
        kind = LABELS[task]
        place = self._place(kind)
        return Labelled(self._frames(split, kind), lambda frame: place.file(frame, FILES[kind]))

    def reader(self) -> VKITTI2Reader:
        return VKITTI2Reader(
            images=self._place("rgb"),
            depths=self._place("depth"),
            classes=self._place("classes"),
            texts=self._texts(),
            train_ids=train_ids(self.label_space),
            depth_range=self.depth_range,
        )

    def official(self, split: str) -> int:
        frames = sum(FRAMES[scene] for scene in self.scenes[split])
        return frames * len(self.variations) * len(self.cameras)

    def _films(self, split: str) -> list[tuple[str, str, int]]:
        """What a camera saw of a drive, for each of them."""
        return list(product(self.scenes[split], self.variations, self.cameras))

    def _frames(self, split: str, kind: str) -> list[Frame]:
        """The frames that there is a file of a kind of."""
        place = self._place(kind)
        folders = ((film, place.folder(*film)) for film in self._films(split))
        return [Frame(*film, each) for film, folder in folders for each in numbers(folder, kind)]

    def _place(self, kind: str) -> Place:
        """Where the files of a kind are; where they would be if there are none."""
        spellings, drives = SPELLINGS[kind], self._drives()
        places = [Place(base, name) for base in self._bases(*spellings) for name in spellings]
        there = (each for each in places if any(each.kind_folder(*d).is_dir() for d in drives))
        return next(there, places[0])

    def _texts(self) -> Path | None:
        """Folder below which every drive has its `intrinsic.txt`; None if cameras are unknown."""
        drives = self._drives()

        def found(base: Path) -> int:
            return sum(text_file(base, *drive).is_file() for drive in drives)

        base = max(self._bases("textgt"), key=found)  # of equals the first
        # With normals to derive, a missing file is an error that its reader puts into words.
        return base if found(base) == len(drives) or "normals" in self.tasks else None

    def _bases(self, *kinds: str) -> list[Path]:
        return [self.root, *(self.root / ARCHIVE.format(kind=kind) for kind in kinds)]

    def _drives(self) -> list[tuple[str, str]]:
        scenes = sorted(set().union(*self.scenes.values()))
        return [(scene, variation) for scene in scenes for variation in self.variations]


def numbers(folder: Path, kind: str) -> list[int]:
    """Numbers of the frames that a folder has files of."""
    pattern = re.compile(r"(\d{5})".join(map(re.escape, FILES[kind].split("{:05d}"))))
    return sorted(int(match[1]) for match in matches(folder, pattern))


def _chosen(name: str, chosen: Sequence[Choice], known: Sequence[Choice]) -> tuple[Choice, ...]:
    if not chosen or not set(chosen) <= set(known) or len(set(chosen)) < len(chosen):
        raise ValueError(f"`{name}` should be some of {list(known)}, found {list(chosen)}.")
    return tuple(chosen)
