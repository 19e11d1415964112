"""Settings that make any experiment a matter of seconds."""

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
