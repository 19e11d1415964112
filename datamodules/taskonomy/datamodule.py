"""Taskonomy: images of several hundred scanned buildings, with all four tasks shipped."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from datamodules.base import WITHOUT
from datamodules.disk.listing import some_of
from datamodules.disk.pairs import Labelled
from datamodules.files import FileDataModule
from datamodules.labels import Labels
from datamodules.predictions import Classes, Encoding, Metres, Normals, PredictionFormat, Shares
from datamodules.predictions.format import Encode
from datamodules.settings import checked_depth_range, one_of
from datamodules.taskonomy.buildings import EXCLUDED, buildings_of, read_buildings
from datamodules.taskonomy.classes import TASKONOMY_17
from datamodules.taskonomy.layout import LAYOUTS
from datamodules.taskonomy.reader import (
    CAMERA_DOMAIN,
    CAMERA_TASK,
    CODES_PER_METRE,
    DOMAINS,
    LARGEST_CODE,
    NO_DEPTH,
    READERS,
    STEP_EDGE,
    TaskonomyReader,
    View,
    view_file,
    views,
)

VIEW = re.compile(r"(?P<building>.+)_(?P<view>point_\d+_view_\d+)")
TREES = [layout.pattern for layout in LAYOUTS]
"""Where a building's files of one domain lie, by tree."""


