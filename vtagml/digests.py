"""What weights are, in a few letters."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest_of(weights: Mapping[str, Tensor]) -> str:
    """Returns the SHA-256 of names, types, shapes and numbers, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        value = weights[name].detach().cpu()
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
