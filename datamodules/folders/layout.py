"""Scenes as folders of one's own: an example of the tree, to be replaced file by file."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from datamodules.edges import sobel_edges
from datamodules.predictions import Metres, Normals, Shares
from datamodules.rendering import ROOM_CLASSES
from datamodules.writing.layout import Encode, Layout, Place

CODES_PER_METRE = 1000


class Folders(Layout):
    """The tree that `datamodules.Folders` reads with its defaults, all files PNG.

    - `segmentation`: the class's place in the config's list, from 0 on.
    - `depth`: millimetres, 0 where unknown. `normals`: x right, y down, z into the scene.
    - `edges`: 16 bits. The rooms are seen by cameras of different fields, of which nothing is
      written.
    """

    word = "folders"
    form = "png"
    config = "folders_sdn"
    scenery = "room"
    size = (240, 320)
    ids: ClassVar[Mapping[str, int]] = {name: id for id, (name, _) in enumerate(ROOM_CLASSES)}

    def names(self, split: str, count: int) -> Sequence[str]:
        return [f"{number:04d}" for number in range(1, count + 1)]

    def files(self, place: Place) -> Mapping[str, Encode]:
        encoders: dict[str, Encode] = {
            "image": lambda frame: frame.image,
            "segmentation": self.class_ids,
            "depth": lambda frame: Metres(CODES_PER_METRE)(frame.depth),
            "normals": lambda frame: Normals()(frame.normals),
            "edges": lambda frame: Shares()(sobel_edges(frame.image)),
        }
        return {
            f"{place.split}/{folder}/{place.name}.png": encode
            for folder, encode in encoders.items()
        }
