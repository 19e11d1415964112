"""Photos that are padded, not scaled: what `test` scores is what `predict` writes, to the pixel."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassJaccardIndex

from datamodules import PASCALContext
from tests.fakes.experiments import FOLDER, SMALL, words_of
from tests.fakes.small import SMALL_FILES
from vtagml.cli import main

pytestmark = pytest.mark.usefixtures("no_pictures")  # they are looked at elsewhere
CONFIGS = [FOLDER / "pascal_context_sphn.yaml", SMALL]


def test_padding_is_neither_scored_nor_written(
    stand_in: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = stand_in("pascal_context")
    protocol = "--data.protocol=datamodules.pascal_context.Cropped"
    words = [*words_of(CONFIGS), *SMALL_FILES, f"--data.root={root}", protocol]
    main(["fit", *words, "--trainer.default_root_dir=run"])
    main(["predict", *words, "--trainer.default_root_dir=run"])
    data = PASCALContext(root, (64, 96))
    confusion = MulticlassJaccardIndex(21, ignore_index=255)
    for photo in data.records("test"):
        label = data.reader()(photo, ["segmentation"])["segmentation"]
        file = tmp_path / f"run/submission/semseg/VOC12/{photo.name}.png"
        guess = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert guess.shape == label.shape == (48, 64)
        pair = (torch.from_numpy(each.astype(np.int64))[None] for each in (guess, label))
        confusion.update(*pair)
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())["metrics"]["model"]
    assert metrics["segmentation"]["miou"] == pytest.approx(confusion.compute().item())
