"""One head gives every task the same scores, and is there once."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.fakes.backbones import TinyViT, awake
from vtagml.decoders import ConvDecoder, OneHead, PlainSummaryLinear, PooledLinear
from vtagml.encoders import Shared
from vtagml.parameter_roles import Role, counts

CHANNELS = (8, 16, 24, 32)
OUTPUTS = {"birds": 7, "cars": 7, "flowers": 7}
IMAGE = torch.zeros(2, 3, 64, 64)


def test_equal_pyramids_have_equal_scores(make_pyramid: Callable[..., list[Tensor]]) -> None:
    decoders = OneHead(OUTPUTS, CHANNELS, PooledLinear)
    first, other = make_pyramid(seed=0), make_pyramid(seed=1)
    maps = decoders({"birds": first, "flowers": first, "cars": other}, IMAGE)
    assert list(maps) == list(OUTPUTS)
    assert torch.equal(maps["birds"], maps["flowers"])
    assert not torch.equal(maps["birds"], maps["cars"])
    torch.testing.assert_close(maps["cars"], decoders.decoder(other, (64, 64)))


def test_all_tasks_teach_it(make_pyramid: Callable[..., list[Tensor]]) -> None:
    decoders = OneHead(OUTPUTS, CHANNELS, PooledLinear)
    pyramid = make_pyramid()
    gradients = []
    for task in (*OUTPUTS, None):
        decoders.zero_grad()
        maps = decoders(dict.fromkeys(OUTPUTS, pyramid), IMAGE)
        sum(each.square().sum() for name, each in maps.items() if task in (None, name)).backward()  # type: ignore[union-attr]
        gradients.append(decoders.decoder.head.weight.grad.clone())
    torch.testing.assert_close(sum(gradients[:-1]), gradients[-1])


def test_its_parameters_are_counted_once_as_a_head() -> None:
    encoder = Shared(list(OUTPUTS), awake(TinyViT((64, 96))))
    decoders = OneHead(OUTPUTS, encoder.channels, PlainSummaryLinear)
    network = torch.nn.ModuleDict({"encoder": encoder, "decoders": decoders})
    found = {role: count.trained for (_, role), count in counts(network).items()}
    assert found[Role.HEAD] == 7 * encoder.channels[-1] + 7
    assert Role.DECODER not in found


def test_other_numbers_of_scores_are_refused() -> None:
    with pytest.raises(ValueError, match=r"`tasks` of one head must all have as many.*'cars': 5"):
        OneHead({"birds": 7, "cars": 5}, CHANNELS, ConvDecoder)
