"""A tiny DINOv2 in the names that Hugging Face's exporter gives, written here by hand."""

from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor

from vtagml.pretrained.dinov2_onnx import dinov2_body

WIDTH, BLOCKS = 8, 2


def network() -> VisionTransformer:
    model = VisionTransformer(
        img_size=28, patch_size=14, embed_dim=WIDTH, depth=BLOCKS, num_heads=2, init_values=0.1,
        num_classes=0,
    )  # fmt: skip
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model.eval()


def constant(name: str, value: Tensor) -> TensorProto:
    return numpy_helper.from_array(value.detach().contiguous().numpy(), name)


def exported(model: VisionTransformer, path: Path) -> None:
    """Writes constants and the nodes that use the nameless ones; what lies between is left out."""
    constants, nodes = [], []

    def nameless(kind: str, node: str, value: Tensor) -> None:
        name = f"onnx::{kind}_{len(constants)}"
        constants.append(constant(name, value))
        nodes.append(helper.make_node(kind, ["hidden", name], [f"{node}_out"], name=node))

    body = "/backbone/embeddings"
    nameless("Concat", f"{body}/Concat_6", model.pos_embed[:, :1])
    nameless("Reshape", f"{body}/Reshape_1", model.pos_embed[:, 1:])
    for name, value in (
        ("backbone.embeddings.cls_token", model.cls_token),
        ("backbone.embeddings.patch_embeddings.projection.weight", model.patch_embed.proj.weight),
        ("backbone.embeddings.patch_embeddings.projection.bias", model.patch_embed.proj.bias),
        ("backbone.layernorm.weight", model.norm.weight),
        ("backbone.layernorm.bias", model.norm.bias),
        ("decoder.final_conv.weight", torch.zeros(1, 64, 1, 1)),  # another network's head
    ):
        constants.append(constant(name, value))
    for number, block in enumerate(model.blocks):
        name, node = f"backbone.encoder.layer.{number}", f"/backbone/encoder/layer.{number}"
        parts = dict(zip(("query", "key", "value"), block.attn.qkv.weight.chunk(3), strict=True))
        biases = dict(zip(parts, block.attn.qkv.bias.chunk(3), strict=True))
        for part in ("key", "value", "query"):  # the exporter's order is not timm's
            nameless("MatMul", f"{node}/attention/attention/{part}/MatMul", parts[part].T)
            constants.append(constant(f"{name}.attention.attention.{part}.bias", biases[part]))
        nameless("MatMul", f"{node}/attention/output/dense/MatMul", block.attn.proj.weight.T)
        nameless("MatMul", f"{node}/mlp/fc1/MatMul", block.mlp.fc1.weight.T)
        nameless("MatMul", f"{node}/mlp/fc2/MatMul", block.mlp.fc2.weight.T)
        for source, value in (
            ("norm1.weight", block.norm1.weight),
            ("norm1.bias", block.norm1.bias),
            ("norm2.weight", block.norm2.weight),
            ("norm2.bias", block.norm2.bias),
            ("attention.output.dense.bias", block.attn.proj.bias),
            ("layer_scale1.lambda1", block.ls1.gamma),
            ("layer_scale2.lambda1", block.ls2.gamma),
            ("mlp.fc1.bias", block.mlp.fc1.bias),
            ("mlp.fc2.bias", block.mlp.fc2.bias),
        ):
            constants.append(constant(f"{name}.{source}", value))
    graph = helper.make_graph(nodes, "network", [], [], constants)
    onnx.save(helper.make_model(graph), str(path))


def test_the_body_is_timm_s_network_again(tmp_path: Path) -> None:
    model = network()
    exported(model, tmp_path / "network.onnx")
    found = dinov2_body(tmp_path / "network.onnx")
    expected = model.state_dict()
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    image = torch.rand(1, 3, 28, 28)
    read = network()
    read.load_state_dict(found)
    assert torch.equal(read(image), model(image))


def test_without_onnx_the_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ValueError, match=r"`pip install 'vtagml\[export\]'`"):
        dinov2_body(tmp_path / "network.onnx")
