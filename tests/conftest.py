"""Seeds for every test, one thread, nothing online."""

import os

os.environ.setdefault("WANDB_MODE", "offline")

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import jaxtyping
import pytest
import torch
from lightning import seed_everything
from matplotlib.figure import Figure
from PIL import Image

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    seed_everything(0, verbose=False)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Annotations are not checked meanwhile: beartype draws random numbers to check a list."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets the longest test begin first, or it runs alone at the end."""
    items.sort(key=lambda item: item.name != "test_commands_run_one_after_the_other")


def leave_pictures_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are composed and not rendered, which takes a third of the time of a small run."""
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "png")

    def saved(figure: Figure, kinds: Sequence[str], dots: float) -> dict[str, bytes]:
        figure.clear()
        return dict.fromkeys(kinds, picture.getvalue())

    monkeypatch.setattr("vtagml.drawing.canvas._saved", saved)


@pytest.fixture
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_pictures_out(monkeypatch)


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of two steps of the demo; it is copied, not changed."""
    # Imported here: what this file imports goes unchecked by jaxtyping.
    from tests.fakes.experiments import FOLDER
    from tests.fakes.small import SMALL
    from vtagml.cli import main

    with pytest.MonkeyPatch.context() as patch:
        leave_pictures_out(patch)
        patch.chdir(tmp_path_factory.mktemp("demo"))
        config = str(FOLDER / "scenes_sdne.yaml")
        main(["fit", "--config", config, *SMALL, "--test_after_fit=false"])
        return Path("runs/scenes_sdne").resolve()


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A dataset's folder, as `lightning scenes` writes it; written when it is first asked for."""
    # Imported here: what this file imports goes unchecked by jaxtyping.
    from datamodules.writing import write_scenes

    folder = tmp_path_factory.mktemp("data")

    def written(dataset: str) -> Path:
        if not (folder / dataset).exists():
            write_scenes(dataset, folder / dataset, count=4, size=(48, 64), processes=0)
        return folder / dataset

    return written
