"""What the README says in Python and at the shell runs as it stands, and what it names exists."""

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from PIL import Image
from safetensors.torch import save_file

from tests.fakes.experiments import configs_in, resolved
from tests.fakes.small import SMALL, SMALL_FILES
from tests.inference.conftest import run
from tests.objectives.test_uda_experiments import SMALL as SMALL_PAIR
from tests.objectives.test_uda_experiments import SMALL_SCENES
from vtagml.backbone import PlainNetwork, ViT
from vtagml.cli import main

__all__ = ["run"]  # a fixture

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCED = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
PYTHON = [text for language, text in FENCED if language == "python"]
BLOCKS = [text for language, text in FENCED if not language]
# What CI does by itself, what needs a cluster, and a server.
ELSEWHERE = ("make ", "source ", "torchrun ", "#SBATCH ", "srun ", "wandb ")
SMALL_EPOCH = 2  # steps, of `SMALL`
# One device, no compiler: those have tests of their own.
PLAIN = [
    "--trainer.precision=32",
    "--model.compute.compile=null",
    "--trainer.accumulate_grad_batches=1",
]


def commands() -> list[str]:
    """The commands of all blocks in order, lines that go on joined, comments left out."""
    lines = "".join(BLOCKS).replace("\\\n", " ").splitlines()
    return [line.partition(" # ")[0].strip() for line in lines if line.strip()]


COMMANDS = [line for line in commands() if not line.startswith(ELSEWHERE)]


def small(words: list[str], stand_in: Callable[[str], Path]) -> list[str]:
    """What makes a command a matter of seconds, behind its own words."""
    if words[0] == "scenes":
        return ["--count=4", "--size", "48", "64", "--processes=0"]
    if words[0] == "predict" and "--images" in words:
        return ["--trainer.accelerator=cpu"]
    if words[0] == "sweep":
        command = yaml.safe_load((ROOT / words[words.index("--local") + 1]).read_text())["command"]
        return ["--trials=1", *in_proportion([*command, *words])]
    if words[0] not in ("check", "fit", "predict", "prepare", "test"):
        return []
    data = resolved(configs_in(words))["data"]["class_path"].split(".")[-1].lower()
    if words[0] in ("check", "prepare"):
        return [
            "--processes=0",
            *([] if "data/mine" in words else [f"--data.root={stand_in(data)}"]),
        ]
    if data == "adaptation":
        return [*SMALL_PAIR, *SMALL_SCENES]
    if data in ("scenes", "planted"):
        return in_proportion(words)
    overlay = [] if "experiments/small.yaml" in words else ["--config", "experiments/small.yaml"]
    root = [] if "data/mine" in words else [f"--data.root={stand_in(data)}"]
    return [*overlay, *root, *SMALL_FILES, *PLAIN]


