"""The network of another run, as the start of this one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from vtagml.backbone import differing_keys
from vtagml.checkpoints.reading import CLASS_NAMES, TASKS, read_checkpoint
from vtagml.module import MultitaskModule
from vtagml.multitask import multitask
from vtagml.run_folder import RunFolder

NETWORK = "network."
SHOWN = 8


class SourceWeights(Callback):
    """Starts a fit from the network of another run: its weights, and its affinity's S and ω.

    The network has to be the config's in all its keys and shapes, with the same tasks in the same
    order and classes of the same names; the model of the YAML is never replaced by the source's.
    A fit that is resumed by `--ckpt_path` goes on from its own checkpoint, and an evaluation has
    one: neither needs the source any more. Optimiser, schedule and counters start anew, but for the
    affinity's, which is past its warm-up.

    Args:
        checkpoint: A checkpoint, or the folder of a run, of which the newest is taken.
    """

    def __init__(self, checkpoint: str | Path) -> None:
        self.checkpoint = Path(checkpoint)
        self._resumes = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._resumes = False

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._resumes = True

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Every rank reads the file itself; its own weights would be those of rank 0 anyway.
        if not self._resumes:
            self.load_into(multitask(pl_module))

    def load_into(self, module: MultitaskModule) -> None:
        """Loads the source's network into that of `module`.

        Raises:
            FileNotFoundError: There is no such checkpoint.
            ValueError: It cannot be read, or its network or its classes are others.
        """
        content = self.read()
        found = self.adapted(network_of(content), module)
        problems = [
            *_other_order(content.get(TASKS), self.known(module.task_names)),
            *differing_keys(module.network.state_dict(), found),
            *_other_classes(content.get(CLASS_NAMES, {}), module.tasks),
        ]
        if problems:
            raise ValueError(
                "`checkpoint` must be a run of the config's own network; that of "
                f"`{self.path}` has {len(problems)} differences, first "
                f"{'; '.join(problems[:SHOWN])}. Give both the same tasks, classes, encoder, "
                "decoders and affinity (config.yaml in the run's folder has the source's)."
            )
        module.network.load_state_dict(found)

    def known(self, tasks: list[str]) -> list[str]:
        """Those of the module's tasks that the source has to know. Here all."""
        return tasks

    def adapted(self, found: dict[str, Tensor], module: MultitaskModule) -> dict[str, Tensor]:
        """The source's state in the form of the module's network. Here it has that form already."""
        return found

    @property
    def path(self) -> Path:
        """The file that is read."""
        is_run = self.checkpoint.is_dir()
        return RunFolder(self.checkpoint).newest_checkpoint if is_run else self.checkpoint

    def read(self) -> dict[str, Any]:
        """What the checkpoint holds: tensors, numbers and text, no code."""
        if not self.path.is_file():
            raise FileNotFoundError(
                f"`checkpoint` of {type(self).__name__} must be a file or the folder of a run, "
                f"found no file `{self.path}`. Train that run first, or name another: "
                "`--trainer.callbacks.checkpoint RUN`, where it is the last of the callbacks."
            )
        return read_checkpoint(self.path)


def network_of(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The state of the network in a checkpoint of any module that has one."""
    return {
        key.removeprefix(NETWORK): value
        for key, value in content.get("state_dict", {}).items()
        if key.startswith(NETWORK)
    }


def _other_order(theirs: Sequence[str] | None, ours: Sequence[str]) -> Iterator[str]:
    """The orders of the tasks if they differ: no shape would tell, and ω would be mixed up."""
    if theirs is not None and list(theirs) != list(ours):
        yield f"the order of the tasks is {list(theirs)}, not {list(ours)}"


def _other_classes(kept: Mapping[str, Sequence[str]], tasks: Mapping[str, Any]) -> Iterator[str]:
    for name, task in tasks.items():
        theirs, ours = kept.get(name), task.class_names
        if theirs and ours and list(theirs) != list(ours):
            yield f"the classes of {name} are {list(theirs)}, not {list(ours)}"
