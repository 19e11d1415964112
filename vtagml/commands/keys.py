"""The keys of an experiment that are changed most, for the help of what runs one."""

from typing import Annotated

ExperimentKey = Annotated[
    str,
    """\
--config FILE                            an experiment; a later one overrides an earlier one
--ckpt_path FILE                         the checkpoint to resume (fit) or to evaluate; `last` is
                                         the run folder's, which evaluations take by default
--seed_everything 1                      random start; --data.seed for order and augmentation
--trainer.default_root_dir runs/mine     the run folder; default: runs/<name of the config>
--trainer.max_steps 1000                 how long
--trainer.devices 8                      how many GPUs; --trainer.precision bf16-mixed
--model.optimizer.init_args.lr 1e-3      the learning rate
--config experiments/methods/NAME.yaml   another method, over the experiment; ablations/ alike
--data.batch_size 8                      per rank; likewise --data.workers
--data.evaluated_at network              score at the network's size, not at that of the files
--augmented_testing.flip true            average over mirrored images; --augmented_testing.scales
--data.label_space vkitti2_8             test in other classes than the checkpoint was trained in
--affinity_heatmap.every 50              likewise --prediction_grid.samples, --progress.every …
--print_config                           shows the resolved config and stops

--model.help vtagml.MultitaskModule      the settings of a class; --data.help datamodules.Scenes
--help-all                               every key""",
]
