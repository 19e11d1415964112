"""`torch.export`: a network for programs that have torch and not this package."""

import json
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.inference.baked import InferenceForm

INPUT = "image"
ABOUT = "vtagml"
FORMAT = "vtagml network 1"


def traced(form: InferenceForm, batch: int | None) -> torch.export.ExportedProgram:
    """Returns a network as a graph for its size of image.

    Args:
        form: The network.
        batch: How many images it takes at once; None for any number.
    """
    image = torch.zeros(batch or 2, 3, *form.size)
    shapes = None if batch else {INPUT: {0: torch.export.Dim("batch")}}
    with torch.no_grad():
        # Not strict: the fork and the attention that runs once per task are plain Python.
        return torch.export.export(form, (image,), dynamic_shapes=shapes, strict=False)


def torch_export_file(form: InferenceForm, about: Mapping[str, object], batch: int | None) -> bytes:
    """Returns the content of a file; JSON in its extra file `vtagml` says what it is."""
    file = BytesIO()
    program = traced(form, batch)
    torch.export.save(program, file, extra_files={ABOUT: json.dumps(about)})
    return file.getvalue()


@torch.no_grad()
def run_torch_export(
    content: bytes, images: Sequence[Float[Tensor, "_ 3 height width"]]
) -> Iterator[dict[str, Tensor]]:
    """Yields what a file's network finds in batches of images."""
    network = torch.export.load(BytesIO(content)).module()
    for image in images:
        yield network(image)


def is_torch_export(path: Path) -> bool:
    """Whether a file is one of these."""
    try:
        with ZipFile(path) as file:
            (extra,) = (name for name in file.namelist() if name.endswith(f"/extra/{ABOUT}"))
            return bool(json.loads(file.read(extra))["format"] == FORMAT)
    except (OSError, BadZipFile, ValueError, KeyError, TypeError):
        return False
