"""Procedural scenes with exact labels: rooms, streets, photos, and single objects.

A scene is a camera, a light, planes and stretched solids. Rays are met with solids analytically,
so that depth, normals and classes are exact and come at about a hundred images a second per core,
with NumPy alone. Everything is drawn from the generator that is passed in, and all that decides
the layout is drawn before anything that depends on the size of the image: the same seed gives
the same scene in any process and at any size.
"""

from datamodules.rendering.frame import Frame
from datamodules.rendering.looks import DAY, DUSK, LOOKS, Look
from datamodules.rendering.objects import COLOURS, MATERIALS, ObjectKind, ObjectView, object_view
from datamodules.rendering.photo import PHOTO_CLASSES, photo
from datamodules.rendering.room import ROOM_CLASSES, room
from datamodules.rendering.sceneries import SCENERIES
from datamodules.rendering.shapes import SHAPES
from datamodules.rendering.street import STREET_CLASSES, street

__all__ = [
    "COLOURS",
    "DAY",
    "DUSK",
    "LOOKS",
    "MATERIALS",
    "PHOTO_CLASSES",
    "ROOM_CLASSES",
    "SCENERIES",
    "SHAPES",
    "STREET_CLASSES",
    "Frame",
    "Look",
    "ObjectKind",
    "ObjectView",
    "object_view",
    "photo",
    "room",
    "street",
]
