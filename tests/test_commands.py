"""`lightning check`, `prepare` and `scenes`: what they print, and how they end."""

from pathlib import Path

import pytest

from datamodules import CUB, Adaptation, Aircraft
from datamodules.prepared import Copy
from tests.fakes import aircraft, cub
from tests.fakes.tree import Tree, write_tree
from vtagml.cli import main

# All that an experiment has; the backbone would need a file that does not exist.
CONFIG = """
model:
  class_path: vtagml.MultitaskModule
  init_args:
    tasks:
      - class_path: vtagml.tasks.Segmentation
        init_args: {classes: 3}
      - class_path: vtagml.tasks.Edges
    encoder:
      class_path: vtagml.encoders.VTAGML
      init_args:
        backbone:
          class_path: vtagml.backbone.SwinV2Nano
          init_args: {weights: absent.safetensors}
trainer: {max_steps: 2}
progress: {every: 10}
seed_everything: 3
data:
  class_path: tests.fakes.tree.Tree
  init_args: {root: tree, image_size: [16, 24]}
"""


MIXTURE = """
model:
  class_path: vtagml.MultitaskModule
  init_args:
    tasks:
      - class_path: vtagml.tasks.Classification
        init_args: {name: birds, classes: 3}
      - class_path: vtagml.tasks.Classification
        init_args: {name: aircraft, classes: 3}
    encoder:
      class_path: vtagml.encoders.VTAGML
      init_args:
        backbone: vtagml.backbone.SwinV2Nano
data:
  class_path: datamodules.Mixture
  init_args:
    parts:
      - class_path: datamodules.CUB
        init_args: {root: birds, image_size: [16, 16]}
      - class_path: datamodules.Aircraft
        init_args: {root: planes, image_size: [16, 16], taught: train}
"""


ADAPTATION = """
data:
  class_path: datamodules.Adaptation
  init_args:
    source:
      class_path: tests.fakes.tree.Tree
      init_args: {root: tree, image_size: [16, 24]}
    target:
      class_path: tests.fakes.tree.Tree
      init_args: {root: other, image_size: [16, 24]}
"""


@pytest.fixture(autouse=True)
def _experiment_in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_tree(Path("tree"))
    Path("tree.yaml").write_text(CONFIG)


def run(command: str, *words: str) -> int:
    """Runs a command on the experiment, in this process; returns its exit status."""
    try:
        main([command, "--config", "tree.yaml", "--processes=0", *words])
    except SystemExit as stopped:
        return int(str(stopped.code))
    return 0


def damage(name: str) -> None:
    Path("tree", name).write_bytes(b"")


