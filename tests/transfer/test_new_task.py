"""A task that was never trained: its row of ω, its decoder, and nothing else."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer

from tests.fakes.backbones import TinySwinV2, awake
from tests.fakes.holes import CLASSES, SIDE, Holes, sgd, small_decoders
from tests.fakes.trainers import trainer
from tests.transfer.runs import save_run
from vtagml.affinity import TROA, Gram
from vtagml.affinity.transfer import stochastic
from vtagml.encoders import VTAGML
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges, Normals, Segmentation, Task
from vtagml.transfer import GivenRow, MeasuredRow, NewRow, NewTask, SourceWeights, UniformRow

KNOWN = [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]
TASKS = ["segmentation", "depth", "normals", "edges"]
NEW = "depth"  # not the last one: nothing may rely on its place


def encoder(tasks: Any) -> VTAGML:
    return VTAGML(tasks, awake(TinySwinV2((SIDE, SIDE))))


def known_module() -> MultitaskModule:
    """A source that knows three tasks, away from its start."""
    torch.manual_seed(3)
    tasks: list[Task] = [Segmentation(CLASSES), Normals(), Edges()]
    module = MultitaskModule(tasks, encoder, small_decoders, TROA)
    with torch.no_grad():
        for parameter in module.network.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn_like(parameter)
        module.network.affinity.adopt(torch.tensor(KNOWN, dtype=torch.float64))
    return module


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source's run folder, with its checkpoint and its affinities."""
    folder = tmp_path_factory.mktemp("source")
    module = known_module()
    save_run(module, folder)
    (folder / "affinity.json").write_text(json.dumps(module.network.affinity.state()))
    return folder


def new_task(row: Any = MeasuredRow, classes: int = CLASSES, **settings: Any) -> Any:
    torch.manual_seed(4)
    return MultitaskModule(
        [Segmentation(classes), Depth(), Normals(), Edges()],
        encoder,
        small_decoders,
        lambda tasks: row(tasks, NEW, **settings),
        optimizer=sgd,
    )


def row(kind: type[NewRow] = MeasuredRow, **settings: Any) -> Any:
    """A row over three tasks that a source has learned."""
    learned = TROA([task for task in TASKS if task != NEW])
    learned.adopt(torch.tensor(KNOWN, dtype=torch.float64))
    affinity = kind(TASKS, NEW, **settings)
    affinity.take(learned.state())
    return affinity


def adding(source: Path, folder: Path, **settings: Any) -> Trainer:
    return trainer(folder, callbacks=[NewTask(source)], **settings)


def test_only_the_new_decoder_trains(source: Path, tmp_path: Path) -> None:
    module = new_task(start=1)
    fresh = {key: value.clone() for key, value in module.network.decoders.state_dict().items()}
    run = adding(source, tmp_path, max_steps=4)
    run.fit(module, Holes(batch_size=2, workers=0))
    origin = known_module()
    theirs = origin.network.state_dict()
    for key, value in module.network.state_dict().items():
        if key.startswith("affinity"):
            continue
        if NEW in key.split("."):
            assert key not in theirs
        else:
            assert torch.equal(value, theirs[key]), key
    after = module.network.decoders.state_dict()
    assert any(not torch.equal(after[key], fresh[key]) for key in fresh if f".{NEW}." in key)
    # ω of the known tasks is the source's, and the new one's is measured, not uniform.
    omega = module.network.affinity.omega
    assert torch.allclose(omega[[0, 2, 3]][:, [0, 2, 3]], torch.tensor(KNOWN))
    assert not omega[:, 1].any()
    assert not torch.allclose(omega[1, [0, 2, 3]], torch.full((3,), 1 / 3), atol=1e-3)
    assert omega[1].sum() == pytest.approx(1)
    # So what the network says of them is what the source says.
    image = torch.rand(2, 3, SIDE, SIDE)
    with torch.no_grad():
        found, expected = module.eval()(image), origin.eval()(image)
    for name in ("segmentation", "normals", "edges"):
        torch.testing.assert_close(found[name], expected[name])


