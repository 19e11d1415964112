"""Networks as files of their own."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import torch
from torch import Tensor

from tests.inference.conftest import SIZE
from vtagml import MultitaskModule
from vtagml.affinity import TROA
from vtagml.backbone import SwinV2Nano
from vtagml.decoders import ConvDecoder, PerTask
from vtagml.encoders import VTAGML
from vtagml.inference import (
    Predictor,
    export_network,
    exporting,
    onnx_file,
)
from vtagml.tasks import Depth, Edges, Normals, Segmentation


class Forgetful:
    """Takes the place of ONNX: remembers the network; what it finds is off by a given number."""

    def __init__(self, error: float, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error = error
        monkeypatch.setitem(exporting.KINDS, "onnx", (self.content, self.run, lambda path: False))

    def content(self, form: Any, about: Mapping[str, object], batch: int | None) -> bytes:
        self.network, self.about = form, about
        return b"network"

    def run(self, content: bytes, images: Sequence[Tensor]) -> Iterator[dict[str, Tensor]]:
        for image in images:
            found = self.network(image)
            yield found | {"edges": found["edges"] + self.error}


@pytest.fixture
def predictor(module: MultitaskModule) -> Predictor:
    return Predictor(module, SIZE, device="cpu")


def test_a_file_is_written_where_the_difference_is_small(
    predictor: Predictor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Forgetful(5e-5, monkeypatch)
    exported = export_network(predictor, tmp_path / "a")
    assert exported.size == SIZE
    assert (tmp_path / "a").read_bytes() == b"network"
    assert exported.differences["edges"] == pytest.approx(5e-5, rel=0.1)
    assert exported.differences["depth"] < 1e-5


@pytest.mark.parametrize("to", exporting.KINDS)
def test_another_program_s_file_is_not_written_over(
    predictor: Predictor, tmp_path: Path, to: str
) -> None:
    if to == "onnx":
        pytest.importorskip("onnx")
    with ZipFile(tmp_path / "a", "w") as file:
        file.writestr("archive/extra/vtagml", "{}")
    (tmp_path / "b").write_text("mine")
    before = {name: (tmp_path / name).read_bytes() for name in "ab"}
    refusal = f"`--out` must be free, .* `lightning export --to {to}`"
    for name, content in before.items():
        with pytest.raises(ValueError, match=refusal):
            export_network(predictor, tmp_path / name, to)
        assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize("error", [2e-4, math.nan])
def test_nothing_is_written_where_it_is_not(
    predictor: Predictor, tmp_path: Path, error: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    Forgetful(error, monkeypatch)
    with pytest.raises(ValueError, match=r"in edges, so nothing was written"):
        export_network(predictor, tmp_path / "a")
    assert not list(tmp_path.iterdir())
    if error == error:
        export_network(predictor, tmp_path / "a", tolerance=1e-3)
        assert (tmp_path / "a").is_file()


def test_a_file_says_what_made_it(
    module: MultitaskModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = {"file": "last.ckpt", "step": 7, "commit": {"hash": "1"}}
    to = Forgetful(0.0, monkeypatch)
    export_network(Predictor(module, SIZE, device="cpu", origin=origin), tmp_path / "a")
    assert to.about["checkpoint"] == origin
    assert "torch" in to.about["versions"]  # type: ignore[operator]


def test_a_network_on_a_gpu_is_refused(predictor: Predictor, tmp_path: Path) -> None:
    predictor.device = torch.device("cuda")
    with pytest.raises(ValueError, match="`predictor` must be on the CPU"):
        export_network(predictor, tmp_path / "a")


def test_sizes_that_no_network_takes_are_refused(predictor: Predictor, tmp_path: Path) -> None:
    for size in ((64, 100), (0, 32)):
        with pytest.raises(ValueError, match=f"`--image-size`.*{size[0]} x {size[1]}"):
            export_network(predictor, tmp_path / "a", size=size)


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "find_spec", lambda package: None)
    with pytest.raises(ValueError, match=r'pip install "vtagml\[export\]"'):
        next(onnx_file.run_onnx(b"network", [torch.zeros(1, 3, *SIZE)]))


@pytest.mark.slow
def test_onnx_stands_alone(
    predictor: Predictor, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    file = tmp_path / "a.onnx"
    export_network(predictor, file, dynamic_batch=True)
    assert onnx_file.is_onnx(file)
    assert capfd.readouterr() == ("", "")
    assert [each.name for each in tmp_path.iterdir()] == ["a.onnx"]
    said = {each.key: json.loads(each.value) for each in onnx.load(file).metadata_props}
    assert said["image"] == {"values": "RGB in [0, 1], float32", "shape": ["any", 3, *SIZE]}
    tasks = said["tasks"]
    assert tasks["depth"]["meaning"].startswith("Distance along the optical axis in metres")
    assert tasks["segmentation"]["classes"][7] == "class 7"
    omega = predictor.module.network.affinity.omega
    torch.testing.assert_close(torch.tensor(said["omega"]), omega)
    assert said["versions"]["torch"]
    session = onnxruntime.InferenceSession(file)
    assert [each.name for each in session.get_inputs()] == ["image"]
    assert [each.name for each in session.get_outputs()] == list(predictor.tasks)
    image = torch.rand(5, 3, *SIZE)
    (normals,) = session.run(["normals"], {"image": image.numpy()})
    with torch.no_grad():
        maps = predictor.module.network(image)["normals"]
    expected = predictor.tasks["normals"].predict(maps)
    torch.testing.assert_close(torch.from_numpy(normals), expected, atol=1e-4, rtol=0)


@pytest.mark.slow
def test_the_shipped_network_agrees_at_a_size_that_is_not_its_own(tmp_path: Path) -> None:
    module = MultitaskModule(
        [Segmentation(8), Depth(), Normals(), Edges()],
        lambda tasks: VTAGML(tasks, SwinV2Nano(), [(3, 5), (3, 6), (4, 2)]),
        lambda outputs, channels: PerTask(outputs, channels, ConvDecoder),
        TROA,
    )
    for parameter in module.network.parameters():
        if parameter.requires_grad:
            parameter.data += 0.05 * torch.randn_like(parameter)
    predictor = Predictor(module, (128, 128), device="cpu")
    exported = export_network(predictor, tmp_path / "a", size=(96, 160))
    assert max(exported.differences.values()) <= 1e-4


def test_torch_export_stands_alone(predictor: Predictor, tmp_path: Path) -> None:
    file = tmp_path / "a.pt2"
    exported = export_network(predictor, file, "torch_export", dynamic_batch=True)
    assert exporting.KINDS["torch_export"][2](file)  # so a second time it writes over it
    assert max(exported.differences.values()) < exporting.TOLERANCE
    about = {"vtagml": ""}
    network = torch.export.load(file, extra_files=about).module()
    assert json.loads(about["vtagml"])["image"]["shape"] == ["any", 3, *SIZE]
    image = torch.rand(3, 3, *SIZE)
    with torch.no_grad():
        expected, found = predictor.module(image), network(image)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-4)
