"""Trees written once, and what they were written from."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.rendering import Frame
from datamodules.writing import Place, Plan, write_scenes
from datamodules.writing.objects import ObjectLayout
from datamodules.writing.views import Views

Written = Callable[..., Plan]


@pytest.fixture(scope="session", autouse=True)
def _drawn_once() -> Iterator[None]:
    """Draws no scene twice: with types checked, a scene takes longer than its files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Views, "__call__", cache(Views.__call__))
        patch.setattr(ObjectLayout, "view", cache(ObjectLayout.view))
        yield


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Writes a tree, by default with two scenes for training; it is not to be changed."""

    @cache
    def write(
        word: str,
        form: str | None = None,
        size: tuple[int, int] | None = (48, 64),
        count: int = 2,
    ) -> Plan:
        out = tmp_path_factory.mktemp(word) / "tree"
        return write_scenes(word, out, count, form=form, size=size, seed=3, processes=0)

    return write


@pytest.fixture(scope="session")
def raw() -> Callable[[Path], np.ndarray]:
    """An image file as OpenCV decodes it, in RGB order and at its own bit depth."""

    def read(file: Path) -> np.ndarray:
        array = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
        assert array is not None, file
        return array if array.ndim == 2 else array[..., ::-1]

    return read


@pytest.fixture(scope="session")
def scenes() -> Callable[[Plan], Iterator[tuple[Place, Frame]]]:
    """Every place of a plan with the frame that was written there, drawn again."""

    def draw(plan: Plan) -> Iterator[tuple[Place, Frame]]:
        for place in plan.places:
            yield place, plan.views(place.split, place.index)

    return draw


@pytest.fixture(scope="session")
def tree() -> Callable[[Plan], set[str]]:
    """The paths of all files below a plan's folder, but for the manifest."""

    def paths(plan: Plan) -> set[str]:
        files = (file for file in plan.out.rglob("*") if file.is_file())
        return {file.relative_to(plan.out).as_posix() for file in files} - {"scenes.json"}

    return paths
