"""Activation checkpointing: what the backward computes again need not be kept until then."""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

Run = Callable[..., Any]
"""Takes a layer and its inputs, returns its output."""


def straight(layer: Callable[..., Any], *inputs: Any) -> Any:
    """Runs a layer; its activations are kept for the backward."""
    return layer(*inputs)


def recomputed(layer: Callable[..., Any], *inputs: Any) -> Any:
    """Runs a layer, and again in the backward: only its inputs are kept."""
    if not torch.is_grad_enabled():
        return layer(*inputs)
    # The reentrant kind would leave out a layer none of whose inputs requires a gradient: the
    # first one behind a frozen network.
    return checkpoint(layer, *inputs, use_reentrant=False)
