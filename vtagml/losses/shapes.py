"""Names of the shapes that losses, metrics and tasks share."""

from typing import TypeAlias

from jaxtyping import Bool, Float, Int
from torch import Tensor

Maps: TypeAlias = Float[Tensor, "batch channels height width"]
Field: TypeAlias = Float[Tensor, "batch 1 height width"]
"""A number per pixel."""

Directions: TypeAlias = Float[Tensor, "batch 3 height width"]
Pictures: TypeAlias = Float[Tensor, "batch 3 height width"]
Ids: TypeAlias = Int[Tensor, "batch *size"]
Where: TypeAlias = Bool[Tensor, "batch 1 height width"]
Number: TypeAlias = Float[Tensor, ""]

Sums: TypeAlias = tuple[Number, Number]
"""A quantity summed over what is valid, and how much that is."""
