"""The task's term A' in the attention logits, in three layouts, or none."""

from abc import ABC, abstractmethod
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from vtagml.adapters.film import Embeddings, FiLM
from vtagml.adapters.frozen_block import FrozenBlock

Modulated: TypeAlias = Float[Tensor, "task heads height width *columns"]
Laid: TypeAlias = Float[Tensor, "task heads tokens tokens"]


class AttentionBias(nn.Module, ABC):
    """Makes the term that is added to the attention logits of each task."""

    @abstractmethod
    def forward(self, block: FrozenBlock, embeddings: Embeddings) -> Laid:
        """Returns A' of each task for the tokens of one window, the same for all heads if 1."""


class NoBias(AttentionBias):
    """No A': the attention is the frozen block's for every task. It has no parameters.

    Args:
        block: The block whose attention it enters.
        embedding: Width of the task embeddings.
    """

    def __init__(self, block: FrozenBlock, embedding: int) -> None:
        super().__init__()

    def forward(self, block: FrozenBlock, embeddings: Embeddings) -> Laid:
        tokens = block.window[0] * block.window[1]
        return block.beside_prefix(embeddings.new_zeros(len(embeddings), 1, tokens, tokens))


class ModulatedBias(AttentionBias):
    """Makes A'(ω_t) = A·(1 + γ(z_t)) + β(z_t) for each task, Eq. 3, Sec. 3.2.2.

    A and the generator of γ and β start at zero, so A' starts at exactly zero. A has the shape of
    the largest window of the backbone; a block whose window is smaller, because its map is, uses
    the upper left part, which holds the same distances between tokens. So A has the same shape
    for every image size.

    Note:
        The paper prints A·γ + β. With A and γ's generator at zero each one's gradient is the
        other: neither would ever leave zero.

    Args:
        block: The block whose attention it enters.
        embedding: Width of the task embeddings.
        heads: How many heads get an A' of their own; 1 for one that all share.
        columns: Shape of what a row of A attends to.
    """

    def __init__(
        self, block: FrozenBlock, embedding: int, heads: int, columns: tuple[int, ...]
    ) -> None:
        super().__init__()
        self.modulated = (heads, 1, 1, *columns)
        self.matrix = nn.Parameter(torch.zeros(heads, *block.nominal_window, *columns))
        self.film = FiLM(embedding, heads * torch.Size(columns).numel())

    def forward(self, block: FrozenBlock, embeddings: Embeddings) -> Laid:
        scale, shift = (each.view(-1, *self.modulated) for each in self.film(embeddings))
        return block.beside_prefix(self.lay_out(block, self.matrix * (1 + scale) + shift))

    @abstractmethod
    def lay_out(self, block: FrozenBlock, matrix: Modulated) -> Laid:
        """Returns the matrix fitted to the block's window, a row and a column per token."""


class BlockDiagonalBias(ModulatedBias):
    """A' within one row of the window only, shared by all heads: the form of the paper's slide.

    A is [h·w, w]: for each of the h·w tokens of a window its bias towards the w tokens of its own
    row; laid out as h blocks of w × w on the diagonal, zero elsewhere. γ and β have w entries.
    """

    def __init__(self, block: FrozenBlock, embedding: int, heads: int = 1) -> None:
        super().__init__(block, embedding, heads, (block.nominal_window[1],))

    def lay_out(self, block: FrozenBlock, matrix: Modulated) -> Laid:
        height, width = block.window
        fitted = block.fit(matrix, (height, width, width))
        diagonal = torch.eye(height, dtype=matrix.dtype, device=matrix.device)
        # [task, heads, row, column, row of the key, column of the key]
        blocks = fitted.unsqueeze(4) * diagonal.view(height, 1, height, 1)
        return blocks.flatten(4).flatten(2, 3)


class PerHeadBias(BlockDiagonalBias):
    """A block-diagonal A' of its own for every head."""

    def __init__(self, block: FrozenBlock, embedding: int) -> None:
        super().__init__(block, embedding, block.heads)


class FullBias(ModulatedBias):
    """A' between all tokens of a window, shared by all heads: the hw × hw of the text.

    A is [h·w, h·w]; γ and β have h·w entries.
    """

    def __init__(self, block: FrozenBlock, embedding: int) -> None:
        super().__init__(block, embedding, 1, block.nominal_window)

    def lay_out(self, block: FrozenBlock, matrix: Modulated) -> Laid:
        return block.fit(matrix, (*block.window, *block.window)).flatten(4).flatten(2, 3)
