"""What trained, without the frozen backbone: a small file that names the backbone it belongs to."""

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from vtagml.backbone import Backbone, differing_keys
from vtagml.digests import digest_of
from vtagml.experts import Router
from vtagml.network import MultitaskNetwork

FORMAT = "vtagml adapters 1"
SHOWN = 12  # digits of a digest in a message


def packed_adapters(network: MultitaskNetwork) -> bytes:
    """Returns the parameters that train and the state beside the backbone, as safetensors.

    The metadata say which backbone they belong to: its architecture and a digest of what is frozen
    of it. Of a backbone that trains in part, what trains is there and the rest is in the digest.
    """
    frozen = frozen_names(network)
    kept = {
        name: value.detach().cpu().clone().contiguous()
        for name, value in network.state_dict().items()
        if name not in frozen
    }
    tasks = json.dumps(list(network.encoder.tasks))
    described = {"format": FORMAT, "tasks": tasks, **identity(network)}
    return save(kept, metadata=described)


def load_adapters(network: MultitaskNetwork, path: Path) -> None:
    """Loads what `packed_adapters` returned into a network with the same backbone and tasks."""
    described, weights = _read(path)
    mine = identity(network)
    if any(described.get(key) != value for key, value in mine.items()):
        raise ValueError(
            f"`{path}` was trained on the backbone {_named(described)}, this network has "
            f"{_named(mine)}: adapters mean nothing on another backbone. Give the architecture and "
            "the weights that the file was trained with, and of experts the clustering."
        )
    tasks = list(network.encoder.tasks)
    if json.loads(described["tasks"]) != tasks:
        raise ValueError(
            f"`{path}` has the tasks {json.loads(described['tasks'])}, this network {tasks}: they "
            "must be the same, in the same order."
        )
    state = network.state_dict()
    frozen = frozen_names(network)
    expected = {name: value for name, value in state.items() if name not in frozen}
    problems = list(differing_keys(expected, weights))
    if problems:
        raise ValueError(
            f"`{path}` does not fit this network: {len(problems)} differences, first "
            f"{'; '.join(problems[:8])}. Give the config that it was trained with."
        )
    network.load_state_dict(weights, strict=False)


def frozen_names(network: MultitaskNetwork) -> set[str]:
    """Returns the names in the state dict of what is frozen of the backbones."""
    names: set[str] = set()
    for prefix, module in network.named_modules():
        if isinstance(module, Backbone):
            dot = f"{prefix}." if prefix else ""
            training = {
                name for name, parameter in module.named_parameters() if parameter.requires_grad
            }
            parameters = {name for name, _ in module.named_parameters(remove_duplicate=False)}
            buffers = module.state_dict().keys() - parameters
            moved = {
                f"{name}.{buffer}"
                for name, router in module.named_modules()
                if isinstance(router, Router)
                for buffer, _ in router.named_buffers()
            }
            still = (parameters - training) | (buffers - moved if module.frozen else set())
            names |= {dot + name for name in still}
    return names & network.state_dict().keys()


def identity(network: MultitaskNetwork) -> dict[str, str]:
    """Returns the architecture of the backbone, and a digest of the weights that are frozen."""
    state = network.state_dict()
    digest = digest_of({name: state[name] for name in frozen_names(network)})
    backbones = (module for module in network.modules() if isinstance(module, Backbone))
    names = (str(getattr(each, "architecture", type(each).__name__)) for each in backbones)
    architectures = dict.fromkeys(names)  # copies of one, a task each
    return {"architecture": ", ".join(architectures), "backbone": digest}


def _named(described: dict[str, str]) -> str:
    digest = described.get("backbone", "unknown")[:SHOWN]
    return f"`{described.get('architecture', 'unknown')}` (frozen weights {digest})"


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise FileNotFoundError(f"Adapters should be a file, found no file `{path}`.")
    try:
        with safe_open(path, "pt") as file:
            described = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"`{path}` is not whole, or no safetensors file ({error}).") from error
    if described.get("format") != FORMAT:
        raise ValueError(
            f"`{path}` should be adapters written by `lightning export`, found "
            f"{described.get('format', 'safetensors without a word on what they are')}."
        )
    return described, weights
