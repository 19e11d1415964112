"""ONNX: a network for programs without this package, in one file with the weights inside."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.inference.baked import InferenceForm
from vtagml.inference.torch_export_file import FORMAT, INPUT, traced

LARGEST = 2**31  # of a protocol buffer
NOISY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


def onnx_file(form: InferenceForm, about: Mapping[str, object], batch: int | None) -> bytes:
    """Returns the content of a file.

    Args:
        form: The network.
        about: What a reader of the file should know; `metadata_props` have it, each in JSON.
        batch: How many images it takes at once; None for any number.
    """
    _extra("onnxscript")
    made: Any = torch.onnx.export(
        traced(form, batch),
        dynamo=True,
        verbose=False,
        input_names=[INPUT],
        output_names=list(form.tasks),
    )
    proto = made.model_proto
    _extra("onnx").helper.set_model_props(
        proto, {key: json.dumps(value) for key, value in about.items()}
    )
    if proto.ByteSize() >= LARGEST:
        raise ValueError(
            f"`--to onnx` writes files below {LARGEST} bytes, found {proto.ByteSize()}: take "
            "`--to torch_export`."
        )
    content: bytes = proto.SerializeToString()
    return content


def run_onnx(
    content: bytes, images: Sequence[Float[Tensor, "_ 3 height width"]]
) -> Iterator[dict[str, Tensor]]:
    """Yields what a file's network finds in batches of images."""
    runtime = _extra("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    for image in images:
        arrays = session.run(names, {INPUT: image.numpy()})
        yield {name: torch.from_numpy(a) for name, a in zip(names, arrays, strict=True)}


def is_onnx(path: Path) -> bool:
    """Whether a file is one of these."""
    try:
        proto = _extra("onnx").ModelProto.FromString(path.read_bytes())
    except (OSError, import_module("google.protobuf.message").DecodeError):
        return False
    said = {each.key: each.value for each in proto.metadata_props}
    return said.get("format") == json.dumps(FORMAT)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps what exporters tell of themselves from the standard output and the log."""
    loggers = [logging.getLogger(name) for name in NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _extra(package: str) -> Any:
    """Returns a package of the extra `export`."""
    if find_spec(package) is None:
        raise ValueError(
            f"`--to onnx` needs the package {package}, which is not installed: "
            'pip install "vtagml[export]".'
        )
    return import_module(package)
