"""The families of scenes, by name."""

from collections.abc import Mapping

from datamodules.rendering.frame import Scenery
from datamodules.rendering.photo import photo
from datamodules.rendering.room import room
from datamodules.rendering.street import street

SCENERIES: Mapping[str, Scenery] = {"room": room, "street": street, "photo": photo}