def test_check_of_an_intact_dataset(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check") == 0
    said = capsys.readouterr().out
    assert "Nothing is wrong" in said
    assert "segmentation" in said
    # The experiment's tasks are segmentation and edges, which are derived: depth is not read.
    assert "depth" not in said
    assert not Path("runs").exists()


def test_check_ends_with_1_and_writes_the_skip_list(capsys: pytest.CaptureFixture[str]) -> None:
    damage("train/train1_image.png")
    assert run("check", "--write-skip-list=lists/bad.txt") == 1
    assert "train1_image.png" in capsys.readouterr().out
    lines = Path("lists/bad.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["train1"]
    assert run("check", "--data.skip=lists/bad.txt") == 0


def test_check_reads_the_tasks_that_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    damage("train/train1_depth.png")
    assert run("check") == 0
    assert run("check", "--data.tasks=[depth]") == 1
    assert "train1_depth.png" in capsys.readouterr().out


def test_overlays_count() -> None:
    damage("train/train1_depth.png")
    Path("overlay.yaml").write_text("data: {init_args: {tasks: [depth]}}")
    assert run("check", "--config", "overlay.yaml") == 1


def test_prepare_is_used_by_the_experiment(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("prepare") == 0
    said = capsys.readouterr().out
    assert "8 samples to write" in said
    assert "are free" in said
    assert "Complete and verified" in said
    source = Tree("tree", tasks=["segmentation"]).source("train")
    assert isinstance(source.read, Copy)
    assert source.read.tasks == ("segmentation",)


def test_prepare_elsewhere() -> None:
    assert run("prepare", "--out", "disk") == 0
    assert isinstance(Tree("tree", tasks=["segmentation"]).source("val").read, Copy)
    assert next(Path("disk").rglob("image.raw"))


@pytest.mark.parametrize(
    ("command", "word", "finding"),
    [
        ("check", "--data.root=nowhere", "lightning scenes --as folders"),
        ("prepare", "--data.root=nowhere", "lightning scenes --as folders"),
        ("check", "--data.tasks=[normals]", "normals"),
        ("check", "--processes=-1", "processes"),
    ],
)
def test_mistakes_end_with_one_message(
    command: str, word: str, finding: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(command, word) == 2
    message = capsys.readouterr().err
    assert message.startswith("error: ")
    assert finding in message
    assert len(message.splitlines()) <= 12


def test_prepare_of_a_damaged_dataset_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    damage("val/val1_classes.png")
    assert run("prepare") == 2
    assert "val1_classes.png" in capsys.readouterr().err


def test_prepare_of_scenes_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    scenes = CONFIG[: CONFIG.index("data:")] + "data: {class_path: datamodules.Scenes}"
    Path("tree.yaml").write_text(scenes)
    assert run("prepare") == 2
    assert "`Scenes`" in capsys.readouterr().err


@pytest.fixture
def _mixture() -> None:
    cub.write_tree(Path("birds"))
    aircraft.write_tree(Path("planes"))
    Path("tree.yaml").write_text(MIXTURE)


@pytest.mark.usefixtures("_mixture")
def test_check_of_a_mixture_is_one_of_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    Path("planes/fgvc-aircraft-2013b/data/images/0056978.jpg").write_bytes(b"")
    assert run("check", "--write-skip-list=lists/bad.txt") == 1
    said = capsys.readouterr().out
    # Three species and as many splits of each; the trees have not the official counts.
    assert said.count("of the official") == 6
    assert "Red winged Blackbird" in said
    assert "F/A-18" in said
    assert "nothing known`" not in said
    lists = {path.name: path.read_text().splitlines() for path in Path("lists").iterdir()}
    bad = {name: [line for line in lines if line[0] != "#"] for name, lines in lists.items()}
    assert bad == {"bad_birds.txt": [], "bad_aircraft.txt": ["0056978"]}


@pytest.mark.usefixtures("_mixture")
def test_prepare_of_a_mixture_copies_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("prepare") == 0
    assert capsys.readouterr().out.count("Complete and verified") == 2
    for part in (CUB("birds", (16, 16)), Aircraft("planes", (16, 16), taught="train")):
        for split in ("train", "val", "test"):
            assert isinstance(part.source(split).read, Copy)


@pytest.fixture
def _adaptation() -> None:
    write_tree(Path("other"))
    config = CONFIG[: CONFIG.index("data:")]
    Path("tree.yaml").write_text(config + ADAPTATION)


@pytest.mark.usefixtures("_adaptation")
def test_check_of_an_adaptation_is_one_of_each_part(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train/train1_classes.png", "val/val1_image.png"):
        Path("tree", name).write_bytes(b"")
        Path("other", name).write_bytes(b"")  # no label of the target's training is looked at
    assert run("check", "--write-skip-list=bad.txt") == 1
    lists = {path.name: path.read_text().splitlines() for path in Path().glob("bad*.txt")}
    bad = {name: [line for line in lines if line[0] != "#"] for name, lines in lists.items()}
    assert bad == {"bad_source.txt": ["train1", "val1"], "bad_target.txt": ["val1"]}


@pytest.mark.usefixtures("_adaptation")
def test_prepare_of_an_adaptation_writes_what_its_training_reads() -> None:
    assert run("prepare") == 0
    data = Adaptation(Tree("tree", tasks=["segmentation"]), Tree("other", tasks=["segmentation"]))
    data.setup("fit")
    for split in ("train", "val"):
        assert isinstance(data.target.samples[split].source.read, Copy)
    assert isinstance(data.source.samples["train"].source.read, Copy)
    copy = data.target.samples["train"].source.read
    assert copy.tasks == ()


def test_prepare_of_a_mixture_of_views_says_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    config = Path(__file__).parents[1] / "experiments" / "views_smc.yaml"
    Path("tree.yaml").write_text(config.read_text())
    assert run("prepare") == 2
    assert "`Mixture`: there is nothing to decode" in capsys.readouterr().err


def test_config_without_data_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tree.yaml").write_text("trainer: {max_steps: 1}")
    assert run("check") == 2
    assert "data" in capsys.readouterr().err
