"""How fast samples are read, against Pillow and torchvision; and that memory stays flat."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as tv

from datamodules import Cityscapes
from datamodules.geometry import RandomView
from datamodules.prepared.prepare import prepare
from datamodules.processes.workers import single_thread
from datamodules.samples import Draw, Samples, Source
from tests.benchmarks.bench import CLEARLY, Bench
from tests.fakes.tree import Tree, write_tree
from vtagml.commands.command import Command

FULL, VIEW = (1024, 2048), (512, 1024)
ZOOM = (0.75, 1.5)
COUNT = 4
ROUNDS = 5


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn street scenes in Cityscapes' layout and size; the files are as large as real ones."""
    folder = tmp_path_factory.mktemp("cityscapes") / "root"
    size = ["--size", *map(str, FULL)]
    Command("scenes")(["--as", "cityscapes", "--out", str(folder), "--count", str(COUNT), *size])
    return folder


def samples(root: Path) -> Samples:
    view = RandomView(VIEW, scale=ZOOM, flip=0.5)
    data = Cityscapes(root, VIEW, tasks=["segmentation", "depth"], geometry=[view], augment=[])
    data.setup("fit")
    return data.samples["train"]


def reading(ours: Samples) -> Callable[[], None]:
    epochs = iter(range(10**6))

    def run() -> None:
        epoch = next(epochs)
        for index in range(COUNT):
            ours[Draw(epoch, index)]

    return run


class PillowTorchvision:
    """The same samples as a researcher would write it: Pillow decodes, torchvision transforms.

    Args:
        root: The dataset.
        table: From label ids to train ids.
        crop_first: Whether the window is cut out before it is scaled, or the whole is scaled.
    """

    def __init__(self, root: Path, table: np.ndarray, crop_first: bool) -> None:
        self.images = sorted((root / "leftImg8bit" / "train").rglob("*.png"))
        self.table = torch.from_numpy(table.astype(np.int64))
        self.crop_first = crop_first
        self.random = np.random.default_rng(0)

    def __call__(self) -> None:
        for image in self.images:
            self.sample(image)

    def sample(self, image: Path) -> dict[str, Tensor]:
        partners = str(image).replace("leftImg8bit.png", "{}")
        with Image.open(image) as opened:
            colours = tv.pil_to_tensor(opened.convert("RGB"))
        with Image.open(
            partners.format("gtFine_labelIds.png").replace("leftImg8bit", "gtFine")
        ) as ids:
            classes = self.table[torch.from_numpy(np.array(ids)).long()][None]
        file = partners.format("disparity.png").replace("leftImg8bit", "disparity")
        with Image.open(file) as opened:
            disparity = (torch.from_numpy(np.array(opened).astype(np.float32)) - 1) / 256
        calibration = json.loads(
            Path(partners.format("camera.json").replace("leftImg8bit", "camera")).read_text()
        )
        scale = calibration["extrinsic"]["baseline"] * calibration["intrinsic"]["fx"]
        depth = scale / disparity
        depth[(disparity <= 0) | (depth > 80)] = torch.nan
        zoom = float(self.random.uniform(*ZOOM))
        maps = {"image": colours, "segmentation": classes, "depth": depth[None] / zoom}
        return self.view(maps, zoom)

    def view(self, maps: dict[str, Tensor], zoom: float) -> dict[str, Tensor]:
        height, width = round(VIEW[0] / zoom), round(VIEW[1] / zoom)
        top = int(self.random.integers(FULL[0] - height + 1))
        left = int(self.random.integers(FULL[1] - width + 1))
        flipped = self.random.random() < 0.5
        seen = {}
        for key, value in maps.items():
            linear = key == "image"
            mode = InterpolationMode.BILINEAR if linear else InterpolationMode.NEAREST
            if self.crop_first:
                window = tv.resized_crop(value, top, left, height, width, list(VIEW), mode, linear)
            else:
                size = [round(side * zoom) for side in FULL]
                whole = tv.resize(value, size, mode, antialias=linear)
                corner = (round(top * zoom), round(left * zoom))
                window = tv.crop(whole, *corner, *VIEW)
            seen[key] = (tv.horizontal_flip(window) if flipped else window).contiguous()
        return seen


def test_samples_per_second(root: Path, bench: Bench) -> None:
    files = samples(root)
    table = files.source.read.table
    decoding = files.source
    prepare(Cityscapes(root, VIEW, tasks=["segmentation", "depth"]))
    copy = samples(root)
    assert copy.source.checked
    single_thread(0)  # as in a loader's worker

    def decode() -> None:
        for record in decoding.records:
            decoding.read(record, ["segmentation", "depth"])

    crop_first = "Pillow and torchvision, crop first"
    ratios = bench.time(
        f"reading {COUNT} Cityscapes samples, cropped to {VIEW} / ours from PNG",
        {
            "ours, from PNG": reading(files),
            "reading alone, without the view": decode,
            crop_first: PillowTorchvision(root, table, crop_first=True),
            "Pillow and torchvision, scale first": PillowTorchvision(root, table, crop_first=False),
            "ours, prepared": reading(copy),
        },
        ROUNDS,
    )
    for name, own in {"from PNG": 1.0, "prepared": ratios["ours, prepared"]}.items():
        bench.note(f"Samples per second, {name} / {crop_first}: {ratios[crop_first] / own:.2f}.")
    assert ratios[crop_first] > 1 / CLEARLY, "what anybody would write reads faster than we do"
    assert ratios["ours, prepared"] < 1 / CLEARLY, "preparing a dataset is for nothing"


class Measured(Samples):
    """Samples that say how much memory of its own the process had when it read them."""

    def __getitem__(self, draw: Draw | int) -> dict[str, Tensor | str]:
        sample = super().__getitem__(draw)
        lines = Path("/proc/self/status").read_text().splitlines()
        (kilobytes,) = (line.split()[1] for line in lines if line.startswith("RssAnon"))
        return sample | {"memory": torch.tensor(int(kilobytes))}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says RssAnon")
@pytest.mark.parametrize("is_prepared", [False, True])
def test_memory_per_worker_stays_flat(tmp_path: Path, is_prepared: bool) -> None:
    many, settled, allowed = 10_000, 2_000, 4_000  # samples, samples, kilobytes
    data = Tree(write_tree(tmp_path / "tree"))
    if is_prepared:
        prepare(data, processes=0)
    source = data.source("train")
    repeated = Source(list(source.records) * (many // 5), source.read, source.checked)
    measured = Measured(repeated, data.reads, {"segmentation": 3}, data.transforms("train"))
    loader = DataLoader(measured, batch_size=10, num_workers=2, worker_init_fn=single_thread)
    memory = torch.cat([batch["memory"] for batch in loader])
    assert len(memory) == many
    early, late = memory[settled // 2 : settled], memory[-settled // 2 :]
    assert late.max() - early.max() < allowed