def test_a_measured_row_is_the_softmax_of_the_cosines() -> None:
    affinity = row(kappa=1.0, rho=0.25, start=1)
    cosines = torch.eye(4, dtype=torch.float64)
    for place, value in ((0, 0.5), (2, 0.25), (3, 0.0)):
        cosines[1, place] = cosines[place, 1] = value
    gram = Gram(cosines, torch.ones(4, 4, dtype=torch.float64))
    affinity.observe(gram)
    third = torch.full((3,), 1 / 3)
    torch.testing.assert_close(affinity.omega[1, [0, 2, 3]], third)  # not before `start`
    affinity.observe(gram)
    # κ/ρ = 4: exp(2), exp(1), exp(0) are 7.389, 2.718, 1, of the sum 11.107.
    expected = torch.tensor([0.6652, 0, 0.2447, 0.0900])
    torch.testing.assert_close(
        affinity.omega[1, [0, 1, 2, 3]][[0, 2, 3]], expected[[0, 2, 3]], atol=1e-4, rtol=0
    )
    assert affinity.omega[1, 1] == 0
    torch.testing.assert_close(affinity.omega[0, [0, 2, 3]], torch.tensor(KNOWN[0]))


def test_a_uniform_row_stays_uniform() -> None:
    affinity = row(UniformRow)
    gram = Gram(torch.ones(4, 4, dtype=torch.float64), torch.ones(4, 4, dtype=torch.float64))
    affinity.observe(gram)
    torch.testing.assert_close(affinity.omega[1], torch.tensor([1 / 3, 0, 1 / 3, 1 / 3]))
    assert torch.equal(affinity.weights, torch.ones(4))


