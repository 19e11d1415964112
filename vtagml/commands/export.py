"""`export`: a trained network, or what trained of it, as a file of its own."""

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning import LightningModule
from rich import get_console

from vtagml.building import built
from vtagml.checkpoints import packed_adapters, read_checkpoint
from vtagml.contracts import multitask
from vtagml.experiment import ExperimentCLI, experiment
from vtagml.inference import (
    Exported,
    NetworkFile,
    OnnxFile,
    Predictor,
    TorchExportFile,
    export_network,
    load,
)
from vtagml.inference.exporting import TOLERANCE
from vtagml.inference.trained import checkpoint_of, config_beside
from vtagml.run_folder import write_whole

ADAPTERS = "adapters"
NETWORKS: Mapping[str, NetworkFile] = {each.name: each for each in (OnnxFile(), TorchExportFile())}


class ModelCLI(ExperimentCLI):
    """Knows all keys of an experiment; builds its model only."""

    def instantiate_classes(self) -> None:
        config = self.config[self.config.subcommand]
        self.model = built(LightningModule, config.model)
        if config.ckpt_path is not None:
            content = read_checkpoint(Path(config.ckpt_path))
            self.model.on_load_checkpoint(content)  # says where the two differ
            self.model.load_state_dict(content["state_dict"])

    def _run_subcommand(self, subcommand: str) -> None:
        """Leaves it to the command to use the model."""


def model_of(words: Sequence[str]) -> LightningModule:
    """Makes the model of an experiment, with its checkpoint's weights, from a command's words."""
    return experiment(ModelCLI, ["test", *words]).model


def run_export(words: Sequence[str]) -> None:
    """Runs `lightning export`."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--to", default=ADAPTERS)
    parser.add_argument("--out", type=Path)
    options, rest = parser.parse_known_args(words)
    if options.to != ADAPTERS:
        _run_network(options, rest)
        return
    path = options.out or Path("adapters.safetensors")
    write_whole(path, packed_adapters(multitask(model_of(_whole_words(rest))).network))
    size = path.stat().st_size / 2**20
    get_console().print(f"`{path}`: {size:.1f} MiB, without what is frozen.", soft_wrap=True)


def _whole_words(words: Sequence[str]) -> list[str]:
    """Returns the words with the config beside the checkpoint where they name none."""
    if any(word.partition("=")[0] in ("--config", "-c") for word in words):
        return list(words)
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--ckpt_path", type=Path)
    options, rest = parser.parse_known_args(words)
    if options.ckpt_path in (None, Path("last")):  # whose last one a config would say
        raise ValueError(
            "`lightning export` needs `--ckpt_path`, the checkpoint or run folder of a training, "
            f"or `--config`, found {options.ckpt_path or 'neither'}: give runs/NAME."
        )
    checkpoint = checkpoint_of(options.ckpt_path)
    read_checkpoint(checkpoint, "meta")  # said before anything of a config
    return [f"--config={config_beside(checkpoint)}", f"--ckpt_path={checkpoint}", *rest]


def _run_network(options: Namespace, words: Sequence[str]) -> None:
    if options.to not in NETWORKS:
        known = ", ".join((ADAPTERS, *NETWORKS))
        raise ValueError(f"`--to` must be one of {known}, found {options.to!r}.")
    to = NETWORKS[options.to]
    settings = _network_options(words)
    path = options.out or Path(f"network{to.suffix}")
    predictor = load(settings.ckpt_path, settings.config, "cpu")
    size = None if settings.size is None else (settings.size[0], settings.size[1])
    exported = export_network(predictor, path, to, size, settings.dynamic_batch, settings.tolerance)
    get_console().print(said(path, predictor, exported, settings.dynamic_batch), soft_wrap=True)


def _network_options(words: Sequence[str]) -> Namespace:
    parser = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--ckpt_path", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--image-size", dest="size", type=int, nargs=2)
    parser.add_argument("--dynamic-batch", action="store_true")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    settings, rest = parser.parse_known_args(words)
    if rest:
        raise ValueError(
            f"`{rest[0]}` does not go with `--to onnx` and `--to torch_export`, which take "
            "`--ckpt_path`, `--config`, `--image-size`, `--dynamic-batch`, `--tolerance` and "
            "`--out`: the model is the checkpoint's."
        )
    if settings.ckpt_path is None:
        raise ValueError(
            "`--to` needs `--ckpt_path`, the checkpoint or run folder of a training, found none: "
            "give runs/NAME/checkpoints/last.ckpt."
        )
    return settings


def said(path: Path, predictor: Predictor, exported: Exported, dynamic_batch: bool) -> str:
    """Returns what was written, how near it is to the original, and what it cannot do."""
    height, width = exported.size
    batch = "batch" if dynamic_batch else "1"
    differences = ", ".join(f"{task} {each:.1e}" for task, each in exported.differences.items())
    return (
        f"`{path}`: {exported.megabytes:.1f} MiB.\n"
        f"Input `image`: RGB in [0, 1], float32 \\[{batch}, 3, {height}, {width}]; no other size. "
        f"Outputs: {', '.join(predictor.tasks)}, in their units, at that size.\n"
        f"Largest differences to the original: {differences}."
    )
