"""The one room that knows timm: architectures, stages, freezing and loading of weights.

A backbone turns an image with values in [0, 1] into four feature maps at strides 4, 8, 16 and 32.
Those whose blocks an adapter can sit on (`StagedBackbone`: Swin, Swin V2, ViT) also show their
stem, stages and blocks.
"""

from vtagml.backbone.backbone import LEVELS, STRIDES, Backbone
from vtagml.backbone.pyramids import FocalNet, PVTv2
from vtagml.backbone.staged import Stage, StagedBackbone
from vtagml.backbone.swin import SHIPPED, Swin, SwinV2, SwinV2Nano
from vtagml.backbone.timm_backbone import HUB, TimmBackbone
from vtagml.backbone.vit import ViT
from vtagml.backbone.weights import differing_keys, load_weights

__all__ = [
    "HUB",
    "LEVELS",
    "SHIPPED",
    "STRIDES",
    "Backbone",
    "FocalNet",
    "PVTv2",
    "Stage",
    "StagedBackbone",
    "Swin",
    "SwinV2",
    "SwinV2Nano",
    "TimmBackbone",
    "ViT",
    "differing_keys",
    "load_weights",
]
