"""What the numbers of a network are there for: how many train, are stored, are deployed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from torch import nn

from vtagml.backbone import Backbone
from vtagml.decoders import Decoder
from vtagml.decoders import Shared as SharedTrunk
from vtagml.of_tasks import OfGroups, OfTasks, RowsOfTasks

DEPTH = 2  # Encoder and decoders, and what they consist of.


class Role(StrEnum):
    """What a parameter is there for; it follows from where it stands, never from its name."""

    BACKBONE = "backbone frozen"
    SHARED = "tuning shared"
    PER_TASK = "tuning per task"
    DECODER = "decoder"
    HEAD = "head"


Key = tuple[str, Role]
"""A part of a network, and a role that parameters have in it."""


@dataclass(frozen=True)
class Count:
    """How many numbers.

    Attributes:
        trained: Change in training.
        stored: Are kept while it trains, frozen ones among them.
        deployed: Are left in the form for inference; None where that is not known.
    """

    trained: int = 0
    stored: int = 0
    deployed: int | None = 0

    def __add__(self, other: "Count") -> "Count":
        known = self.deployed is not None and other.deployed is not None
        return Count(
            self.trained + other.trained,
            self.stored + other.stored,
            (self.deployed or 0) + (other.deployed or 0) if known else None,
        )


def counts(network: nn.Module, deployed: nn.Module | None = None) -> dict[Key, Count]:
    """Counts a network by part and role, every parameter once however many modules share it.

    What merges is deployed as what it is merged into: a low-rank product leaves numbers of the
    backbone, or of a task where every task has a matrix of its own then. Constants that take the
    place of what computed them are counted, too.

    Args:
        network: Encoder and decoders, as it trains.
        deployed: Its form for inference, `vtagml.inference.baked`.
    """
    roles = roles_of(network)
    unknown = 0 if deployed is not None else None
    found: dict[Key, Count] = {}
    for part, name, parameter in parameters_of(network):
        trained = parameter.numel() if parameter.requires_grad else 0
        count = Count(trained, parameter.numel(), unknown)
        found[part, roles[name]] = found.get((part, roles[name]), Count(deployed=unknown)) + count
    for key, number in _deployed(network, deployed, roles) if deployed is not None else ():
        found[key] = found.get(key, Count()) + Count(deployed=number)
    return found


def of_roles(counted: Mapping[Key, Count]) -> dict[Role, Count]:
    """Adds the parts of each role up; all roles are there."""
    known = all(count.deployed is not None for count in counted.values())
    start = Count(deployed=0 if known else None)
    return {
        role: sum((count for (_, own), count in counted.items() if own is role), start)
        for role in Role
    }


def roles_of(network: nn.Module) -> dict[str, Role]:
    """The role of every parameter, by each of its names."""
    decoders = getattr(network, "decoders", nn.Module())
    heads = _ids(*_heads(decoders))
    decoding = _ids(decoders)
    own = of_some_tasks(network)
    backbones = (module for module in network.modules() if isinstance(module, Backbone))
    backbone = _ids(*backbones)

    def role(parameter: nn.Parameter) -> Role:
        if id(parameter) in decoding:
            return Role.HEAD if id(parameter) in heads else Role.DECODER
        if id(parameter) in own:
            return Role.PER_TASK
        frozen = not parameter.requires_grad and id(parameter) in backbone
        return Role.BACKBONE if frozen else Role.SHARED

    named = network.named_parameters(remove_duplicate=False)
    return {name: role(parameter) for name, parameter in named}


def of_some_tasks(network: nn.Module) -> set[int]:
    """Ids of the parameters that belong to a task or to some, but not to all of them.

    What all tasks have in their modules, as the frozen weights of `Separate`, is shared.
    """
    own: set[int] = set()
    for module in network.modules():
        if isinstance(module, RowsOfTasks) and len(module.tasks) > 1:
            own.add(id(module.rows))
        elif isinstance(module, OfTasks):
            holders = Counter(number for each in module.values() for number in _ids(each))
            own.update(number for number, times in holders.items() if times < len(module))
        elif isinstance(module, OfGroups):
            own |= _ids(*module.of_some())
    return own


def shared_by_all(network: nn.Module) -> list[nn.Parameter]:
    """What trains and belongs to all tasks: the encoder's, and a trunk that decoders share."""
    own = of_some_tasks(network)
    return [each for each in network.parameters() if each.requires_grad and id(each) not in own]


def parameters_of(network: nn.Module) -> Iterator[tuple[str, str, nn.Parameter]]:
    """Every parameter once: the part that has it, of several the first; its name; itself."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for part, owner, recurse in parts(network):
        for parameter in owner.parameters(recurse=recurse):
            if name := names.pop(id(parameter), None):
                yield part, name, parameter


def parts(
    module: nn.Module, name: str = "", depth: int = DEPTH
) -> Iterator[tuple[str, nn.Module, bool]]:
    """The parts of a network by name, and whether what is below a part belongs to it, too.

    Parts are the children of its children; a `ModuleDict` counts as no level, so that decoders in
    one are listed by task.
    """
    children = list(module.named_children())
    if depth == 0 or not children:
        yield name or "network", module, True
        return
    yield name or "network", module, False  # What it holds itself, beside its children.
    for child_name, child in children:
        container = isinstance(child, nn.ModuleDict)
        # `decoders.decoders.depth` says no more than `decoders.depth`.
        repeated = container and child_name == name.rpartition(".")[2]
        path = name if repeated else f"{name}.{child_name}" if name else child_name
        yield from parts(child, path, depth if container else depth - 1)


def _deployed(
    network: nn.Module, deployed: nn.Module, before: Mapping[str, Role]
) -> Iterator[tuple[Key, int]]:
    now = roles_of(deployed)
    for part, name, parameter in parameters_of(deployed):
        yield (part, before.get(name, now[name])), parameter.numel()
    # A buffer that was not there is what the tasks' embeddings decide, computed once.
    known = {name for name, _ in network.named_buffers()}
    constants = {id(own): own for name, own in deployed.named_buffers() if name not in known}
    for part, owner, recurse in parts(deployed):
        for buffer in owner.buffers(recurse=recurse):
            if constants.pop(id(buffer), None) is not None:
                yield (part, Role.PER_TASK), buffer.numel()


def _heads(decoders: nn.Module) -> Iterator[nn.Module]:
    for module in decoders.modules():
        if isinstance(module, Decoder):
            yield module.head
        elif isinstance(module, SharedTrunk):
            yield module.heads


def _ids(*modules: nn.Module) -> set[int]:
    return {id(parameter) for module in modules for parameter in module.parameters()}
