"""What all ranks know together."""

import torch
import torch.distributed
from torch import Tensor


def mean_of_ranks(values: Tensor) -> Tensor:
    """The mean over the ranks; the values themselves where no process group is initialised.

    Every rank has to call it.
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return values
    total = values.clone()
    torch.distributed.all_reduce(total)
    return total / torch.distributed.get_world_size()
