"""`merge`: what trained becomes weights of a plain network of timm."""

from pathlib import Path
from typing import Annotated, Any

from vtagml.commands.command import File
from vtagml.commands.messages import say


def merge(
    *,
    ckpt_path: Annotated[Path, "FILE|RUN", "--ckpt_path"],
    config: File | None = None,
    out: File = Path("backbone.safetensors"),
    batches: int = 2,
    tolerance: float | None = None,
) -> None:
    """Writes the trained backbone as a plain network of timm, with a certificate.

    What LoRA and other tunings add is merged into the weights. `timm.create_model` and
    `load_state_dict` alone load the file; the command prints their two lines. Beside it is a JSON
    file of the same name: the differences to the trained network's pyramid in float64 and in
    float32, parameters, latency, the file's digest.

    Where every task has a backbone of its own (`vtagml.encoders.Separate`) each gets a file, with
    the task's name before the suffix. Where tasks part inside the backbone, or its tuning cannot be
    merged, there is an error and no file. Of decoders only a linear layer on ViT's class token
    alone is in it, as timm's head; `lightning export` writes the others.

    Args:
        ckpt_path: A checkpoint, or a run folder for its newest.
        config: The experiment; by default config.yaml of the checkpoint's run folder.
        out: By default backbone.safetensors.
        batches: Of how many batches of validation images, at most 8 of each, the two networks
            are compared; by default 2. Where the data are gone images are random.
        tolerance: Largest difference in float32, as a share of the largest number of a level,
            beyond which nothing is written; by default 1e-5.

    Example:
        lightning merge --ckpt_path runs/scenes_sdne+lora_shared --out backbone.safetensors
    """
    from vtagml.inference import merge_run
    from vtagml.inference.certificate import ROUNDED
    from vtagml.inference.trained import TrainedRun

    if batches < 1:
        raise ValueError(f"`--batches` must be at least 1, found {batches}.")
    run = TrainedRun(ckpt_path, config)
    files = merge_run(run, out, batches, ROUNDED if tolerance is None else tolerance)
    for file in files:
        say(*_described(file.path, file.certificate))
    if not all(file.certificate["arguments"]["num_classes"] for file in files):
        say("Decoders are not in it: `lightning export` writes what trained, with them.")


def _described(path: Path, about: Any) -> list[str]:
    """Returns what was written, how it is loaded, and how near it is to the original."""
    before, after = about["parameters"]["before"], about["parameters"]["after"]
    compared, latency = about["compared_on"], about["latency"]
    exact, rounded = (about["differences"][each] for each in ("float64", "float32"))
    gone = f", the {before['added']:,} of the tuning are gone" if before["added"] else ""
    head = " Its head is the decoder's." if about["arguments"]["num_classes"] else ""
    started = ", ".join(about["as_timm_starts_them"])
    return [
        f"`{path}`: {path.stat().st_size / 2**20:.1f} MiB, for {', '.join(about['tasks'])}. "
        f"{after:,} parameters{gone} ({about['tuning']}).{head}",
        *(f"  {line}" for line in about["load"]),
        *([f"No map passes {started}: they are as timm starts them."] if started else []),
        f"Largest difference to the trained network: {exact['absolute']:.1e} in float64, in "
        f"float32 {rounded['relative']:.1e} of the largest number ({compared['images']} images, "
        f"{compared['of']}). Time for an image: {latency['merged']['milliseconds']:.1f} ms, "
        f"{latency['merged / trained']:.2f} of the trained network's. "
        f"Certificate: `{path.with_suffix('.json')}`.",
    ]
