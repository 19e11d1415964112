"""Which of a target's files an adaptation opens."""

from pathlib import Path
from typing import Any

import pytest
import torch

from datamodules import Adaptation, Cityscapes, Synthia
from tests.fakes import cityscapes, synthia


def streets(folder: Path) -> Adaptation:
    size = (32, 64)
    return Adaptation(
        Synthia(folder / "synthia", size, "cityscapes_16", batch_size=2, workers=0),
        Cityscapes(folder / "cityscapes", size, "cityscapes_16", batch_size=2, workers=0),
    )


def trained_on(folder: Path) -> list[dict[str, Any]]:
    data = streets(folder)
    data.setup("fit")
    return list(data.train_dataloader())


@pytest.mark.parametrize("harm", ["delete", "garble"])
def test_targets_label_files_of_training_are_never_opened(harm: str, tmp_path: Path) -> None:
    synthia.write_tree(tmp_path / "synthia")
    cityscapes.write_tree(tmp_path / "cityscapes")
    expected = trained_on(tmp_path)
    harmed = 0
    for kind in ("gtFine", "disparity", "camera"):
        for file in (tmp_path / "cityscapes" / kind / "train").rglob("*.*"):
            harmed += 1
            file.unlink() if harm == "delete" else file.write_bytes(b"not what it was")
    assert harmed == 12  # two snapshots of two cities, three files each
    for found, batch in zip(trained_on(tmp_path), expected, strict=True):
        assert found["target"]["name"] == batch["target"]["name"]
        assert torch.equal(found["target"]["image"], batch["target"]["image"])
        assert torch.equal(found["depth"].nan_to_num(), batch["depth"].nan_to_num())
    data = streets(tmp_path)
    data.setup("validate")
    assert {"segmentation", "depth"} < set(next(iter(data.val_dataloader())))


def test_the_sources_labels_are_read(tmp_path: Path) -> None:
    synthia.write_tree(tmp_path / "synthia")
    cityscapes.write_tree(tmp_path / "cityscapes")
    for file in (tmp_path / "synthia").rglob("Depth/*.png"):
        file.unlink()
    with pytest.raises(FileNotFoundError, match="Depth"):
        trained_on(tmp_path)
