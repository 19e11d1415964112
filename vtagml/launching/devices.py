"""What several runs at once share: the cores, and the GPUs where there are any."""

import os

import torch

THREADS = "OMP_NUM_THREADS"
GPUS = "CUDA_VISIBLE_DEVICES"


def environment(processes: int, place: int = 0) -> dict[str, str]:
    """Returns the variables of a run's process.

    Args:
        processes: How many are at work at once; one alone has all there is.
        place: Which of them this is, from 0.
    """
    variables = dict(os.environ)
    if processes > 1:
        variables.setdefault(THREADS, str(max(1, (os.cpu_count() or 1) // processes)))
        if own := gpus(processes, place):
            variables[GPUS] = ",".join(own)
    return variables


def gpus(processes: int, place: int) -> list[str]:
    """Returns the GPUs of one process of several; with fewer GPUs than processes some share one.

    Only those are given away that this process may use itself.
    """
    count = torch.cuda.device_count()
    if count == 0:
        return []
    given = os.environ.get(GPUS)
    names = given.split(",")[:count] if given else [str(number) for number in range(count)]
    names = [name.strip() for name in names]
    return names[place::processes] or [names[place % len(names)]]
