"""SYNTHIA-RAND-CITYSCAPES as a DataModule."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float, UInt16

from datamodules.derive import NORMALS_AND_EDGES, Derivation
from datamodules.disk.pairs import Labelled
from datamodules.files import FileDataModule
from datamodules.labels import find_space
from datamodules.predictions import Classes, Encoding, Metres, PredictionFormat
from datamodules.predictions.codes import ids_of
from datamodules.predictions.format import EDGES, NORMALS
from datamodules.settings import checked_depth_range
from datamodules.synthia.classes import SYNTHIA_IDS, SYNTHIA_SPACES
from datamodules.synthia.layout import Synthia as SynthiaTree
from datamodules.synthia.reader import (
    CODES_PER_METRE,
    FOLDERS,
    IMAGES,
    ROOT,
    Picture,
    SynthiaReader,
    pictures,
    stored_numbers,
)


class Synthia(FileDataModule):
    """Rendered street scenes: segmentation and depth; normals and edges derived.

    - Source: Ros et al., "The SYNTHIA Dataset: A Large Collection of Synthetic Images for Semantic
      Segmentation of Urban Scenes", CVPR 2016; its subset RAND-CITYSCAPES of 9400 images of
      1280 x 760 pixels.
    - Licence: CC BY-NC-SA 3.0.
    - Splits: none official. Ours is stored in `splits.txt`: train 7520, val 940, test 940,
      in 50 blocks of 188 consecutive images, every fifth for val or test in turn. Random splits
      would put near images of one place on both sides; here that can happen at 20 seams only, and
      every part of the numbering is in all splits. The field's 80/20 splits are random ones, and
      that of DenseMTL shares images between both sides.
    - `segmentation`: red of 16-bit RGB files, in 16 classes of Cityscapes by default; void, parking
      slots, road work and lane markings are unknown.
    - `depth`: metres, centimetres in all channels of 16-bit RGB files; 0 is unknown. The code of
      the sky is not documented; it lies beyond the 80 m that are kept by default.
    - `normals`: from depth; x right, y down, z into the scene. `edges`: Sobel edges of the image.
      Both at the resolution they are used at, see `datamodules.derive`.
    - Evaluation: at the size on disk, so that networks of any input size compare. DenseMTL scores
      at the network's size (`evaluated_at: network`), on its own split.
    - `camera`: fx = fy = 532.740352, in the image's middle: that of SYNTHIA's video sequences, as
      the field assumes, since this subset ships none.
    - Tree; `root` is `RAND_CITYSCAPES` itself or the folder that it lies in:

          RAND_CITYSCAPES/RGB/0000000.png … 0009399.png
          RAND_CITYSCAPES/GT/LABELS/…       segmentation
          RAND_CITYSCAPES/Depth/…           depth, normals

    Args:
        root: Folder that holds the tree.
        label_space: One of `cityscapes_19`, `cityscapes_16`, `cityscapes_13`, `vkitti2_8`,
            `vkitti2_8_strict`, and of seven groups of classes `ctrl_7`, which is CTRL's table, or
            `densemtl_7`, DenseMTL's classes by their names (it has no table for Synthia).
        depth_range: Depth outside these metres is unknown.
        options: What all datasets of files take, see `FileDataModule`.
    """

    derives: ClassVar[Mapping[str, Derivation]] = NORMALS_AND_EDGES
    download: ClassVar[str] = (
        "https://synthia-dataset.net/downloads (SYNTHIA-RAND-CITYSCAPES, CVPR 2016)"
    )
    layouts = (SynthiaTree(),)

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        label_space: str = "cityscapes_16",
        depth_range: tuple[float, float] = (0.0, 80.0),
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, **options)
        self.label_space = find_space(SYNTHIA_SPACES, label_space)
        self.depth_range = checked_depth_range(depth_range)

    @property
    def prediction_format(self) -> PredictionFormat:
        """As the dataset's own files.

        - `GT/LABELS/<name>.png`: 16-bit RGB, the class id in red, no instances in green.
        - `Depth/<name>.png`: 16-bit RGB, centimetres in all channels.
        - `normals/<name>_normals.png`, `edges/<name>_edges.png`.
        """
        ids = ids_of(self.label_space, SYNTHIA_IDS, unknown=0)
        codes = np.zeros((len(ids), 3), np.uint16)
        codes[:, 0] = ids
        encodings = {
            "segmentation": Encoding("GT/LABELS/{name}.png", Classes(codes)),
            "depth": Encoding("Depth/{name}.png", grey_centimetres),
            "normals": NORMALS,
            "edges": EDGES,
        }
        return PredictionFormat(encodings)

    def records(self, split: str) -> list[Picture]:
        return pictures(self.within(IMAGES, ROOT) / IMAGES, split)

    def official(self, split: str) -> int:
        return len(stored_numbers(split))

    def labelled(self, split: str, task: str) -> Labelled:
        folder = self.within(IMAGES, ROOT) / FOLDERS[task]
        return Labelled(pictures(folder, split), lambda each: folder / f"{each.name}.png")

    def reader(self) -> SynthiaReader:
        folder = self.within(IMAGES, ROOT)
        missing = [FOLDERS[task] for task in self.reads if not (folder / FOLDERS[task]).is_dir()]
        if missing:
            names = ", ".join(f"`{ROOT}/{name}`" for name in missing)
            raise self.not_found(f"the folders {names}")
        return SynthiaReader(
            folder, self.label_space.table(SYNTHIA_IDS, len(SYNTHIA_IDS)), self.depth_range
        )


def grey_centimetres(
    depth: Float[np.ndarray, "height width"],
) -> UInt16[np.ndarray, "height width 3"]:
    """Depth as the dataset's files hold it."""
    return np.repeat(Metres(CODES_PER_METRE)(depth)[..., None], 3, axis=2)