class Taskonomy(FileDataModule):
    """Views of scanned buildings: segmentation, depth, normals and texture edges.

    - Source: Zamir et al., "Taskonomy: Disentangling Task Transfer Learning", CVPR 2018; scans of
      real buildings, images of 512 x 512 pixels with a field of view that differs between views.
    - Licence: non-commercial research, after agreement to the terms of the dataset.
    - Splits: by building, train/val/test: tiny 25/5/5, medium 99/20/19, full 346/67/69, less the
      excluded ones. `wiconisco` (val of all three) is left out by default, since many of its edge
      maps are damaged, so tiny has four buildings for validation. How many images a split has is
      nowhere stated.
    - `segmentation`: 17 classes, found by a network, not by people; code 0 (uncertain) is unknown.
    - `depth`: metres along the optical axis, code / 512, up to 128 m; 65535 means unknown. From
      `depth_zbuffer`, or from `depth_euclidean`, which holds the distance to the optical centre:
      that is divided by the length of each pixel's ray (x, y, 1), for which the `point_info` of
      every building has to be there. Both give the same depth, to half a code.
    - `normals`: x right, y down, z into the scene; (128, 128, 128) means unknown.
    - `edges`: `edge_texture` on the scale of `sobel_edges`, where 1 is a step from black to white:
      code / 65535 / 0.183, clipped at 1; known everywhere. The outermost pixels are 0.
    - `camera`: given with normals, from `point_info`, if that is unpacked for every building; the
      principal point is the image's centre. Only depth from `depth_euclidean` needs it.
    - Evaluation: at the network's size, as the released VTAGML code does it at 224 x 224;
      `evaluated_at: native` scores at the 512 x 512 pixels on disk.
    - Tree, recognised by itself, with the domains rgb, segment_semantic, depth_zbuffer or
      depth_euclidean, normal, edge_texture, point_info, of which those of tasks not asked for are
      not needed; files are named `point_<P>_view_<V>_domain_<domain>.png`:

          <domain>/taskonomy/<building>/    as omnitools downloads it
          <domain>/<building>/              the same, flat
          <building>_<domain>/<domain>/     each archive in a folder of its own name
          <building>/<domain>/              one folder per building

    Note:
        The makers' page counts 98/20/20 buildings in medium and 344/67/71 in full. We follow their
        split files, which differ from it by a building or two. The released VTAGML code takes
        `depth_euclidean` for depth as it is, so its errors are of distances; ours are not.

    Args:
        root: Folder that holds one of the trees above.
        subset: `tiny`, or `medium`, `full` or `fullplus`, for which the makers' split file (such as
            `train_val_test_medium.csv`) has to lie in `root`.
        buildings: A split file of one's own instead of `subset`, in the makers' form: a line
            `id,train,val,test`, then one per building with 1 under its split, else 0.
        excluded: Buildings to leave out. By default those the released VTAGML code leaves out.
            Buildings that are not on disk are left out too, and named when a split is set up.
        depth_range: Depth outside these metres is unknown, and 0 always.
        depth: `zbuffer` or `euclidean`: the domain that depth is read from.
        options: What all datasets of files take, see `FileDataModule`.
    """

    download: ClassVar[str] = "https://github.com/StanfordVL/taskonomy/tree/master/data"
    layouts = LAYOUTS
    known_bad: ClassVar[Path | None] = Path(__file__).parent / "skip.txt"

    def __init__(
        self,
        root: str | Path,
        image_size: tuple[int, int],
        subset: str = "tiny",
        buildings: str | Path | None = None,
        excluded: Sequence[str] = EXCLUDED,
        depth_range: tuple[float, float] = (0.0, 128.0),
        depth: str = "zbuffer",
        evaluated_at: str = "network",
        **options: Any,
    ) -> None:
        super().__init__(root, image_size, evaluated_at=evaluated_at, **options)
        listed = (
            buildings_of(subset, self.root)
            if buildings is None
            else read_buildings(Path(buildings))
        )
        self.buildings = {
            split: tuple(sorted(set(names) - set(excluded))) for split, names in listed.items()
        }
        self.depth_range = checked_depth_range(depth_range)
        self.depth = one_of("depth", depth, READERS)

    @property
    def labels(self) -> dict[str, Labels]:
        return {"segmentation": TASKONOMY_17.labels}

    @property
    def prediction_format(self) -> PredictionFormat:
        """As the dataset's own files, in the flat one of its trees.

        - `segment_semantic/<building>/<view>_domain_segmentsemantic.png`: 8 bits, the class 1 to
          17.
        - `depth_zbuffer/…_depth_zbuffer.png`: 16 bits, 1/512 m; 65535, unknown, is not used.
        - `normal/…_normal.png`: 8-bit RGB, 127.5 · (n + 1).
        - `edge_texture/…_edge_texture.png`: 16 bits, on the scale of the dataset.
        """
        ids = np.arange(1, len(TASKONOMY_17.labels.names) + 1, dtype=np.uint8)
        encoders: dict[str, Encode] = {
            "segmentation": Classes(ids),
            "depth": Metres(CODES_PER_METRE, farthest=NO_DEPTH - 1),
            "normals": Normals(),
            "edges": Shares(round(LARGEST_CODE * STEP_EDGE)),
        }
        encodings = {
            task: Encoding(f"{domain}/{{building}}/{{view}}_domain_{ending}", encoders[task])
            for task, (domain, ending) in DOMAINS.items()
        }
        return PredictionFormat(encodings, pattern=VIEW)

    def lacks(self, split: str) -> str | None:
        if self.buildings[split]:
            return None
        return (
            f"`buildings` should list a building of the split `{split}` that is not in `excluded`"
            f" for it to be used, found none. Add one to the split file, or {WITHOUT[split]}."
        )

    def records(self, split: str) -> list[View]:
        tree = self.tree()
        present = self._unpacked(tree, "rgb", self.buildings[split])
        return [view for name in present for view in views(self._folder(tree, "rgb", name), name)]

    def absent(self, split: str) -> str | None:
        buildings = self.buildings[split]
        missing = sorted(set(buildings) - set(self._unpacked(self.tree(), "rgb", buildings)))
        if not missing:
            return None
        return (
            f"{len(missing)} of {len(buildings)} buildings are not in `{self.root}` and are left"
            f" out: {', '.join(missing)}."
        )

    def labelled(self, split: str, task: str) -> Labelled:
        tree, (domain, end) = self.tree(), READERS[self.depth].domains[task]

        def file(view: View) -> Path:
            return view_file(self._folder(tree, domain, view.building), view, end)

        present = self._unpacked(tree, "rgb", self.buildings[split])
        folders = ((name, self._folder(tree, domain, name)) for name in present)
        return Labelled([v for name, folder in folders for v in views(folder, name, end)], file)

    def reader(self) -> "TaskonomyReader":
        tree = self.tree()
        present = self._unpacked(tree, "rgb", self._every_building())
        unknown = sorted(set(present) - set(self._unpacked(tree, CAMERA_DOMAIN, present)))
        if unknown and self.depth == "euclidean" and "depth" in self.reads:
            raise self.not_found(
                f"`{CAMERA_DOMAIN}` of every building, by which `depth_euclidean` becomes depth;"
                f" it lacks that of {some_of(unknown)}. Unpack it, or set `depth` to `zbuffer`"
            )
        camera = not unknown and CAMERA_TASK in self.reads
        return READERS[self.depth](self.root, tree, self.depth_range, camera)

    def tree(self) -> str:
        """The pattern of the tree in `root`: the one of four in which buildings have images."""
        buildings = self._every_building()
        found = [tree for tree in TREES if self._unpacked(tree, "rgb", buildings)]
        if not found:
            patterns = (tree.format(domain="rgb", building="<building>") for tree in TREES)
            raise self.not_found(
                f"the images of one of {len(buildings)} buildings (such as"
                f" {', '.join(buildings[:3])}) in a folder of the form {' or '.join(patterns)}"
            )
        if len(found) > 1:
            raise ValueError(
                f"`root` should hold one tree, found images in {len(found)} forms in"
                f" `{self.root}`: {', '.join(found)}."
                " Move all buildings into one of them."
            )
        return found[0]

    def _every_building(self) -> list[str]:
        return sorted(set().union(*self.buildings.values()))

    def _unpacked(self, tree: str, domain: str, buildings: Sequence[str]) -> list[str]:
        """Those of the buildings of which a domain is there."""
        return [name for name in buildings if self._folder(tree, domain, name).is_dir()]

    def _folder(self, tree: str, domain: str, building: str) -> Path:
        return self.root / tree.format(domain=domain, building=building)