def test_a_given_row_is_by_names_and_stays() -> None:
    affinity = row(GivenRow, values={"edges": 0.75, "segmentation": 0.25})
    affinity.observe(Gram(torch.ones(4, 4).double(), torch.ones(4, 4).double()))
    torch.testing.assert_close(affinity.omega[1], torch.tensor([0.25, 0, 0, 0.75]))
    thirds = row(GivenRow, values=dict.fromkeys(("edges", "segmentation", "normals"), 0.333))
    stochastic("omega", thirds.state()["omega"], TASKS)  # what others can read


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"saliency": 1.0}, r"by names of .* found \['saliency'\]"),
        ({NEW: 1.0}, r"by names of .* found \['depth'\]"),
        ({"edges": 0.5}, r"sum to 1, found \{'edges': 0.5\}"),
        ({"edges": 2.0, "normals": -1.0}, "numbers from 0"),
    ],
)
def test_a_given_row_is_one_of_omega(values: dict[str, float], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        GivenRow(TASKS, NEW, values)


def test_what_trains_has_a_gradient_and_nothing_else(source: Path, tmp_path: Path) -> None:
    module = new_task()
    NewTask(source).setup(trainer(tmp_path), module, "fit")
    data = Holes(batch_size=2, workers=0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    batch["image"] = batch["image"].float() / 255
    module.objective(module.network, batch).tasks.sum().backward()
    trained = set()
    for name, parameter in module.network.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, name
        trained |= {name} if parameter.requires_grad else set()
    assert trained
    assert all(name.startswith(f"decoders.decoders.{NEW}.") for name in trained)
    # And the gradients of all tasks are seen where they part.
    gram = module.network.take_gram()
    assert gram is not None
    assert (gram.dots.diagonal() > 0).all()


def test_a_checkpoint_can_do_without_its_source(source: Path, tmp_path: Path) -> None:
    trained = new_task()
    trained.network.affinity.start_from(source / "affinity.json")
    file = save_run(trained, tmp_path / "run")
    gone = tmp_path / "gone"
    module = new_task()
    run = adding(gone, tmp_path)
    run.test(module, Holes(batch_size=2, workers=0), ckpt_path=file, verbose=False)
    assert torch.equal(module.network.affinity.omega, trained.network.affinity.omega)
    assert torch.equal(module.network.affinity.omega[[0, 2, 3]][:, [0, 2, 3]], torch.tensor(KNOWN))
    assert run.predict(module, Holes(batch_size=2, workers=0), ckpt_path=file)


def test_without_the_source_there_is_nothing_to_start_from(source: Path, tmp_path: Path) -> None:
    # The network's weights are there, the affinities are not.
    shutil.copytree(source / "checkpoints", tmp_path / "moved" / "checkpoints")
    run = adding(tmp_path / "moved", tmp_path, max_steps=1)
    with pytest.raises(FileNotFoundError, match=r"there is no file .*moved/affinity\.json"):
        run.fit(new_task(), Holes(batch_size=2, workers=0))


def test_a_file_that_comes_later_is_read(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "affinity.json"
    affinity = UniformRow(TASKS, NEW)
    affinity.start_from(file)
    file.write_bytes((source / "affinity.json").read_bytes())
    torch.testing.assert_close(affinity.omega, row(UniformRow).omega)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("step", [0, 300])
def test_omega_of_another_step_than_the_network_is_said(
    step: int, source: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(source, run)
    state = json.loads((run / "affinity.json").read_text())
    (run / "affinity.json").write_text(json.dumps({**state, "step": step}))
    if step == 0:  # the network's
        NewTask(run).read()
        return
    with pytest.raises(UserWarning, match=r"last.ckpt` is of step 0 and `.*\.json` of step 300"):
        NewTask(run).read()


def test_an_affinity_without_a_new_task_is_refused(source: Path, tmp_path: Path) -> None:
    module = new_task()
    module.network.affinity = TROA(TASKS)
    with pytest.raises(ValueError, match=r"`affinity` must be .* found TROA"):
        adding(source, tmp_path, max_steps=1).fit(module, Holes(batch_size=2, workers=0))


def test_an_evaluation_freezes_nothing_and_needs_no_source(tmp_path: Path) -> None:
    module = new_task()
    before = [each.requires_grad for each in module.network.parameters()]
    NewTask(tmp_path / "gone").setup(trainer(tmp_path), module, "test")
    assert [each.requires_grad for each in module.network.parameters()] == before


def test_rows_of_no_run_are_asked_for_where_no_run_gives_them() -> None:
    with pytest.raises(FileNotFoundError, match=r"of the run that `vtagml\.transfer\.NewTask`"):
        _ = new_task().network.affinity.omega


def test_a_new_task_is_among_the_tasks() -> None:
    with pytest.raises(ValueError, match=r"`new` must be one of the `tasks`"):
        UniformRow(TASKS, "saliency")


@pytest.mark.parametrize("settings", [{"kappa": 0.0}, {"rho": 0.0}, {"start": -1}])
def test_settings_without_rest_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"`kappa` must be positive, `rho` in \(0, 1\]"):
        MeasuredRow(TASKS, NEW, **settings)


def loaded(module: MultitaskModule, source: Path, folder: Path) -> None:
    callback = NewTask(source)
    callback.setup(trainer(folder), module, "fit")
    callback.load_into(module)


def test_a_source_in_another_order_is_refused(source: Path, tmp_path: Path) -> None:
    tasks = [Edges(), Normals(), Segmentation(CLASSES)]
    other = MultitaskModule(tasks, encoder, small_decoders, TROA)
    file = save_run(other, tmp_path)
    with pytest.raises(ValueError, match=r"order of the tasks is \['edges', 'normals', 'segm"):
        loaded(new_task(), file, tmp_path)


def test_a_source_with_other_classes_is_refused(source: Path, tmp_path: Path) -> None:
    # As many rows as there are known tasks: they are not taken for one row each.
    module = new_task(classes=4)
    with pytest.raises(ValueError, match=r"must have shape \(4, .*found \(3, "):
        loaded(module, source, tmp_path)


def test_a_source_that_knows_the_task_has_another_callback(source: Path) -> None:
    with pytest.raises(ValueError, match=r"order of the tasks is .* missing `affinity\."):
        SourceWeights(source).load_into(new_task())