def in_proportion(words: list[str]) -> list[str]:
    """`SMALL` with as many epochs as the words ask for, and a validation after as many as there.

    What would end before its first validation does so here, too.
    """
    config = resolved(configs_in(words))
    data, trainer = config["data"]["init_args"], config["trainer"]
    steps = trainer["max_steps"]
    if "--trainer.max_steps" in words:
        steps = int(words[words.index("--trainer.max_steps") + 1])
    epochs = steps / (data["train"] // data["batch_size"])
    every = trainer["check_val_every_n_epoch"]
    replaced = ("--trainer.max_steps", "--trainer.check_val_every_n_epoch")
    backbone = config["model"]["init_args"]["encoder"]["init_args"]["backbone"]
    fetched = backbone["init_args"]["weights"].startswith("data/weights/")  # by `make weights`
    return [
        *(word for word in SMALL if not word.startswith(replaced)),
        *(["--model.encoder.init_args.backbone.init_args.weights=none"] if fetched else []),
        f"--trainer.max_steps={max(1, int(epochs * SMALL_EPOCH))}",
        f"--trainer.check_val_every_n_epoch={every}",
    ]


@pytest.mark.parametrize(("given", "small_steps"), [(100, 2), (200, 4), (380, 7)])
def test_a_small_command_has_the_epochs_of_the_large(given: int, small_steps: int) -> None:
    config = "experiments/scenes_sdne.yaml"
    words = in_proportion(["fit", "--config", config, "--trainer.max_steps", str(given)])
    assert f"--trainer.max_steps={small_steps}" in words
    assert "--trainer.check_val_every_n_epoch=1" in words


def test_python_runs(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, "runs/scenes_sdne")
    write_photo()
    backbone = ViT("vit_small_patch14_dinov2.lvd142m", (128, 128), weights=None, patch_size=16)
    plain = PlainNetwork(backbone)
    assert without_spaces(plain.call).removesuffix(")") in without_spaces(README)
    save_file(plain.weights, "vit.safetensors")
    assert len(PYTHON) == 3
    for block in PYTHON:
        names: dict[str, Any] = {}
        exec(compile(block, "README.md", "exec"), names)
        if "prediction" in names:
            assert names["prediction"]["depth"].shape == (50, 90)
        elif "maps" in names:
            assert names["maps"]["segmentation"].shape == (1, 8, 128, 128)
        else:
            assert torch.equal(names["network"].pos_embed, backbone.model.pos_embed)


def without_spaces(text: str) -> str:
    return "".join(text.split())


def write_photo() -> None:
    Path("my/photos").mkdir(parents=True)
    Image.new("RGB", (90, 50)).save("my/photos/room.jpg")


def test_every_command_is_of_a_known_kind() -> None:
    assert len(COMMANDS) > 20
    assert all(line.startswith("lightning ") for line in COMMANDS)


@pytest.fixture
def stand_in(stand_in: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Copies of its own: the walk prepares them, and other tests would find what it has left."""

    def copied(dataset: str) -> Path:
        own = tmp_path / "stand_ins" / dataset
        if not own.exists():
            shutil.copytree(stand_in(dataset), own)
        return own

    return copied


@pytest.mark.slow
# The copy that `prepare` has made is of other classes than those of the test in 8.
@pytest.mark.filterwarnings("ignore:Only copies with other settings:UserWarning")
def test_commands_run_one_after_the_other(
    stand_in: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one folder, as a reader would, after the demo; each small, and with its outcome seen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    Path("experiments").symlink_to(ROOT / "experiments")
    write_photo()
    main(["fit", "--config", "experiments/scenes_sdne.yaml", *SMALL])
    for line in COMMANDS:
        # With the overlay the run's folder has another name.
        words = shlex.split(line.replace("runs/cityscapes_sdn/", "runs/cityscapes_sdn+small/"))[1:]
        with capsys.disabled():
            print(f"\n$ {line}", end="", flush=True)
        try:
            main([*words, *small(words, stand_in)])
        except SystemExit as end:
            pytest.fail(f"`{line}` ended with {end.code}: {capsys.readouterr().err[-2000:]}")
    for left in (
        "report/report.html",
        "report/report.md",
        "runs/scenes_sdne+frozen/metrics.json",
        "runs/folders_sdn+small/metrics.json",
        "runs/scenes_sdne+dinov2/metrics.json",
        "runs/scenes_sdne+zero_shot_dusk/metrics.json",
        "runs/scenes_sdne+new_edges/metrics.json",
        "runs/scenes_sdne+novel_street/metrics.json",
        "runs/scenes_to_dusk_sdn+adversarial_rooms/metrics.json",
        "runs/cityscapes_sdn+small/metrics.json",
        "runs/planted/affinity.json",
        "runs/in_8_classes/metrics.json",
        "network.onnx",
        "vit.json",
    ):
        assert Path(left).is_file(), f"{left} is not among {sorted(map(str, tmp_path.iterdir()))}"
    (loading,) = (block for block in PYTHON if "load_state_dict" in block)
    exec(loading.replace("(128, 128)", "(64, 64)"), {})  # of the small run


def test_files_it_names_exist() -> None:
    configs = re.findall(r"experiments/[\w/]+\.(?:yaml|json)", README)
    assert configs
    for path in configs:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/one_step.md", "experiments/README.md"]
)
def test_links_lead_somewhere(name: str) -> None:
    document = ROOT / name
    links = re.findall(r"\]\((?!https?:)([\w/.-]*)(?:#([\w-]+))?\)", document.read_text("utf-8"))
    assert links
    for path, anchor in links:
        linked = document.parent / path if path else document
        assert linked.exists(), path
        assert not anchor or anchor in anchors(linked.read_text("utf-8")), f"{path}#{anchor}"


def anchors(text: str) -> list[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings]
