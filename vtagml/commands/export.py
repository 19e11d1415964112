"""`export`: a trained network, or what trained of it, as a file of its own."""

from pathlib import Path
from typing import Annotated, Any, Literal

from vtagml.commands.command import File
from vtagml.commands.messages import say

SUFFIXED = {"onnx": "network.onnx", "torch_export": "network.pt2"}


def export(
    *,
    ckpt_path: Annotated[Path, "FILE|RUN", "--ckpt_path"],
    config: File | None = None,
    to: Literal["adapters", "onnx", "torch_export"] = "adapters",
    out: File | None = None,
    image_size: tuple[int, int] | None = None,
    dynamic_batch: bool = False,
    tolerance: float | None = None,
) -> None:
    """Writes what trained as safetensors, or the whole network as ONNX or by torch.export.

    What trained (adapters, embeddings, decoders, affinity) goes without the frozen backbone. The
    file names the backbone's architecture and weights, and loads on no other:
    `trainer.callbacks: [{class_path: vtagml.callbacks.LoadAdapters, init_args: {path: FILE}}]`.

    With `--to onnx` or `torch_export` it is the whole network for other programs, with the
    affinities as constants: RGB in [0, 1] in, each task's prediction in its units out. The file is
    run and compared with the original first. It takes one size of image only, in float32: write a
    file per size.

    Args:
        ckpt_path: A checkpoint, or a run folder for its newest.
        config: The experiment; by default config.yaml of the checkpoint's run folder.
        to: What is written; adapters by default.
        out: By default adapters.safetensors, network.onnx or network.pt2.
        image_size: Divisible by 32; by default that of the training.
        dynamic_batch: Any number of images at once instead of one.
        tolerance: Largest difference to the original, beyond which nothing is written; by
            default 1e-4.

    Example:
        lightning export --ckpt_path runs/scenes_sdne --to onnx --out network.onnx
    """
    from vtagml.backbone.weights import metadata_of
    from vtagml.checkpoints import packed_adapters
    from vtagml.checkpoints.adapters import FORMAT
    from vtagml.inference import export_network, load
    from vtagml.inference.exporting import TOLERANCE
    from vtagml.inference.free_place import check_free
    from vtagml.inference.trained import TrainedRun
    from vtagml.run_folder import write_whole

    if to == "adapters" and (image_size or dynamic_batch):
        raise ValueError(
            "`--image-size` and `--dynamic-batch` are of a whole network, found them without "
            "`--to onnx` or `torch_export`: adapters fit images of any size."
        )
    if to == "adapters":
        path = out or Path("adapters.safetensors")
        check_free(path, "export", lambda file: metadata_of(file).get("format") == FORMAT)
        write_whole(path, packed_adapters(TrainedRun(ckpt_path, config).model().network))
        size = path.stat().st_size / 2**20
        report = f"`{path}`: {size:.1f} MiB, without what is frozen."
    else:
        predictor = load(ckpt_path, config, "cpu")
        path = out or Path(SUFFIXED[to])
        largest = TOLERANCE if tolerance is None else tolerance
        exported = export_network(predictor, path, to, image_size, dynamic_batch, largest)
        report = _described(path, predictor, exported, dynamic_batch)
    say(report)


def _described(path: Path, predictor: Any, exported: Any, dynamic_batch: bool) -> str:
    """Returns what was written, how near it is to the original, and what it cannot do."""
    height, width = exported.size
    batch = "batch" if dynamic_batch else "1"
    differences = ", ".join(f"{task} {each:.1e}" for task, each in exported.differences.items())
    return (
        f"`{path}`: {exported.megabytes:.1f} MiB.\n"
        f"Input `image`: RGB in [0, 1], float32 [{batch}, 3, {height}, {width}]; no other size. "
        f"Outputs: {', '.join(predictor.tasks)}, in their units, at that size.\n"
        f"Largest differences to the original: {differences}."
    )
