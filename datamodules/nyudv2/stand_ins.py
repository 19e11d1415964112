"""The forms in which drawn scenes can stand in for NYUDv2; the first is the authors' own."""

from datamodules.nyudv2.layout import NYUDv2Arrays, NYUDv2Images
from datamodules.nyudv2.layout_class13 import NYUDv2Class13
from datamodules.nyudv2.layout_official import OfficialNYUDv2
from datamodules.writing.layout import Layout

LAYOUTS: tuple[Layout, ...] = (
    OfficialNYUDv2(),
    NYUDv2Arrays(),
    NYUDv2Images(),
    NYUDv2Class13(),
)
