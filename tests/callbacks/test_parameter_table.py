import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import nn

from vtagml.callbacks import ParameterTable
from vtagml.callbacks.parameter_table import by_part, parameter_table, role_table
from vtagml.parameter_roles import Count, Role, counts


class Encoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2)).requires_grad_(False)
        self.adapter = nn.Linear(2, 2)
        self.scale = nn.Parameter(torch.ones(7))


class Network(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.decoders = nn.Module()
        self.decoders.heads = nn.ModuleDict({"a": nn.Linear(2, 1), "b": nn.Linear(2, 1)})
        self.decoders.heads["b"].weight = self.decoders.heads["a"].weight


def counted(network: nn.Module) -> dict[str, tuple[int, int]]:
    return {part: (own.trained, own.stored) for part, own in by_part(counts(network)).items()}


def test_counts_by_hand() -> None:
    assert list(counted(Network()).items()) == [
        ("encoder", (7, 7)),  # The scale, beside its children.
        ("encoder.backbone", (0, 3 * 5 + 5 + 5 * 2 + 2)),
        ("encoder.adapter", (2 * 2 + 2, 2 * 2 + 2)),
        ("decoders.heads.a", (2 + 1, 2 + 1)),
        ("decoders.heads.b", (1, 1)),  # Shares the weight of a.
    ]


def test_total_is_that_of_torch() -> None:
    network = Network()
    whole = sum(by_part(counts(network)).values(), Count())
    assert whole.stored == sum(p.numel() for p in network.parameters())
    assert whole.trained == sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_a_network_that_is_one_layer() -> None:
    assert counted(nn.Linear(2, 3)) == {"network": (9, 9)}


def test_a_container_named_as_its_owner_is_said_once() -> None:
    network = nn.Module()
    network.decoders = nn.Module()
    network.decoders.decoders = nn.ModuleDict({"a": nn.Linear(1, 1)})
    assert list(counted(network)) == ["decoders.a"]


def test_what_is_deployed_alone_is_no_part_of_what_trains() -> None:
    network = Network()
    deployed = deepcopy(network)
    deployed.encoder.merged = nn.Linear(1, 1)
    assert list(by_part(counts(network, deployed))) == list(counted(network))


def shown(parts: dict[str, Count]) -> list[str]:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(parameter_table(parts))
    return captured.get().splitlines()


def test_large_networks_fit_a_narrow_terminal() -> None:
    counted_parts = {
        "encoder": Count(192, 192),
        "encoder.backbone": Count(0, 886_891_768),
        "encoder.adapters.stage3_block17": Count(381_314, 381_314),
        "encoder.adapters.stage3_block18": Count(381_314, 381_314),
        "decoders.segmentation": Count(136_986_920, 136_986_920),
    }
    lines = shown(counted_parts)
    assert max(map(len, lines)) <= 80
    # Parts below what they belong to, said once; the encoder's own numbers are in its own line.
    parts = [line[:22].rstrip() for line in lines[4:] if line.strip()]
    assert parts == [
        "  encoder",
        "    backbone",
        "    adapters",
        "      stage3_block17",
        "      stage3_block18",
        "  decoders",
        "    segmentation",
        "  total",
    ]
    assert "192" in lines[4]
    assert any("886,891,768" in line for line in lines)


def test_table_shows_shares() -> None:
    lines = shown({"a": Count(250, 1000), "b": Count(0, 1000)})
    assert any(all(word in line for word in (" a ", "250", "1,000", "25.0")) for line in lines)
    assert any(all(word in line for word in ("total", "1,750", "2,000", "12.5")) for line in lines)


def test_file_of_a_run(finished_run: Path) -> None:
    content = json.loads((finished_run / "parameters.json").read_text())
    # Backbone 3·4+4 and batch norm 2·4; adapter 4·4+4; heads 4·3+3 and 4·1+1.
    parts = {part["part"]: (part["trainable"], part["frozen"]) for part in content["parts"]}
    assert parts == {
        "encoder.backbone": (0, 24),
        "encoder.adapter": (20, 0),
        "decoders.segmentation": (15, 0),
        "decoders.depth": (5, 0),
    }
    assert content["total"]["trainable"] == 40
    assert content["total"]["trainable_share"] == 40 / 64


def test_roles_of_a_run(finished_run: Path) -> None:
    """The toy's data say no size of images, so nothing is known of its form for inference."""
    roles = json.loads((finished_run / "parameters.json").read_text())["roles"]
    numbers = {
        role: (own["trained"], own["stored"], own["deployed"]) for role, own in roles.items()
    }
    assert numbers == {
        # The toy's backbone is none of this house's: what tunes nothing trains nothing.
        "backbone frozen": (0, 0, None),
        "tuning shared": (20, 44, None),
        "tuning per task": (0, 0, None),
        "decoder": (20, 20, None),
        "head": (0, 0, None),
    }
    assert roles["decoder"]["parts"]["decoders.depth"]["trained"] == 5


def test_the_inference_form_is_counted_where_the_size_is_known(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_adapter(network: nn.Module, size: tuple[int, int]) -> nn.Module:
        assert size == (32, 64)
        form = deepcopy(network)
        del form.encoder.adapter
        return form

    monkeypatch.setattr("vtagml.callbacks.parameter_table.baked", without_adapter)
    data = toy.Data()
    data.image_size = (32, 64)
    trainer = toy.trainer(tmp_path, [ParameterTable()], limit_train_batches=1, limit_val_batches=0)
    trainer.fit(toy.Module(), data)
    roles = json.loads((tmp_path / "parameters.json").read_text())["roles"]
    assert roles["tuning shared"]["deployed"] == 44 - 20
    assert roles["decoder"]["deployed"] == 20


def test_a_form_for_inference_that_fails_costs_its_numbers_only(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("no form")

    monkeypatch.setattr("vtagml.callbacks.parameter_table.baked", fails)
    data = toy.Data()
    data.image_size = (32, 32)
    trainer = toy.trainer(tmp_path, [ParameterTable()], limit_train_batches=1, limit_val_batches=0)
    with pytest.warns(UserWarning, match="The inference form, whose parameters"):
        trainer.fit(toy.Module(), data)
    content = json.loads((tmp_path / "parameters.json").read_text())
    assert content["total"]["trainable"] == 40
    assert content["roles"]["decoder"]["trained"] == 20


def test_what_no_loss_reaches_is_named_once(toy: Any, tmp_path: Path) -> None:
    module = toy.Module()
    module.network.encoder.idle = nn.Linear(2, 3)
    table = ParameterTable()
    trainer = toy.trainer(tmp_path, [table], limit_train_batches=2, limit_val_batches=0)
    with pytest.warns(UserWarning, match="are to train") as said:
        trainer.fit(module, toy.Data())
    (idle,) = [str(each.message) for each in said if "are to train" in str(each.message)]
    assert idle.startswith("9 parameters of encoder.idle are to train")


def test_roles_in_the_terminal() -> None:
    console = Console(width=80)
    with console.capture() as captured:
        console.print(
            role_table({Role.BACKBONE: Count(0, 27_517_818, None), Role.HEAD: Count(1, 2, 3)})
        )
    lines = captured.get().splitlines()
    assert any(
        all(word in line for word in ("backbone frozen", "27,517,818", "–")) for line in lines
    )
    assert any(all(word in line for word in ("total", "27,517,820", "–")) for line in lines)
