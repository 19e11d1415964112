import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from rich.console import Console

from tests.fakes.ranks import Ranks
from vtagml.callbacks import Results
from vtagml.callbacks.image_blind_prior import ImageBlindPrior
from vtagml.callbacks.results_table import results_table
from vtagml.tasks import Depth, Edges


@pytest.fixture(scope="module")
def content(finished_run: Path) -> dict[str, Any]:
    return json.loads((finished_run / "metrics.json").read_text())


def test_the_prior_is_learned_in_training_and_scored_in_test(content: dict[str, Any]) -> None:
    prior = content["metrics"]["prior"]
    # Training depth is 2 m everywhere, test depth 3 m: wrong by 1 m, by a third, by the factor 1.5.
    assert prior["depth"]["rmse"] == pytest.approx(1.0)
    assert prior["depth"]["abs_rel"] == pytest.approx(1 / 3)
    assert prior["depth"]["delta1"] == 0.0
    # The classes stand at the same place in every sample.
    assert prior["segmentation"]["miou"] == 1.0


def test_the_model_s_numbers_are_the_logged_ones(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [Results()])
    [logged] = trainer.test(toy.Module(), toy.Data(), verbose=False)
    found = json.loads((tmp_path / "metrics.json").read_text())["metrics"]["model"]
    flat = {f"test/{task}/{key}": value for task in found for key, value in found[task].items()}
    assert flat == pytest.approx(logged)
    assert len(flat) == 6


def test_provenance(content: dict[str, Any], toy: Any) -> None:
    found = content["provenance"]
    assert found["test_samples"] == toy.TEST
    assert found["training"]["steps"] == toy.STEPS
    assert 0 < found["training"]["seconds"] < 600
    assert found["data"] == {"class": "ToyData", "settings": {"seed": 7}}
    assert found["backbone"]["architecture"] == "toy_net"
    assert found["parameters"] == {"trainable": 40, "total": 64}
    assert found["versions"]["torch"] == torch.__version__.split("+")[0] or found["versions"]
    assert found["tasks"]["segmentation"]["classes"] == toy.CLASSES
    assert found["affinity"]["class"] == "Uniform"
    assert found["hardware"]["device"]
    assert found["command"]
    assert content["headline"] == {"segmentation": "miou", "depth": "rmse"}
    assert content["higher_is_better"]["depth"]["delta1"] is True


def test_the_tasks_say_what_their_numbers_are(content: dict[str, Any], toy: Any) -> None:
    assert content["units"]["depth"]["rmse"] == {"name": "RMSE m", "decimals": 3, "factor": 1.0}
    assert content["units"]["segmentation"]["miou"]["factor"] == 100.0
    limits = {"smallest depth": None, "largest depth": None}
    assert content["comparable"]["depth"] == {"unit": "m", **limits}
    assert content["comparable"]["segmentation"] == {"classes": toy.CLASSES, "class map": None}
    assert content["letters"] == {"segmentation": "S", "depth": "D"}


def test_training_is_remembered_by_a_checkpoint(toy: Any, tmp_path: Path) -> None:
    trainer = toy.trainer(tmp_path, [Results()], limit_val_batches=0)
    trainer.fit(toy.Module(), toy.Data())
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    other = toy.trainer(tmp_path, [Results()])
    other.test(
        toy.Module(), toy.Data(), ckpt_path=tmp_path / "last.ckpt", verbose=False, weights_only=True
    )
    found = json.loads((tmp_path / "metrics.json").read_text())["provenance"]
    assert found["training"]["steps"] == toy.STEPS
    assert found["training"]["seconds"] > 0
    assert found["checkpoint"].endswith("last.ckpt")


