"""Sums over windows of an image, at each of their places."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Windows(nn.Module):
    """A grid of places, cut into as many rows as columns of windows.

    Args:
        grid: Rows and columns of the places.
        count: How many windows: a square number.
    """

    member: Tensor

    def __init__(self, grid: tuple[int, int], count: int) -> None:
        super().__init__()
        side = round(count**0.5)
        if side**2 != count or not 1 <= side <= min(grid):
            raise ValueError(
                f"`windows` must be a square number from 1 to {min(grid) ** 2} for {grid[0]} x "
                f"{grid[1]} patches, found {count}."
            )
        rows, columns = (torch.arange(length) * side // length for length in grid)
        numbers = (rows[:, None] * side + columns).flatten()
        self.register_buffer("member", torch.eye(count)[numbers], persistent=False)

    def forward(
        self,
        weights: Float[Tensor, "batch task place"],
        tokens: Float[Tensor, "batch place channels"],
    ) -> Float[Tensor, "batch task place channels"]:
        """Returns at every place the weighted sum of the tokens of its window."""
        member = self.member.to(tokens)
        sums = torch.einsum("btn,bnd,nh->bthd", weights, tokens, member)
        return torch.einsum("bthd,nh->btnd", sums, member)
