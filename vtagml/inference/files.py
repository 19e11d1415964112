"""The two kinds of file that hold a network for programs without this package."""

import json
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO, StringIO
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from vtagml.inference.baked import InferenceForm

INPUT = "image"
ABOUT = "vtagml"
LARGEST_ONNX = 2**31  # of a protocol buffer
NOISY = ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")


class NetworkFile(ABC):
    """A kind of file: how a network is written to it, and run from it."""

    name: str
    suffix: str

    @abstractmethod
    def content(
        self,
        program: torch.export.ExportedProgram,
        tasks: Sequence[str],
        about: Mapping[str, object],
    ) -> bytes:
        """Returns the content of a file.

        Args:
            program: The network, traced.
            tasks: Names of its outputs.
            about: What a reader of the file should know, as JSON holds it.
        """

    @abstractmethod
    def run(
        self, content: bytes, images: Sequence[Float[Tensor, "_ 3 height width"]]
    ) -> Iterator[dict[str, Tensor]]:
        """Yields what a file's network finds in batches of images."""


class OnnxFile(NetworkFile):
    """ONNX, one file with the weights inside; `metadata_props`, each in JSON, say what it is."""

    name = "onnx"
    suffix = ".onnx"

    def content(
        self,
        program: torch.export.ExportedProgram,
        tasks: Sequence[str],
        about: Mapping[str, object],
    ) -> bytes:
        _extra("onnxscript")
        made: Any = torch.onnx.export(
            program, dynamo=True, verbose=False, input_names=[INPUT], output_names=list(tasks)
        )
        proto = made.model_proto
        _extra("onnx").helper.set_model_props(
            proto, {key: json.dumps(value) for key, value in about.items()}
        )
        if proto.ByteSize() >= LARGEST_ONNX:
            raise ValueError(
                f"`--to onnx` writes files below {LARGEST_ONNX} bytes, found {proto.ByteSize()}: "
                "take `--to torch_export`."
            )
        return proto.SerializeToString()

    def run(
        self, content: bytes, images: Sequence[Float[Tensor, "_ 3 height width"]]
    ) -> Iterator[dict[str, Tensor]]:
        runtime = _extra("onnxruntime")
        session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        for image in images:
            arrays = session.run(names, {INPUT: image.numpy()})
            yield {name: torch.from_numpy(a) for name, a in zip(names, arrays, strict=True)}


class TorchExportFile(NetworkFile):
    """`torch.export`, read by `torch.export.load`; JSON in its extra file `vtagml` says what."""

    name = "torch_export"
    suffix = ".pt2"

    def content(
        self,
        program: torch.export.ExportedProgram,
        tasks: Sequence[str],
        about: Mapping[str, object],
    ) -> bytes:
        file = BytesIO()
        torch.export.save(program, file, extra_files={ABOUT: json.dumps(about)})
        return file.getvalue()

    def run(
        self, content: bytes, images: Sequence[Float[Tensor, "_ 3 height width"]]
    ) -> Iterator[dict[str, Tensor]]:
        network = torch.export.load(BytesIO(content)).module()
        with torch.no_grad():
            for image in images:
                yield network(image)


NETWORK_FILES: Mapping[str, NetworkFile] = {
    kind.name: kind for kind in (OnnxFile(), TorchExportFile())
}


def traced(
    form: InferenceForm, size: tuple[int, int], dynamic_batch: bool
) -> torch.export.ExportedProgram:
    """Returns a network as a graph for one size of image, and one image or any number of them."""
    image = torch.zeros(2 if dynamic_batch else 1, 3, *size)
    shapes = {INPUT: {0: torch.export.Dim("batch")}} if dynamic_batch else None
    with torch.no_grad():
        # Not strict: the fork and the attention that runs once per task are plain Python.
        return torch.export.export(form, (image,), dynamic_shapes=shapes, strict=False)


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
