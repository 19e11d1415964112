import gc
import sys
import weakref
from pathlib import Path
from typing import Any, cast

import pytest
from lightning.pytorch.loggers import CSVLogger, WandbLogger
from PIL import Image

from vtagml.callbacks.publish import publish
from vtagml.drawing.canvas import new_figure


class FakeWandb(WandbLogger):
    """Takes pictures without a server."""

    def __init__(self) -> None:
        self.pictures: list[tuple[str, Any, int]] = []

    def log_image(self, key: str, images: list[Any], step: int | None = None) -> None:  # type: ignore[override]
        self.pictures.append((key, images[0].size, cast(int, step)))


def test_wandb_gets_a_picture(toy: Any, tmp_path: Path) -> None:
    logger = FakeWandb()
    publish(toy.trainer(tmp_path, [], logger=logger), new_figure(2.0, 1.0), "folder/name", "tag", 7)
    assert logger.pictures == [("tag", (300, 150), 7)]  # Inches times 150.
    with Image.open(tmp_path / "figures/folder/name.png") as picture:
        assert picture.size == (300, 150)


def test_a_full_disk_does_not_keep_it_from_the_server(toy: Any, tmp_path: Path) -> None:
    (tmp_path / "figures").write_text("in the way")
    logger = FakeWandb()
    with pytest.raises(OSError, match="figures"):
        publish(toy.trainer(tmp_path, [], logger=logger), new_figure(1.0, 1.0), "name", "tag", 1)
    assert len(logger.pictures) == 1


def test_csv_takes_no_pictures(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [], logger=CSVLogger(tmp_path))
    publish(trainer, new_figure(1.0, 1.0), "name", "tag", 0)
    assert [each.name for each in tmp_path.rglob("*") if each.is_file()] == ["name.png"]


def test_no_figure_outlives_its_file(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [])
    figures = []
    for step in range(3):
        figure = new_figure(1.0, 1.0)
        figure.add_subplot()
        publish(trainer, figure, "name", "tag", step)
        assert figure.axes == []
        figures.append(weakref.ref(figure))
        del figure
    gc.collect()
    assert [figure() for figure in figures] == [None, None, None]
    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def test_a_development_run_leaves_nothing(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, toy.Callbacks(), fast_dev_run=2)
    trainer.fit(toy.Module(), toy.Data())
    trainer.test(toy.Module(), toy.Data(), verbose=False)
    assert list(tmp_path.iterdir()) == []
