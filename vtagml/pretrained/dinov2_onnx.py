"""The body of DINOv2 in a network written as ONNX from Hugging Face's, in timm's names."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

BODY = "backbone"
# Initialisers that the export left their names, by what timm calls them in a block.
NAMED = {
    "norm1.weight": "norm1.weight",
    "norm1.bias": "norm1.bias",
    "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
    "attn.proj.bias": "attention.output.dense.bias",
    "ls1.gamma": "layer_scale1.lambda1",
    "ls2.gamma": "layer_scale2.lambda1",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.bias": "mlp.fc2.bias",
}
# Matrices are constants without a name; the node that multiplies by one says which it is.
MULTIPLIED = {
    "attn.proj.weight": "attention/output/dense",
    "mlp.fc1.weight": "mlp/fc1",
    "mlp.fc2.weight": "mlp/fc2",
}
PROJECTIONS = ("query", "key", "value")  # timm stacks them in this order


def dinov2_body(path: Path) -> dict[str, Tensor]:
    """Reads the weights of a DINOv2 out of an ONNX file; what else the file holds is passed over.

    Args:
        path: The file. Linear layers are matrix products there, so their weights are transposed.
    """
    graph = _graph(path)
    named, of_node = _initialisers(graph)
    class_position, positions = _positions(graph, named)
    weights = {
        "cls_token": named[f"{BODY}.embeddings.cls_token"],
        "pos_embed": torch.cat([class_position, positions], dim=1),
        "patch_embed.proj.weight": named[f"{BODY}.embeddings.patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": named[f"{BODY}.embeddings.patch_embeddings.projection.bias"],
        "norm.weight": named[f"{BODY}.layernorm.weight"],
        "norm.bias": named[f"{BODY}.layernorm.bias"],
    }
    block = 0
    while f"{BODY}.encoder.layer.{block}.norm1.weight" in named:
        for key, value in _block(block, named, of_node):
            weights[f"blocks.{block}.{key}"] = value
        block += 1
    return {key: value.contiguous() for key, value in weights.items()}


def _block(
    block: int, named: Mapping[str, Tensor], of_node: Mapping[str, Tensor]
) -> Iterator[tuple[str, Tensor]]:
    name, node = f"{BODY}.encoder.layer.{block}", f"/{BODY}/encoder/layer.{block}"
    for key, source in NAMED.items():
        yield key, named[f"{name}.{source}"]
    for key, source in MULTIPLIED.items():
        yield key, of_node[f"{node}/{source}/MatMul"].T
    matrices = [of_node[f"{node}/attention/attention/{each}/MatMul"].T for each in PROJECTIONS]
    biases = [named[f"{name}.attention.attention.{each}.bias"] for each in PROJECTIONS]
    yield "attn.qkv.weight", torch.cat(matrices)
    yield "attn.qkv.bias", torch.cat(biases)


def _graph(path: Path) -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ValueError(
            "These weights are read from an ONNX file, for which the package `onnx` is needed: "
            "`pip install 'vtagml[export]'`."
        ) from error
    return onnx.load(str(path)).graph


def _initialisers(graph: Any) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Returns the constants by their names, and matrices by the node that multiplies by them."""
    from onnx.numpy_helper import to_array

    named = {each.name: torch.from_numpy(to_array(each).copy()) for each in graph.initializer}
    of_node = {
        node.name: named[source]
        for node in graph.node
        if node.op_type == "MatMul"
        for source in node.input
        if source in named
    }
    return named, of_node


def _positions(graph: Any, named: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Returns the position of the class token and those of the patches.

    The export cut them apart to resample the second: two nameless constants of the embeddings.
    """
    width = named[f"{BODY}.embeddings.cls_token"].shape[-1]
    tables = [
        named[source]
        for node in graph.node
        if node.name.startswith(f"/{BODY}/embeddings/")
        for source in node.input
        if source.startswith("onnx::") and source in named and named[source].shape[-1:] == (width,)
    ]
    tables.sort(key=lambda table: table.shape[1])
    return tables[0], tables[-1]
