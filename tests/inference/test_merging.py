"""Trained runs as plain networks of timm: what is written, and what is refused."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.inference.conftest import SIZE, run, tuned_settings, write_run
from vtagml.backbone.weights import metadata_of
from vtagml.decoders import (
    ConvDecoder,
    OneHead,
    PerTask,
    PlainSummaryLinear,
    Shared,
    SummaryLinear,
)
from vtagml.inference import certificate, stream
from vtagml.inference.agreement import Difference, pyramid_difference
from vtagml.inference.merging import MergedFile, merge_run
from vtagml.inference.trained import TrainedRun
from vtagml.inference.validation_images import validation_images
from vtagml.tuning.lora import LowRankLinear

__all__ = ["run"]  # a fixture
SLOW = pytest.mark.slow


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of LoRA that all tasks share; not to be changed."""
    torch.manual_seed(0)
    return write_run(tmp_path_factory.mktemp("runs") / "lora", tuned_settings("Shared", "LoRA"))


@pytest.fixture(scope="module")
def merged(lora: Path) -> MergedFile:
    """What it is merged to; not to be changed."""
    (merged,) = merge_run(TrainedRun(lora), lora / "merged" / "vit.safetensors")
    return merged


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "written" / "vit.safetensors"


def left(out: Path) -> list[str]:
    return sorted(file.name for file in out.parent.iterdir()) if out.parent.exists() else []


def trained_pyramids(folder: Path, image: Tensor) -> dict[str, list[Tensor]]:
    network = TrainedRun(folder).model().network.eval()
    with torch.no_grad():
        return network.encoder(image, network.affinity.omega)


def summary_of(file: Path, image: Tensor) -> Tensor:
    """What timm alone makes of an image, with what stands in the certificate."""
    about = json.loads(file.with_suffix(".json").read_text())
    network = timm.create_model(about["architecture"], **about["arguments"]).eval()
    network.load_state_dict(load_file(file))
    mean, std = (torch.tensor(about["input"][each])[:, None, None] for each in ("mean", "std"))
    with torch.no_grad():
        return network((image - mean) / std)


