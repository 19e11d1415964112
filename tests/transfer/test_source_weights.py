"""A fit starts from another run's network, or says in one error why it cannot."""

import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from tests.fakes.holes import Holes, small_vtagml
from tests.fakes.trainers import trainer
from tests.transfer.runs import moved_vtagml, save_run
from vtagml.commands.parse import config_of
from vtagml.decoders import AllMLP, PerTask
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.transfer import SourceWeights


class AtTheStart(Callback):
    """Keeps the network as it is when training starts."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        network: Any = pl_module.network
        self.state = {key: value.clone() for key, value in network.state_dict().items()}


def started(module: MultitaskModule, source: SourceWeights, folder: Path, **fit: Any) -> AtTheStart:
    start = AtTheStart()
    run = trainer(folder, max_steps=fit.pop("max_steps", 1), callbacks=[source, start])
    run.fit(module, Holes(batch_size=2, workers=0), **fit)
    run.save_checkpoint(folder / "own.ckpt")
    return start


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value), key


def test_fit_starts_from_the_source(tmp_path: Path) -> None:
    source = moved_vtagml()
    save_run(source, tmp_path / "source")
    found = started(small_vtagml(), SourceWeights(tmp_path / "source"), tmp_path).state
    assert_equal(found, source.network.state_dict())
    # All of the affinity, too: ω is that of the source, and observation goes on.
    assert found["affinity.steps"] == 7
    fresh = small_vtagml().network.state_dict()
    assert not torch.equal(found["affinity.log_weights"], fresh["affinity.log_weights"])


def test_a_resumed_fit_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    file = save_run(moved_vtagml(), tmp_path / "source")
    module = small_vtagml()
    started(module, SourceWeights(file), tmp_path)
    own = {key: value.clone() for key, value in module.network.state_dict().items()}
    file.unlink()  # not even needed any more
    settings = {"max_steps": 2, "ckpt_path": tmp_path / "own.ckpt", "weights_only": True}
    found = started(small_vtagml(), SourceWeights(file), tmp_path, **settings).state
    assert_equal(found, own)


def test_a_fit_after_an_evaluation_starts_from_the_source_again(tmp_path: Path) -> None:
    source = moved_vtagml()
    file = save_run(source, tmp_path / "source")
    start, module = AtTheStart(), small_vtagml()
    run = trainer(tmp_path, max_steps=1, callbacks=[SourceWeights(file), start])
    data = Holes(batch_size=2, workers=0)
    other = save_run(small_vtagml(), tmp_path / "other")
    run.validate(module, data, ckpt_path=other, weights_only=True, verbose=False)
    run.fit(module, data)
    assert_equal(start.state, source.network.state_dict())


def test_an_absent_source_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(FileNotFoundError, match=r"SourceWeights .* no file .*last\.ckpt`") as said:
        SourceWeights(tmp_path / "run").load_into(small_vtagml())
    (key,) = re.findall(r"`(--\S+) RUN`", str(said.value))
    files = [f"experiments/{each}.yaml" for each in ("scenes_sdne", "settings/new_edges")]
    words = [*(word for file in files for word in ("--config", file)), f"{key}=elsewhere"]
    monkeypatch.setattr("sys.argv", ["lightning"])
    (callback,) = config_of(words).trainer.callbacks
    assert callback.init_args.checkpoint == "elsewhere"


def module_of(tasks: list[Any], width: int = 16) -> MultitaskModule:
    other = small_vtagml()
    return MultitaskModule(
        tasks,
        lambda names: type(other.network.encoder)(names, other.network.encoder.backbone),  # type: ignore[call-arg]
        lambda outputs, channels: PerTask(
            outputs, channels, lambda levels, count: AllMLP(levels, count, width)
        ),
        type(other.network.affinity),  # type: ignore[arg-type]
    )


FOUR = [Segmentation(3), Depth(), Normals(), Edges()]


@pytest.mark.parametrize(
    ("theirs", "difference"),
    [
        ([Segmentation(4), Depth(), Normals(), Edges()], r"must have shape \(3, .*found \(4, "),
        (FOUR[:3], r"`affinity\.log_weights` must have shape \(4, 4\), found \(3, 3\)"),
        (
            [Depth(), Segmentation(3), Normals(), Edges()],
            r"1 differences, .*order of the tasks is \['depth', 'segmentation', 'normals', 'edges'",
        ),
    ],
    ids=["classes", "tasks", "order"],
)
def test_another_network_is_refused(theirs: list[Any], difference: str, tmp_path: Path) -> None:
    # In the last case each tensor has its shape: only the names tell.
    file = save_run(module_of(theirs), tmp_path)
    module = module_of(FOUR)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(ValueError, match=difference):
        SourceWeights(file).load_into(module)
    assert_equal(module.state_dict(), before)


def test_another_method_is_refused_with_the_names(tmp_path: Path) -> None:
    file = save_run(moved_vtagml(), tmp_path)
    with pytest.raises(ValueError, match=r"missing `decoders\.decoders\.depth.*config\.yaml"):
        SourceWeights(file).load_into(module_of(FOUR))


def test_as_many_classes_of_other_names_are_refused(tmp_path: Path) -> None:
    file = save_run(moved_vtagml(), tmp_path, {"segmentation": ["road", "car", "sky"]})
    module = small_vtagml()
    SourceWeights(file).load_into(module)  # whose classes have no names yet
    module.tasks["segmentation"].bind(Holes().labels)
    with pytest.raises(ValueError, match=r"classes of segmentation are \['road', .* not \['one'"):
        SourceWeights(file).load_into(module)


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("executed",))


def test_code_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "evil.ckpt"
    torch.save({"state_dict": Payload()}, file, pickle_module=pickle)
    with pytest.raises(ValueError, match="code that would run"):
        SourceWeights(file).load_into(small_vtagml())
    assert "executed" not in capsys.readouterr().out
