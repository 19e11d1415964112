"""What belongs to a task is kept under its name, in the network and in its checkpoints."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from torch import Tensor, nn


class OfTasks(nn.ModuleDict):
    """A module for every task, under its name."""


class OfGroups(nn.ModuleDict):
    """A module for every group of tasks, under their names with a plus between them.

    Args:
        tasks: Names of all tasks.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.members: dict[str, tuple[str, ...]] = {}

    def of(self, group: Sequence[str]) -> nn.Module:
        """The module of a group, an empty one at first."""
        name = "+".join(group)
        if name not in self:
            self[name] = nn.Module()
            self.members[name] = tuple(group)
        return self[name]

    def of_some(self) -> Iterator[nn.Module]:
        """The modules of groups that do not have all tasks."""
        return (self[name] for name, own in self.members.items() if set(own) != set(self.tasks))

    def within(self, tasks: Collection[str]) -> Iterator[nn.Module]:
        """The modules of groups all of whose tasks are among some."""
        return (self[name] for name, own in self.members.items() if set(own) <= set(tasks))


class RowsOfTasks(nn.Module):
    """A tensor with a row for every task: one parameter, saved and loaded row by row.

    As one tensor it is what a matrix product over all tasks needs, and has one norm; in a state
    dict every row has the name of its task. Rows are vectors to an optimiser and do not decay: a
    scale would leave the one that it starts at, and the row of a task that is not taught would
    move.

    Args:
        tasks: Names of the tasks.
        rows: Where they start.
    """

    def __init__(self, tasks: Sequence[str], rows: Tensor) -> None:
        super().__init__()
        self.tasks = tuple(tasks)
        self.rows = nn.Parameter(rows)

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        rows = self.rows if keep_vars else self.rows.detach()
        for task, row in zip(self.tasks, rows, strict=True):
            destination[prefix + task] = row

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for task, row in zip(self.tasks, self.rows.detach(), strict=True):
            key = prefix + task
            if key not in state_dict:
                missing_keys.append(key)
            elif state_dict[key].shape != row.shape:
                error_msgs.append(
                    f"`{key}` must have shape {tuple(row.shape)}, found "
                    f"{tuple(state_dict[key].shape)}."
                )
            else:
                row.copy_(state_dict[key])
        if strict:
            own = {prefix + task for task in self.tasks}
            unexpected_keys += [
                key for key in state_dict if key.startswith(prefix) and key not in own
            ]


def modules_of(network: nn.Module, task: str) -> Iterator[nn.Module]:
    """The modules that belong to one task alone."""
    for module in network.modules():
        if isinstance(module, OfTasks):
            yield module[task]


def modules_within(network: nn.Module, tasks: Collection[str]) -> Iterator[nn.Module]:
    """The modules that belong to some tasks, or groups of them, and to no other."""
    for task in tasks:
        yield from modules_of(network, task)
    for module in network.modules():
        if isinstance(module, OfGroups):
            yield from module.within(tasks)


def keys_of(network: nn.Module, task: str) -> set[str]:
    """The keys of a network's state that belong to one task alone."""
    keys = set()
    for name, module in network.named_modules():
        if isinstance(module, OfTasks):
            keys |= {f"{name}.{task}.{key}" for key in module[task].state_dict()}
        elif isinstance(module, RowsOfTasks):
            keys.add(f"{name}.{task}")
    return keys
