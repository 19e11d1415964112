"""Settings that make any experiment on scenes a matter of a second."""

SMALL = [
    "--data.image_size=[64, 64]",
    "--model.encoder.init_args.backbone.init_args.image_size=[64, 64]",
    "--data.train=4",
    "--data.val=2",
    "--data.test=2",
    "--data.batch_size=2",
    "--data.workers=0",
    "--data.cache=null",
    "--trainer.accelerator=cpu",
    "--trainer.devices=1",
    "--trainer.max_steps=2",
    "--trainer.check_val_every_n_epoch=1",
    "--trainer.log_every_n_steps=1",
]
