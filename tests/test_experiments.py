"""Every config of `experiments/` runs through the real command line, small."""

import json
from pathlib import Path

import pytest

from tests.fakes.small import SMALL
from vtagml.cli import main

EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("config", EXPERIMENTS, ids=lambda path: path.stem)
def test_config_trains_tests_and_leaves_its_results(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["fit", "--config", str(config), *SMALL])
    run = tmp_path / "runs" / config.stem
    results = json.loads((run / "metrics.json").read_text())
    assert results["metrics"]["model"].keys() == results["metrics"]["prior"].keys()
    assert (run / "checkpoints" / "last.ckpt").is_file()
    assert (run / "config.yaml").is_file()


def test_there_are_configs() -> None:
    assert "scenes_sdne" in {path.stem for path in EXPERIMENTS}
