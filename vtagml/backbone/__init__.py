"""The one room that knows timm: architectures, stages, freezing and loading of weights.

A backbone turns an image with values in [0, 1] into four feature maps at strides 4, 8, 16 and 32.
Those in whose blocks something else can stand (`StagedBackbone`: Swin, Swin V2, ViT) have one walk
over stages and blocks, which calls what stands at a place.
"""

from vtagml.backbone.backbone import LEVELS, STRIDES, Backbone
from vtagml.backbone.checkpointing import recomputed
from vtagml.backbone.places import Place
from vtagml.backbone.plain import PlainNetwork
from vtagml.backbone.pyramids import FocalNet, PVTv2
from vtagml.backbone.staged import Stage, StagedBackbone, staged
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
    "Place",
    "PlainNetwork",
    "Stage",
    "StagedBackbone",
    "Swin",
    "SwinV2",
    "SwinV2Nano",
    "TimmBackbone",
    "ViT",
    "differing_keys",
    "load_weights",
    "recomputed",
    "staged",
]
