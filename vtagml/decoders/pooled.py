"""Linear decoders of a whole image: classification and linear probes."""

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from vtagml.decoders.decoder import LEVELS, Decoder, checked_channels, positive, small
from vtagml.decoders.maps import Map, Scores


class PooledLinear(Decoder):
    """Scores of a whole image: global average of one level, LayerNorm, linear layer.

    The map has no height and width: it is `[batch, outputs]`, whatever the image's size.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Number of scores.
        level: Which level is pooled, 0 (stride 4) to 3 (stride 32).
    """

    def __init__(self, channels: Sequence[int], outputs: int, level: int = 3) -> None:
        if not 0 <= level < LEVELS:
            raise ValueError(f"`level` must be 0 (stride 4) to 3 (stride 32), found {level}.")
        super().__init__(channels, outputs, features=checked_channels(channels)[level])
        self.level = level
        self.norm: nn.Module = nn.LayerNorm(self.features)

    def trunk(self, pyramid: list[Map]) -> Float[Tensor, "batch channels"]:
        normalised: Tensor = self.norm(pyramid[self.level].mean(dim=(2, 3)))
        return normalised

    def make_head(self, outputs: int) -> nn.Module:
        return small(nn.Linear(self.features, positive(outputs, "outputs")))

    def finish(self, scores: Scores, size: tuple[int, int]) -> Scores:
        return scores


class SummaryLinear(PooledLinear):
    """Scores of a whole image from the backbone's own summary of it: ViT's class token.

    Args:
        channels: Channels of the four levels, finest first.
        outputs: Number of scores.
    """

    reads_summary = True

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__(channels, outputs)

    @property
    def plain_head(self) -> nn.Linear | None:
        unchanged = isinstance(self.norm, nn.Identity)  # of a sibling
        return self.head if unchanged and isinstance(self.head, nn.Linear) else None

    def trunk(self, pyramid: list[Float[Tensor, "batch ..."]]) -> Float[Tensor, "batch channels"]:
        if len(pyramid) == LEVELS:
            raise ValueError(
                "`decoder` SummaryLinear needs a backbone that sums up the image in a token, such "
                "as ViT, found none: use PooledLinear."
            )
        normalised: Tensor = self.norm(pyramid[LEVELS])
        return normalised


class PlainSummaryLinear(SummaryLinear):
    """Scores of a whole image by one linear layer on the summary as the backbone gives it.

    ViT's class token passed the backbone's final norm; no other stands in front of the layer, so
    the decoder has C·K + K parameters, as papers on transfer count them.

    Args:
        channels: Channels C of the four levels, finest first.
        outputs: Number of scores K.
    """

    def __init__(self, channels: Sequence[int], outputs: int) -> None:
        super().__init__(channels, outputs)
        self.norm = nn.Identity()
