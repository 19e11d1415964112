"""What runs once for all rows is traced for any number of images, too."""

import pytest
import torch
from torch import Tensor, nn

from tests.fakes.backbones import TinyViT, awake
from vtagml.encoders import Encoder, LastBlocks, OneThenAll, Progressive, Separate
from vtagml.tuning import BottleneckAdapter, Frozen

TASKS = ("depth", "normals")


@pytest.mark.parametrize(
    "network",
    [
        lambda tuning: Separate(TASKS, awake(TinyViT()), tuning),
        lambda tuning: Progressive(TASKS, awake(TinyViT()), tuning, OneThenAll(1)),
        # Tasks have nothing of their own in what runs for all of them.
        lambda tuning: LastBlocks(TASKS, awake(TinyViT()), tuning, own=Frozen()),
    ],
)
@torch.no_grad()
def test_it_is_exported_for_any_batch(network: type[Encoder]) -> None:
    encoder = network(BottleneckAdapter([(2, 1), (3, 1)])).eval()  # type: ignore[arg-type]
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            nn.init.normal_(parameter, std=0.3)
    shapes = ({0: torch.export.Dim("batch")}, None)
    omega = torch.eye(2)

    program = torch.export.export(
        encoder, (torch.zeros(2, 3, 64, 96), omega), dynamic_shapes=shapes, strict=False
    )

    image = torch.rand(3, 3, 64, 96)
    found: dict[str, list[Tensor]] = program.module()(image, omega)
    for task, pyramid in encoder(image, omega).items():
        for level, expected in zip(found[task], pyramid, strict=True):
            torch.testing.assert_close(level, expected, rtol=1e-4, atol=1e-4)
