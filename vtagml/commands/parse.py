"""How a command checks words without running them."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

Parse: TypeAlias = Callable[[Sequence[str]], Any]
"""Checks the words of an experiment and returns its config; builds nothing."""
