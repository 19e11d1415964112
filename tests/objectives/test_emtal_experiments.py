"""EMTAL's configs together have the number of parameters that the paper prints."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.experiments import FOLDER, resolved
from vtagml.building import built
from vtagml.module import MultitaskModule
from vtagml.objectives import MixedMean, QualityRetaining

ONE_HEAD = [FOLDER / "fgvc.yaml", FOLDER / "settings/one_head_fgvc.yaml"]
EMTAL = FOLDER / "methods/emtal.yaml"


def model_of(configs: list[Path]) -> MultitaskModule:
    """The model of some configs, without weights that would have to be downloaded and grouped."""
    settings = resolved(configs)["model"]
    encoder = settings["init_args"]["encoder"]["init_args"]
    encoder["backbone"]["init_args"]["weights"] = None
    tuning: dict[str, Any] = encoder["tuning"]["init_args"]
    if "clustering" in tuning:
        tuning["clustering"] = {"class_path": "vtagml.experts.GivenOrder"}
    model: MultitaskModule = built(MultitaskModule, settings)
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("configs", "count", "objective"),
    [
        (ONE_HEAD, 2_819_158, MixedMean),  # printed 2.82 M, of LoRA
        ([*ONE_HEAD, EMTAL], 1_197_142, QualityRetaining),  # printed 1.20 M
    ],
    ids=["lora", "emtal"],
)
def test_one_head_on_four_sets_has_the_printed_count(
    configs: list[Path], count: int, objective: type
) -> None:
    model = model_of(configs)
    assert sum(each.numel() for each in model.parameters() if each.requires_grad) == count
    assert type(model.objective) is objective