def test_timm_alone_loads_the_file_and_computes_the_same(lora: Path, merged: MergedFile) -> None:
    assert left(merged.path) == ["vit.json", "vit.safetensors"]
    image = torch.rand(2, 3, *SIZE)
    expected = trained_pyramids(lora, image)["depth"][-1]
    assert expected.shape == (2, 32)  # of a ViT, its class token
    torch.testing.assert_close(summary_of(merged.path, image), expected, rtol=1e-4, atol=1e-5)
    grid = tuple(side // 16 for side in SIZE)
    assert metadata_of(merged.path)["grid"] == f"{grid[0]} {grid[1]}"  # for images of another size


def test_a_certificate_says_what_was_measured(lora: Path, merged: MergedFile) -> None:
    out = merged.path
    said = json.loads(out.with_suffix(".json").read_text())
    assert said == json.loads(json.dumps(merged.certificate))
    assert said["sha256"] == sha256(out.read_bytes()).hexdigest()
    assert said["tasks"] == ["depth", "normals"]
    # Of 8 blocks of width 32: rank 4, in qkv (32 to 96) and proj (32 to 32).
    added = 8 * 4 * (32 + 96 + 32 + 32)
    whole = sum(each.numel() for each in load_file(out).values())
    assert said["parameters"] == {
        "before": {"backbone": whole, "added": added, "trained": added, "head": 0},
        "after": whole,
    }
    assert 0 < said["differences"]["float64"]["absolute"] < 1e-12
    assert 1e-9 < said["differences"]["float32"]["relative"] < 1e-5
    assert said["latency"]["merged / trained"] > 0
    for network in ("trained", "merged"):
        assert 1e-3 < said["latency"][network]["milliseconds"] < 1e5
    assert said["scores"] == {}
    assert said["compared_on"] == {
        "images": 3,
        "batches": 2,
        "of": "validation data of Scenes",
    }
    assert said["checkpoint"]["path"] == str(lora / "checkpoints" / "last.ckpt")
    assert said["versions"]["timm"]


@pytest.mark.parametrize("encoder", ["Separate", pytest.param("Progressive", marks=SLOW)])
def test_every_task_s_own_backbone_gets_a_file(encoder: str, tmp_path: Path, out: Path) -> None:
    folder = write_run(tmp_path / "run", tuned_settings(encoder, "LoRA"))

    files = [merged.path.name for merged in merge_run(TrainedRun(folder), out)]

    tasks = ("depth", "normals")
    assert files == [f"vit.{task}.safetensors" for task in tasks]
    image = torch.rand(1, 3, *SIZE)
    pyramids = trained_pyramids(folder, image)
    assert not torch.allclose(pyramids["depth"][-1], pyramids["normals"][-1], atol=0.1)
    for task in tasks:
        found = summary_of(out.with_name(f"vit.{task}.safetensors"), image)
        torch.testing.assert_close(found, pyramids[task][-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("tuning", "backbone"),
    [
        ("LoRAEverywhere", "TinySwin"),
        ("BitFit", "TinyViT"),
        pytest.param("SingularValues", "TinySwin", marks=SLOW),
        pytest.param("RelativeBias", "TinySwin", marks=SLOW),
        pytest.param("Full", "TinyViT", marks=SLOW),
        pytest.param("Frozen", "TinyViT", marks=SLOW),
    ],
)
def test_what_every_tuning_that_merges_learned_is_in_the_file(
    tuning: str, backbone: str, tmp_path: Path, out: Path
) -> None:
    folder = write_run(tmp_path / "run", tuned_settings("Shared", tuning, backbone))
    # Random products as large as these are ill-conditioned in float32.
    (merged,) = merge_run(TrainedRun(folder), out, batches=1, tolerance=1e-3)
    counted = merged.certificate["parameters"]
    added = {"LoRAEverywhere", "SingularValues"}
    assert (counted["before"]["added"] > 0) == (tuning in added)
    norm = 256 if backbone == "TinySwin" else 0  # that no map passes
    assert counted["after"] == counted["before"]["backbone"] + norm


def experts_settings() -> dict[str, Any]:
    settings = tuned_settings("Shared", "MoEfiedLoRA")
    settings["model"]["init_args"]["encoder"]["init_args"]["tuning"] = {
        "class_path": "vtagml.tuning.MoEfiedLoRA",
        "init_args": {
            "experts": 4,
            "clustering": {
                "class_path": "vtagml.experts.BalancedKMeans",
                "init_args": {"cache": None},
            },
        },
    }
    return settings


def fade(folder: Path) -> None:
    """Lets the routers of a run fade."""
    checkpoint = folder / "checkpoints" / "last.ckpt"
    content = torch.load(checkpoint)
    for name, value in content["state_dict"].items():
        if name.endswith("router.alpha"):
            value.fill_(0.0)
    torch.save(content, checkpoint)


def test_experts_merge_where_their_routers_have_faded(tmp_path: Path, out: Path) -> None:
    folder = write_run(tmp_path / "run", experts_settings())
    with pytest.raises(ValueError, match=r"routers' α is exactly 0, found 1: nothing moves it"):
        merge_run(TrainedRun(folder), out)
    assert left(out) == []
    fade(folder)

    (merged,) = merge_run(TrainedRun(folder), out, batches=1, tolerance=1e-3)

    image = torch.rand(2, 3, *SIZE)
    expected = trained_pyramids(folder, image)["depth"][-1]
    torch.testing.assert_close(summary_of(out, image), expected, rtol=1e-3, atol=1e-4)
    assert not [name for name in load_file(out) if "router" in name or "order" in name]
    counted = merged.certificate["parameters"]
    assert counted["after"] == counted["before"]["backbone"]


def test_emtal_with_one_head_is_a_classifier_of_timm_whose_scores_have_names(
    tmp_path: Path, out: Path
) -> None:
    settings, sizes = experts_settings(), {"birds": 5, "cars": 7}
    settings["model"]["init_args"] |= {
        "tasks": [
            {
                "class_path": "vtagml.tasks.UnitedClassification",
                "init_args": {"name": name, "classes": sizes[name], "offset": first, "total": 12},
            }
            for name, first in (("birds", 0), ("cars", 5))
        ],
        "decoders": {
            "class_path": "vtagml.decoders.OneHead",
            "init_args": {"decoder": "vtagml.decoders.PlainSummaryLinear"},
        },
    }
    folder = write_run(tmp_path / "run", settings)
    fade(folder)
    checkpoint = folder / "checkpoints" / "last.ckpt"
    makers = [f"maker {number}" for number in range(7)]
    torch.save({**torch.load(checkpoint), "class_names": {"cars": makers}}, checkpoint)
    network = TrainedRun(folder).model().network.eval()

    merge_run(TrainedRun(folder), out, batches=1, tolerance=1e-3)

    image = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        scores = network(image)["birds"]
    torch.testing.assert_close(summary_of(out, image), scores, rtol=1e-3, atol=1e-3)
    assert json.loads(out.with_suffix(".json").read_text())["scores"] == {
        "birds": {"first": 0, "classes": 5},  # nobody has named them
        "cars": {"first": 5, "classes": makers},
    }


def test_methods_that_are_no_plain_network_are_refused(
    run: Path, tmp_path: Path, out: Path
) -> None:
    last_blocks = write_run(tmp_path / "blocks", tuned_settings("LastBlocks", "LoRA"))
    for folder, name in ((run, "VTAGML"), (last_blocks, "LastBlocks")):
        with pytest.raises(ValueError, match=f"found {name}, .* `lightning export --to onnx`"):
            merge_run(TrainedRun(folder), out)
    adapters = write_run(tmp_path / "adapters", tuned_settings("Shared", "BottleneckAdapter"))
    with pytest.raises(ValueError, match=r"cannot be merged .*`lightning export`"):
        merge_run(TrainedRun(adapters), out)
    assert left(out) == []


def test_a_merge_that_is_not_exact_is_refused(
    lora: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merged = LowRankLinear.merged

    def almost(layer: LowRankLinear) -> Any:
        layer.scale *= 1 + 1e-8
        return merged(layer)

    monkeypatch.setattr(LowRankLinear, "merged", almost)
    with pytest.raises(ValueError, match=r"within 1e-10 in float64; found .*e-0\d, so nothing was"):
        merge_run(TrainedRun(lora), out)
    assert left(out) == []


def test_rounding_beyond_the_tolerance_is_refused(lora: Path, out: Path) -> None:
    out.parent.mkdir()
    merge_run(TrainedRun(lora), out)
    before = out.read_bytes(), out.with_suffix(".json").read_bytes()

    with pytest.raises(ValueError, match=r"within 1e-09 .*in float32; found .*`--tolerance`"):
        merge_run(TrainedRun(lora), out, tolerance=1e-9)

    assert left(out) == ["vit.json", "vit.safetensors"]
    assert (out.read_bytes(), out.with_suffix(".json").read_bytes()) == before


def test_what_the_file_itself_holds_is_compared(
    lora: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crossed(weights: dict[str, Tensor], metadata: dict[str, str]) -> bytes:
        first, second = "blocks.0.mlp.fc1.weight", "blocks.1.mlp.fc1.weight"
        exchanged = weights | {first: weights[second], second: weights[first]}
        return save(exchanged, metadata=metadata)

    save = stream.save
    monkeypatch.setattr(stream, "save", crossed)
    with pytest.raises(ValueError, match="network of the file must compute"):
        merge_run(TrainedRun(lora), out)
    assert left(out) == []


def test_nothing_of_others_is_written_over(lora: Path, out: Path) -> None:
    out.parent.mkdir()
    for name in ("vit.safetensors", "vit.json"):
        other = out.with_name(name)
        for content in (b"", b"{}", b"[1]"):
            other.write_bytes(content)
            with pytest.raises(ValueError, match=rf"`--out` must be free.*{name}"):
                stream.check_both_free(out)
            assert other.read_bytes() == content
        other.unlink()
    save_file({"a": torch.zeros(1)}, out, metadata={"made_by": "another"})
    for path, message in ((out, "must be free"), (out.with_suffix(".pth"), "must end in `.safet")):
        with pytest.raises(ValueError, match=message):
            merge_run(TrainedRun(lora), path)
    assert left(out) == ["vit.safetensors"]


def test_images_are_random_where_the_data_are_gone(tmp_path: Path, out: Path) -> None:
    settings = tuned_settings("Shared", "LoRA", data="datamodules.Folders")
    root = {"root": str(tmp_path / "gone"), "tasks": ["depth"], "classes": {}}
    settings["data"]["init_args"] = {"image_size": list(SIZE), **root}
    folder = write_run(tmp_path / "run", settings)

    found = validation_images(TrainedRun(folder), 3, (32, 64))

    assert [each.shape for each in found.batches] == [(2, 3, 32, 64)] * 3
    assert found.source.startswith("random, for the validation data of Folders were not found: ")
    assert "gone" in found.source


def test_images_of_the_data_are_those_of_its_loader(lora: Path) -> None:
    found = validation_images(TrainedRun(lora), 1, (32, 64))
    assert found.source == "validation data of Scenes"
    (batch,) = found.batches
    assert batch.shape == (2, 3, *SIZE)
    assert 0.1 < batch.mean() < 0.9  # in [0, 1]
    assert batch.max() <= 1


def test_the_difference_of_pyramids() -> None:
    expected = [torch.tensor([[1.0, -4.0]]), torch.tensor([[0.5, 0.1]])]
    found = [torch.tensor([[1.5, -4.0]]), torch.tensor([[0.25, 0.1]])]
    assert pyramid_difference(expected, found) == (0.5, 0.5)  # .25 of .5, .5 of 4
    assert pyramid_difference(expected, expected) == (0, 0)
    nothing = [torch.full((1, 2), torch.nan), expected[1]]
    assert pyramid_difference(expected, nothing) == (torch.inf, torch.inf)
    assert pyramid_difference(nothing, nothing) == (torch.inf, torch.inf)
    doubled = [level.double() for level in expected]
    assert pyramid_difference(expected, doubled) == (torch.inf, torch.inf)
    with pytest.raises(ValueError, match="zip"):
        pyramid_difference(expected, expected[:1])


def test_the_worst_of_all_batches_and_tasks_counts() -> None:
    batches = [torch.full((1, 1), number) for number in (1.0, 3.0, 2.0)]

    def trained(images: Tensor) -> dict[str, list[Tensor]]:
        return {"a": [images], "b": [images + 1], "c": [images]}

    merged = {("a", "b"): lambda images: [images], ("c",): lambda images: [images + images / 8]}
    assert certificate.differences(trained, merged, batches) == {
        ("a", "b"): Difference(1, 1 / 2),  # of b, in the first batch
        ("c",): Difference(3 / 8, 1 / 8),
    }


@pytest.mark.parametrize("encoder", ["Shared", "Separate"])
def test_a_linear_layer_on_the_class_token_is_timm_s_head(
    encoder: str, tmp_path: Path, out: Path
) -> None:
    settings = tuned_settings(encoder, "LoRA")
    tasks = [("first", 5), ("second", 7)][: 2 if encoder == "Separate" else 1]
    settings["model"]["init_args"] |= {
        "tasks": [
            {
                "class_path": "vtagml.tasks.Classification",
                "init_args": {"name": name, "classes": count},
            }
            for name, count in tasks
        ],
        "decoders": {
            "class_path": "vtagml.decoders.PerTask",
            "init_args": {"decoder": "vtagml.decoders.PlainSummaryLinear"},
        },
    }
    folder = write_run(tmp_path / "run", settings)
    network = TrainedRun(folder).model().network.eval()

    files = merge_run(TrainedRun(folder), out)

    image = torch.rand(2, 3, *SIZE)
    with torch.no_grad():
        maps = network(image)
    assert len(files) == len(tasks)
    for (name, count), merged in zip(tasks, files, strict=True):
        assert merged.certificate["arguments"]["num_classes"] == count
        assert merged.certificate["parameters"]["before"]["head"] == count * 32 + count
        torch.testing.assert_close(summary_of(merged.path, image), maps[name], rtol=1e-4, atol=1e-5)


def test_which_decoders_are_a_head_of_timm_s() -> None:
    channels = (8, 8, 8, 8)
    own = PerTask({"a": 5, "b": 5}, channels, PlainSummaryLinear)
    assert own.plain_head(("b",)) is own.decoders["b"].head
    assert own.plain_head(("a", "b")) is None  # two heads have no place in one
    all_tasks = OneHead({"a": 5, "b": 5}, channels, PlainSummaryLinear)
    assert all_tasks.plain_head(("a", "b")) is all_tasks.decoder.head
    assert PerTask({"a": 5}, channels, SummaryLinear).plain_head(("a",)) is None  # its norm
    assert PerTask({"a": 5}, channels, ConvDecoder).plain_head(("a",)) is None
    trunk = Shared({"a": 5, "b": 7}, channels, PlainSummaryLinear)
    assert trunk.plain_head(("a", "b")) is None
