"""EMTAL's configs together have the number of parameters that the paper prints."""

from pathlib import Path
from typing import Any

import pytest

from tests.fakes.experiments import FOLDER, resolved
from vtagml.building import built
from vtagml.module import MultitaskModule
from vtagml.objectives import MixedMean, QualityRetaining

FGVC = [FOLDER / "fgvc.yaml", FOLDER / "settings/one_head_fgvc.yaml"]
VTAB = [FOLDER / "vtab_specialised.yaml", FOLDER / "settings/one_head_vtab.yaml"]
EMTAL = [FOLDER / "methods/emtal.yaml", FOLDER / "settings/one_mean.yaml"]


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
        (FGVC, 2_819_158, MixedMean),  # printed 2.82 M, of LoRA
        ([*FGVC, *EMTAL], 1_197_142, QualityRetaining),  # printed 1.20 M
        (VTAB, 2_406_974, MixedMean),  # printed 2.41 M, of LoRA
        ([*VTAB, *EMTAL], 784_958, QualityRetaining),  # printed 0.78 M
    ],
    ids=["fgvc, lora", "fgvc, emtal", "vtab, lora", "vtab, emtal"],
)
def test_one_head_on_four_sets_has_the_printed_count(
    configs: list[Path], count: int, objective: type
) -> None:
    model = model_of(configs)
    assert sum(each.numel() for each in model.parameters() if each.requires_grad) == count
    assert type(model.objective) is objective
    if isinstance(model.objective, QualityRetaining):
        assert type(model.objective.base) is MixedMean
