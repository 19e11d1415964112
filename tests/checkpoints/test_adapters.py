"""What trained goes to another run of the same backbone, and to no other."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from tests.fakes.backbones import TinySwin, TinySwinV2, awake
from tests.fakes.holes import small_decoders
from vtagml.affinity import TROA, Affinity, Uniform
from vtagml.backbone import StagedBackbone
from vtagml.checkpoints import load_adapters, packed_adapters
from vtagml.encoders import VTAGML, Separate, Shared
from vtagml.experts import RandomGroups, routers
from vtagml.network import EncoderOfTasks, MultitaskNetwork
from vtagml.tuning import BitFit, Frozen, MoEfiedLoRA

SIDE = 32
OUTPUTS = {"segmentation": 3, "depth": 1}


def swin(kind: type[StagedBackbone] = TinySwinV2, seed: int = 0) -> StagedBackbone:
    torch.manual_seed(seed)
    return awake(kind((SIDE, SIDE)))


def network(
    encoder: EncoderOfTasks | None = None,
    outputs: dict[str, int] = OUTPUTS,
    seed: int = 1,
    affinity: type[Affinity] = TROA,
) -> MultitaskNetwork:
    backbone = swin()
    torch.manual_seed(seed)
    return MultitaskNetwork(
        outputs,
        encoder or (lambda tasks: VTAGML(tasks, backbone)),
        small_decoders,
        affinity,
    )


def vtagml_on(backbone: StagedBackbone) -> MultitaskNetwork:
    return network(lambda tasks: VTAGML(tasks, backbone))


def test_another_run_predicts_the_same(tmp_path: Path) -> None:
    trained, other = network(seed=1).eval(), network(seed=2).eval()
    trained.affinity.log_weights.copy_(torch.tensor([[1.0, 0.0], [-0.5, 2.0]]))
    image = torch.rand(2, 3, SIDE, SIDE)
    assert not torch.equal(other(image)["depth"], trained(image)["depth"])
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    load_adapters(other, tmp_path / "a.safetensors")
    for task, expected in trained(image).items():
        assert torch.equal(other(image)[task], expected), task
    assert torch.equal(other.affinity.omega, trained.affinity.omega)


def test_nothing_frozen_is_in_the_file_and_nothing_else_is_missing(tmp_path: Path) -> None:
    trained = network()
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        names, described = set(file.keys()), file.metadata()
    assert not [name for name in names if name.startswith("encoder.backbone.")]
    training = {name for name, each in trained.named_parameters() if each.requires_grad}
    rows = {"encoder.embedding.rows"}  # which are kept under the names of their tasks
    assert training - rows <= names
    assert {f"encoder.embedding.{task}" for task in OUTPUTS} <= names
    assert {f"affinity.{name}" for name, _ in trained.affinity.named_buffers()} <= names
    assert described["architecture"] == "swinv2_tiny_window8_256"
    assert described["tasks"] == '["segmentation", "depth"]'
    assert len(described["backbone"]) == 64


def test_other_architecture_is_refused_with_both_names(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(network()))
    with pytest.raises(ValueError, match=r"`swinv2_tiny.*` .* `swin_tiny_patch4.*`"):
        load_adapters(vtagml_on(swin(TinySwin)), tmp_path / "a.safetensors")


def test_other_weights_are_refused_with_both_digests(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(network()))
    with pytest.raises(ValueError, match=r"weights ([0-9a-f]{12})\).* weights (?!\1)[0-9a-f]{12}"):
        load_adapters(vtagml_on(swin(seed=5)), tmp_path / "a.safetensors")


def test_one_changed_bit_of_the_backbone_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(network()))
    other = network()
    with torch.no_grad():
        weight = next(other.encoder.backbone.parameters()).view(-1)  # type: ignore[operator]
        weight[0] = weight[0].nextafter(torch.tensor(torch.inf))
    with pytest.raises(ValueError, match="mean nothing on another backbone"):
        load_adapters(other, tmp_path / "a.safetensors")


def test_other_tasks_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(network()))
    swapped = network(outputs={"depth": 1, "segmentation": 3})
    with pytest.raises(ValueError, match=r"\['segmentation', 'depth'\].*\['depth', 'segm"):
        load_adapters(swapped, tmp_path / "a.safetensors")


def test_other_method_is_refused_with_the_differences(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(network()))
    frozen = network(lambda tasks: Shared(tasks, swin(), Frozen()))
    with pytest.raises(ValueError, match=r"does not fit this network: .* unexpected `encoder"):
        load_adapters(frozen, tmp_path / "a.safetensors")


def test_backbone_that_trains_is_in_the_file(tmp_path: Path) -> None:
    def encoder(tasks: Sequence[str]) -> Shared:
        return Shared(tasks, swin())

    trained = network(encoder)
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        assert set(file.keys()) == set(trained.state_dict())


def test_what_trains_of_a_frozen_backbone_is_in_the_file(tmp_path: Path) -> None:
    trained, other = (network(lambda tasks: Shared(tasks, swin(), BitFit())) for _ in range(2))
    biases = [each for each in trained.encoder.backbone.parameters() if each.requires_grad]  # type: ignore[operator, union-attr]
    with torch.no_grad():
        for bias in biases:
            bias.add_(1)
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    load_adapters(other, tmp_path / "a.safetensors")
    for name, value in trained.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name


def test_what_is_frozen_once_for_all_tasks_is_not_in_the_file(tmp_path: Path) -> None:
    def separate(tasks: Sequence[str]) -> Separate:
        return Separate(tasks, swin(), BitFit())

    trained, other = (network(separate, affinity=Uniform) for _ in range(2))
    with torch.no_grad():
        for parameter in trained.parameters():
            parameter.add_(parameter.requires_grad)
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    load_adapters(other, tmp_path / "a.safetensors")
    for name, value in trained.state_dict().items():
        assert torch.equal(other.state_dict()[name], value), name
    with safe_open(tmp_path / "a.safetensors", "pt") as file:
        kept = [name for name in file.keys() if name.startswith("encoder")]  # noqa: SIM118
    assert kept
    assert all(name.endswith(("bias", "cpb_mlp.0.weight", "cpb_mlp.2.weight")) for name in kept)


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(ValueError, match="should be adapters written by `lightning export`"):
        load_adapters(network(), tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").write_bytes(b"cut")
    with pytest.raises(ValueError, match="not whole"):
        load_adapters(network(), tmp_path / "b.safetensors")
    with pytest.raises(FileNotFoundError, match="absent"):
        load_adapters(network(), tmp_path / "absent")


def test_experts_take_along_how_far_their_routers_have_faded(tmp_path: Path) -> None:
    def shared(seed: int, groups: int = 0) -> MultitaskNetwork:
        backbone = swin()
        tuning = MoEfiedLoRA(4, 2, RandomGroups(groups))
        return network(lambda tasks: Shared(tasks, backbone, tuning), seed=seed).eval()

    trained, other = shared(1), shared(2)
    for router in routers(trained):
        router.fade(0.0, 0.5)
    (tmp_path / "a.safetensors").write_bytes(packed_adapters(trained))
    load_adapters(other, tmp_path / "a.safetensors")
    assert all(router.faded and float(router.end) == 0.5 for router in routers(other))
    image = torch.rand(2, 3, SIDE, SIDE)
    for task, expected in trained(image).items():
        assert torch.equal(other(image)[task], expected), task
    # Of other experts the frozen matrices stand in another order.
    with pytest.raises(ValueError, match="adapters mean nothing on another backbone"):
        load_adapters(shared(1, groups=1), tmp_path / "a.safetensors")
