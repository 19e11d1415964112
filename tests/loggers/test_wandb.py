"""W&B without a server: what a run writes is read back."""

import json
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from tests.loggers import offline_record as offline
from vtagml.cli import main
from vtagml.loggers import Wandb
from vtagml.loggers.wandb import chosen_mode, kept_id, logged_in
from vtagml.run_folder import RunFolder

ROOT = Path(__file__).parents[2]
FIT = [
    "fit",
    f"--config={ROOT / 'tests/faults/small.yaml'}",
    f"--config={ROOT / 'experiments/loggers/wandb.yaml'}",
    "--trainer.max_steps=3",
    "--trainer.log_every_n_steps=1",
    "--test_after_fit=true",
    "--trainer.callbacks=vtagml.callbacks.GradientConflicts",
]
RUN = Path("runs/small")


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in, nothing is said of a mode, and the folder is empty."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETRC", str(tmp_path / "no-netrc"))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_SILENT", "true")


def test_run_leaves_pictures_tables_config_and_summary() -> None:
    main([*FIT, "--trainer.max_steps=6"])  # an epoch, and so a validation
    (part,) = offline.parts(RUN)
    found = offline.logged(part)
    for key in (
        "affinity/heatmap",
        "predictions/val",
        "predictions/test",
        "conflicts/histogram",
    ):
        assert found[key]["_type"] in ("image-file", "images/separated"), key
    for key in ("parameters/table", "affinity/table"):
        assert found[key]["_type"] == "table-file", key
    table = json.loads((part / "files" / found["parameters/table"]["path"]).read_text())
    kept = json.loads((RUN / "parameters.json").read_text())
    assert table["columns"] == ["part", "trainable", "frozen", "total"]
    assert table["data"][-1] == [
        "total", *(kept["total"][key] for key in ("trainable", "frozen", "total"))
    ]  # fmt: skip
    config = offline.config(part)
    assert config["model"]["init_args"]["affinity"]["init_args"]["every"] == 1
    assert config["trainer"]["max_steps"] == 6
    summary = offline.summary(part)
    tested = json.loads((RUN / "metrics.json").read_text())["metrics"]["model"]
    assert summary["test/depth/rmse"] == pytest.approx(tested["depth"]["rmse"])
    assert (RUN / "logs/version_0/metrics.csv").is_file()


@pytest.mark.slow
def test_resumed_run_is_the_same_and_a_new_fit_another() -> None:
    main([*FIT, "--test_after_fit=false"])
    main([*FIT, "--ckpt_path=last", "--trainer.max_steps=4"])
    first, second = offline.parts(RUN)
    before = offline.run_id(first)
    assert before == offline.run_id(second) == kept_id(RUN / "wandb_run.json")
    steps = [row["trainer/global_step"] for row in offline.history(second) if "train/loss" in row]
    assert steps == [3]  # goes on; the first three steps are 0, 1, 2
    main([*FIT, "--test_after_fit=false"])
    assert kept_id(Path("runs/small.1/wandb_run.json")) == before
    (third,) = offline.parts(RUN)
    assert offline.run_id(third) != before


@pytest.mark.slow
def test_test_alone_goes_on_in_the_same_run() -> None:
    main([*FIT, "--test_after_fit=false"])
    main(["test", *FIT[1:]])
    first, second = offline.parts(RUN)
    assert offline.run_id(first) == offline.run_id(second)
    assert "test/depth/rmse" in offline.logged(second)


@pytest.mark.slow
def test_checkpoints_become_artifacts() -> None:
    logger = {"class_path": "vtagml.loggers.Wandb", "init_args": {"log_model": True}}
    chosen = ["--checkpoint.monitor=val/depth/rmse", f"--trainer.logger={json.dumps(logger)}"]
    main([*FIT, *chosen, "--trainer.max_steps=12"])
    (part,) = offline.parts(RUN)
    models = [each for each in offline.artifacts(part) if each.type == "model"]
    aliases = {alias for each in models for alias in each.aliases}
    assert {"latest", "best"} <= aliases


@pytest.mark.slow
def test_agent_gives_the_id(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "agents1")
    main([*FIT, "--test_after_fit=false"])
    (part,) = offline.parts(RUN)
    assert offline.run_id(part) == kept_id(RUN / "wandb_run.json") == "agents1"


def test_other_ranks_open_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 1)
    logger = Wandb()
    logger.enter(RunFolder(tmp_path / "run"), version=0)
    logger.experiment.log({"a": 1})
    logger.log_metrics({"a": 1.0}, step=1)
    logger.log_image("picture", [None])
    logger.leave(failed=False)
    assert not (tmp_path / "run").exists()


def test_mode_follows_variables_and_login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert chosen_mode() == "offline"
    monkeypatch.setenv("WANDB_MODE", "online")
    assert chosen_mode() is None  # W&B reads the variable itself
    monkeypatch.delenv("WANDB_MODE")
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password key\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert logged_in()
    assert chosen_mode() is None
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org")
    assert not logged_in()
    monkeypatch.setenv("WANDB_API_KEY", "key")
    assert logged_in()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert chosen_mode() == "offline"


def test_damaged_id_is_named(tmp_path: Path) -> None:
    (tmp_path / "wandb_run.json").write_text("[]")
    with pytest.raises(ValueError, match=r"wandb_run.json` must hold the id .* delete it"):
        kept_id(tmp_path / "wandb_run.json")


def test_failed_end_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def finish(self, exit_code: int) -> Any:
            raise OSError("the server is gone")

    logger = Wandb()
    logger._experiment = Gone()  # type: ignore[assignment]
    with pytest.warns(UserWarning, match="The end of the record at W&B could not be made"):
        logger.leave(failed=True)
    assert logger._experiment is None
