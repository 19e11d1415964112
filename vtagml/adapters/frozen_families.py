"""Which class of frozen block belongs to which block of timm."""

from timm.models.swin_transformer import SwinTransformerBlock
from timm.models.swin_transformer_v2 import SwinTransformerV2Block
from timm.models.vision_transformer import Block as ViTBlock
from torch import nn

from vtagml.adapters.frozen_block import FrozenBlock
from vtagml.adapters.frozen_swin_block import FrozenSwinBlock, FrozenSwinV2Block
from vtagml.adapters.frozen_vit_block import FrozenViTBlock
from vtagml.backbone import StagedBackbone


def frozen_block(backbone: StagedBackbone, block: nn.Module) -> FrozenBlock:
    """Returns the block in the class of its family."""
    families: dict[type, type[FrozenBlock]] = {
        SwinTransformerV2Block: FrozenSwinV2Block,
        SwinTransformerBlock: FrozenSwinBlock,
        ViTBlock: FrozenViTBlock,
    }
    family = families.get(type(block))
    if family is None:
        known = ", ".join(each.__name__ for each in families)
        raise ValueError(
            f"`backbone` must be made of blocks that adapters know ({known} of timm), found "
            f"{type(block).__name__} in `{backbone.architecture}`: choose another architecture."
        )
    return family(backbone, block)
