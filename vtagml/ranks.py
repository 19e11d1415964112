"""What all ranks know together."""

import torch.distributed
from torch import Tensor


def distributed() -> bool:
    """Whether this process is one of several ranks."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def sum_of_ranks(values: Tensor) -> Tensor:
    """The sum over the ranks, of the same bits on each; the values themselves of one process.

    Every rank has to call it.
    """
    if not distributed():
        return values
    total = values.clone()
    torch.distributed.all_reduce(total)
    return total


def mean_of_ranks(values: Tensor) -> Tensor:
    """The mean over the ranks; the values themselves of one process."""
    if not distributed():
        return values
    return sum_of_ranks(values) / torch.distributed.get_world_size()
