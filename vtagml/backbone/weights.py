"""Loading of local weights, strictly: every difference is named."""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import timm
from safetensors import SafetensorError, safe_open
from timm.layers import resample_abs_pos_embed
from torch import Tensor, nn

GRID = "grid"  # of a file's metadata: rows and columns of the patches whose positions it has


def load_weights(model: nn.Module, path: str, unused: Sequence[str] = ()) -> None:
    """Loads a file of weights into a timm network, strictly.

    Args:
        model: The network.
        path: A safetensors file or a state dict saved by torch, in any layout that timm's own
            filter of this architecture understands.
        unused: Prefixes of keys that may be present and are passed over.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f"`weights` must be `hub`, null or a file, found no file `{path}`. Check the path; it "
            "is relative to the working directory. `lightning weights dinov2_small` fetches one "
            "that needs no hub."
        )
    try:
        found: Mapping[str, Tensor] = timm.models.load_state_dict(path, weights_only=True)
    except Exception as error:
        raise ValueError(
            f"`weights` file `{path}` could not be read ({error}). It must be safetensors or a "
            "state dict saved by torch.save, whole and without other objects."
        ) from error
    positions = _positions(model, found, Path(path))
    layout = import_module(type(model).__module__)
    if hasattr(layout, "checkpoint_filter_fn"):
        rest = {key: value for key, value in found.items() if key not in positions}
        found = layout.checkpoint_filter_fn(rest, model) | positions
    expected = model.state_dict()
    kept = {key: value for key, value in found.items() if not key.startswith(tuple(unused))}
    problems = list(differing_keys(expected, kept))
    if problems:
        raise ValueError(
            f"`weights` file `{path}` does not fit {type(model).__name__}: {len(problems)} "
            f"differences. " + "; ".join(problems)
        )
    model.load_state_dict({key: value.to(expected[key].dtype) for key, value in kept.items()})


def metadata_of(file: Path) -> Mapping[str, str]:
    """What a file of safetensors says of itself; nothing of any other."""
    try:
        with safe_open(file, "pt") as opened:
            return opened.metadata() or {}
    except (SafetensorError, OSError):
        return {}


def grid_of(model: nn.Module) -> dict[str, str]:
    """What the metadata of a file with positions of patches must say; nothing of other networks."""
    if getattr(model, "pos_embed", None) is None:
        return {}
    rows, columns = cast(Any, model).patch_embed.grid_size
    return {GRID: f"{rows} {columns}"}


def _positions(model: nn.Module, found: Mapping[str, Tensor], file: Path) -> dict[str, Tensor]:
    """The positions of a file that says their grid, on that of the network.

    timm takes them for those of a square, or of the size that the architecture is known for.
    """
    grid = metadata_of(file).get(GRID)
    if grid is None or "pos_embed" not in found or not grid_of(model):
        return {}
    network = cast(Any, model)
    prefix = 0 if network.no_embed_class else network.num_prefix_tokens
    moved = resample_abs_pos_embed(
        found["pos_embed"],
        new_size=list(network.patch_embed.grid_size),
        old_size=[int(side) for side in grid.split()],
        num_prefix_tokens=prefix,
    )
    return {"pos_embed": moved}


def differing_keys(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> Iterator[str]:
    """Yields a phrase for every key that is missing, unexpected or of another shape."""
    for key in sorted(expected.keys() | found.keys()):
        if key not in found:
            yield f"missing `{key}`"
        elif key not in expected:
            yield f"unexpected `{key}`"
        elif expected[key].shape != found[key].shape:
            yield (
                f"`{key}` must have shape {tuple(expected[key].shape)}, found "
                f"{tuple(found[key].shape)}"
            )
