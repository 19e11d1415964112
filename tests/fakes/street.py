"""A run of one step in streets, for tests that evaluate it as users do, in the working folder."""

from pathlib import Path

import torch

from vtagml.cli import main

FILE, CHECKPOINT = Path("street.yaml"), Path("runs/street/checkpoints/last.ckpt")
SEGMENTATION = "{class_path: vtagml.tasks.Segmentation, init_args: {classes: 19}}"
CONFIG = """
model:
  class_path: vtagml.MultitaskModule
  init_args:
    tasks: [TASKS]
    encoder:
      class_path: vtagml.encoders.Shared
      init_args:
        tuning: vtagml.tuning.Frozen
        backbone:
          class_path: vtagml.backbone.SwinV2Nano
          init_args: {image_size: [64, 128]}
    decoders:
      class_path: vtagml.decoders.PerTask
      init_args:
        decoder:
          class_path: vtagml.decoders.ConvDecoder
          init_args: {width: 16}
data:
  class_path: datamodules.Cityscapes
  init_args:
    root: cityscapes
    label_space: cityscapes_19
    image_size: [64, 128]
    batch_size: 2
    workers: 0
trainer:
  accelerator: cpu
  devices: 1
  max_steps: 1
  check_val_every_n_epoch: 1
  log_every_n_steps: 1
  logger: false
test_after_fit: false
"""


def config(*tasks: str) -> str:
    """The config of a small network for the tree in `cityscapes`."""
    return CONFIG.replace("TASKS", ", ".join(tasks))


def train(text: str) -> None:
    """Trains by a config, and replaces the decoders so that all kinds are predicted."""
    FILE.write_text(text)
    main(["fit", "--config", str(FILE)])
    content = torch.load(CHECKPOINT, weights_only=True)
    random = torch.Generator().manual_seed(8)
    for name, weight in content["state_dict"].items():
        if name.startswith("network.decoders") and weight.ndim > 1:
            torch.nn.init.normal_(weight, generator=random)
    torch.save(content, CHECKPOINT)
