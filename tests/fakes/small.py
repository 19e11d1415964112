"""Settings that make any experiment a matter of seconds."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datamodules

SMALL_TRAINER = [
    "--trainer.accelerator=cpu",
    "--trainer.devices=1",
    "--trainer.max_steps=2",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.log_every_n_steps=1",
]
"""For every experiment."""

SMALL = [
    "--data.image_size=[64, 64]",
    "--model.encoder.init_args.backbone.init_args.image_size=[64, 64]",
    "--data.train=4",
    "--data.val=2",
    "--data.test=2",
    "--data.batch_size=2",
    "--data.workers=0",
    "--data.cache=null",
    *SMALL_TRAINER,
]
"""For experiments on scenes."""

SMALL_FILES = [
    "--data.image_size=[64, 96]",
    "--model.encoder.init_args.backbone.init_args.image_size=[64, 96]",
    "--data.batch_size=2",
    "--data.workers=0",
    *SMALL_TRAINER,
]
"""For experiments on a dataset, with the overlay `experiments/small.yaml`."""

SMALL_VIEWS: dict[str, Any] = {
    **{"image_size": [64, 64], "train": 4, "val": 2, "test": 2, "cache": None, "workers": 0}
}
"""For a part of a mixture that is drawn."""

SMALL_MIXTURE = [
    "--model.encoder.init_args.backbone.init_args.image_size=[64, 64]",
    "--data.batch_size=4",
    "--data.workers=0",
    *SMALL_TRAINER,
]
"""For experiments on a mixture, whose parts are made small one by one."""


def small_parts(parts: Sequence[Mapping[str, Any]], stand_in: Callable[[str], Path]) -> str:
    """The word that makes the parts of a mixture, as its config has them, small."""
    changed = []
    for part in parts:
        settings = dict(part["init_args"])
        if "root" in settings:
            kind = getattr(datamodules, part["class_path"].rpartition(".")[2])
            root = str(stand_in(kind.layouts[0].word))
            settings |= {"image_size": [64, 64], "root": root}
        else:
            settings |= SMALL_VIEWS
        changed.append({**part, "init_args": settings})
    return f"--data.parts={json.dumps(changed)}"