def test_without_training_data_the_row_is_left_out(toy: Any, tmp_path: Path) -> None:
    class NoTrainingData(toy.Data):
        def train_dataloader(self) -> Any:
            raise FileNotFoundError("no folder `train`")

    trainer = toy.trainer(tmp_path, [Results()])
    with pytest.warns(UserWarning, match="image-blind prior could not be made.*no folder"):
        trainer.test(toy.Module(), NoTrainingData(), verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert metrics["prior"] == {}
    assert metrics["model"]["depth"]["rmse"] > 0


def test_a_task_whose_training_labels_are_all_unknown_has_no_prior(
    toy: Any, tmp_path: Path
) -> None:
    class Unknown(toy.Data):
        def train_dataloader(self) -> Any:
            for batch in super().train_dataloader():
                yield batch | {"segmentation": torch.full_like(batch["segmentation"], 255)}

    toy.trainer(tmp_path, [Results()]).test(toy.Module(), Unknown(), verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert set(metrics["prior"]) == {"depth"}


def test_nan_becomes_null(toy: Any, tmp_path: Path) -> None:
    class Unknown(toy.Module):
        def _log(self, stage: str) -> None:
            self.log("test/depth/rmse", torch.tensor(math.nan))

    toy.trainer(tmp_path, [Results()]).test(Unknown(), toy.Data(), verbose=False)
    metrics = json.loads((tmp_path / "metrics.json").read_text())["metrics"]
    assert metrics["model"] == {"segmentation": {}, "depth": {"rmse": None}}


def test_metrics_that_cannot_be_written_are_an_error(toy: Any, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").mkdir()
    with pytest.raises(OSError, match=r"metrics\.json"):
        toy.trainer(tmp_path, [Results()]).test(toy.Module(), toy.Data(), verbose=False)
    assert list(tmp_path.glob(".metrics*")) == []  # No half file is left.


def test_other_ranks_write_and_print_nothing(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = toy.trainer(tmp_path, [])
    monkeypatch.setattr(Trainer, "is_global_zero", property(lambda self: False))
    Results().on_test_end(trainer, toy.Module())
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_prior_scores_labels_of_another_size() -> None:
    prior = ImageBlindPrior({"depth": torch.full((1, 2, 2), 5.0)}, {"depth": Depth()})
    prior.update({"image": None, "depth": torch.full((3, 1, 8, 6), 4.0)})
    assert prior.compute()["depth"]["rmse"] == pytest.approx(1.0)


def test_prior_leaves_out_tasks_without_test_labels() -> None:
    tasks = {"depth": Depth(), "edges": Edges()}
    predictions = {"depth": torch.ones(1, 2, 2), "edges": torch.zeros(1, 2, 2)}
    prior = ImageBlindPrior(predictions, tasks)
    prior.update({"depth": torch.ones(1, 1, 2, 2)})
    assert set(prior.compute()) == {"depth"}


def test_prior_scores_labels_that_each_have_a_size() -> None:
    """2 m left, 4 m right; truth is 3 m in two images of 1 x 2 and 2 x 4: all are off by 1 m."""
    prior = ImageBlindPrior({"depth": torch.tensor([[[2.0, 4.0]]])}, {"depth": Depth()})
    prior.update({"depth": [torch.full((1, 1, 2), 3.0), torch.full((1, 2, 4), 3.0)]})
    assert prior.compute()["depth"]["rmse"] == pytest.approx(1.0)
    # In a third of 1 x 2 it is right on the left and off by 2 m on the right: 10 + 4 in 12 pixels.
    prior.update({"depth": [torch.tensor([[[2.0, 2.0]]])]})
    assert prior.compute()["depth"]["rmse"] == pytest.approx((14 / 12) ** 0.5)


# Of torchmetrics, on the rank without a label.
@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
def test_prior_is_scored_on_the_labels_of_all_ranks() -> None:
    """Also of a task that one rank has no label of, which would wait for the others for ever."""
    priors = [
        ImageBlindPrior(
            {"depth": torch.full((1, 2, 2), 2.0), "edges": torch.zeros(1, 2, 2)},
            {"depth": Depth(), "edges": Edges()},
        )
        for _ in range(2)
    ]

    def scored(rank: int) -> dict[str, dict[str, float]]:
        priors[rank].update({"depth": torch.full((1 + rank, 1, 2, 2), 3.0 + rank)})
        if rank:
            priors[rank].update({"edges": torch.full((1, 1, 2, 2), 0.5)})
        return priors[rank].compute()

    first, second = Ranks(2).run(scored)
    # One image is wrong by 1 m, two are by 2 m.
    assert first["depth"]["rmse"] == pytest.approx(3**0.5)
    assert first["edges"]["l1"] == pytest.approx(0.5)
    assert first == second


def test_samples_of_all_ranks_count(
    toy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer, module, ranks = toy.trainer(tmp_path, []), toy.Module(), Ranks(2)
    monkeypatch.setattr(trainer.strategy, "reduce", ranks.reduce)

    def counted(rank: int) -> int:
        results = Results()
        results.samples = 3 + rank
        results.on_test_epoch_end(trainer, module)
        return results.samples

    assert ranks.run(counted) == [7, 7]


def table(rows: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    console = Console(width=100, force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(results_table(rows, {"depth": Depth()}))
    return captured.get().splitlines()


def test_table_marks_better_values_headline_and_directions() -> None:
    rows = {
        "model": {"depth": {"rmse": 0.5, "delta1": 0.25}},
        "prior": {"depth": {"rmse": 1.5, "delta1": 0.75}},
    }
    lines = table(rows)
    rmse = next(line for line in lines if "RMSE m ↓" in line)
    delta = next(line for line in lines if "δ < 1.25 % ↑" in line)
    green = ";32m"  # The colour of the best value, in bold on the headline's line.
    assert green in rmse.split("0.500")[0].rsplit("│", 1)[1]
    assert green not in rmse.split("1.500")[0].rsplit("│", 1)[1]
    assert "32m" in delta.split("75.00")[0].rsplit("│", 1)[1]
    assert "32m" not in delta.split("25.00")[0].rsplit("│", 1)[1]
    assert "\x1b[1m" in rmse
    assert "\x1b[1m" not in delta


def test_table_without_a_value_or_a_direction() -> None:
    rows = {
        "model": {"depth": {"rmse": math.nan, "other": 1.0}},
        "prior": {"depth": {"rmse": 1.0, "other": 2.0}},
    }
    lines = table(rows)
    assert not any("32m" in line for line in lines)  # Nothing to compare, nothing is better.
    assert sum("–" in line for line in lines) == 1
