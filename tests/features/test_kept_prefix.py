"""An encoder whose frozen beginning is kept says what it said, and its beginning runs once."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.fakes.backbones import FAMILIES, TinySwinV2, awake
from vtagml.backbone import StagedBackbone
from vtagml.encoders import VMT, VTAGML, Encoder, Shared, SideVTAGML
from vtagml.features import FeatureStore, KeptPrefix
from vtagml.tuning import BitFit, BottleneckAdapter, Frozen, LoRA

TASKS, SIZE = ("one", "two"), (32, 32)
LATE = [(3, 1), (4, 1)]

Method = Callable[[Sequence[str], StagedBackbone], Encoder]

METHODS: dict[str, Method] = {
    "vtagml": partial(VTAGML, blocks=LATE),
    "side": partial(SideVTAGML, blocks=LATE),
    "vmt": partial(VMT, blocks=LATE),
    "plain": partial(Shared, tuning=BottleneckAdapter(LATE)),
    "frozen": partial(Shared, tuning=Frozen()),
}


Keep = Callable[..., FeatureStore]


@pytest.fixture
def keep(tmp_path: Path) -> Iterator[Keep]:
    opened = []

    def keep_beginning(
        backbone: StagedBackbone, layers: int, dtype: torch.dtype = torch.float32
    ) -> FeatureStore:
        backbone.kept = kept = KeptPrefix(backbone, layers, tmp_path, dtype, SIZE)
        opened.append(kept.store)
        return kept.store

    yield keep_beginning
    for each in opened:
        each.close()


def beginning(encoder: Encoder) -> tuple[StagedBackbone, int]:
    found = encoder.frozen_beginning()
    assert found is not None
    return found


def outcome(encoder: Encoder, image: Tensor) -> list[Tensor]:
    """Levels of all tasks, and the gradients of all that trains."""
    pyramids = encoder(image, torch.eye(len(TASKS)))
    levels = [level for pyramid in pyramids.values() for level in pyramid]
    trained = [each for each in encoder.parameters() if each.requires_grad]
    loss = sum(level.square().mean() for level in levels)
    return [*levels, *(torch.autograd.grad(loss, trained) if trained else ())]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("layers", [0, 1, 3, 4, 7])
def test_a_walk_goes_on_behind_any_layer(
    family: Callable[..., StagedBackbone], layers: int, keep: Keep
) -> None:
    backbone = awake(family(SIZE)).freeze()
    count = len(backbone.layers()) if layers == 7 else layers
    image = torch.rand(2, 3, *SIZE)
    expected = backbone(image)
    store = keep(backbone, count)
    for _ in range(2):
        assert all(map(torch.equal, backbone(image), expected))
    assert len(store) == 2


@pytest.mark.parametrize("method", METHODS)
def test_levels_and_gradients_are_those_of_the_whole(method: str, keep: Keep) -> None:
    encoder = METHODS[method](TASKS, awake(TinySwinV2(SIZE)))
    image = torch.rand(3, 3, *SIZE)
    expected = outcome(encoder, image)
    store = keep(*beginning(encoder))
    for _ in range(2):
        assert all(map(torch.equal, outcome(encoder, image), expected))
    assert len(store) == 3


@pytest.mark.parametrize("method", METHODS)
def test_frozen_blocks_run_once_for_an_image(method: str, keep: Keep) -> None:
    encoder = METHODS[method](TASKS, awake(TinySwinV2(SIZE)))
    (backbone, layers), ran = beginning(encoder), []
    keep(backbone, layers)
    for place, layer in backbone.layers()[:layers]:
        layer.register_forward_hook(lambda *_, place=place: ran.append(place))
    image = torch.rand(3, 3, *SIZE)

    encoder(image[:2], torch.eye(2))
    assert len(ran) == layers
    encoder(image, torch.eye(2))  # the third is new
    assert len(ran) == 2 * layers
    encoder(image[[2, 0, 1]], torch.eye(2))
    assert len(ran) == 2 * layers
    with pytest.warns(UserWarning, match=r"Features of images of \(32, 32\) are kept, found .*64"):
        encoder(torch.rand(1, 3, 64, 64), torch.eye(2))  # computed as ever
    assert len(ran) == 3 * layers


def test_each_image_has_its_own_features_in_any_order(keep: Keep) -> None:
    backbone = awake(TinySwinV2(SIZE)).freeze()
    encoder = Shared(TASKS, backbone, Frozen())
    image = torch.rand(3, 3, *SIZE)
    expected = backbone(image)
    keep(*beginning(encoder))
    backbone(image[1:])
    order = [2, 0, 1]
    for level, reference in zip(backbone(image[order]), expected, strict=True):
        torch.testing.assert_close(level, reference[order])


def test_the_first_epoch_sees_what_later_ones_will_read(keep: Keep) -> None:
    encoder = METHODS["vtagml"](TASKS, awake(TinySwinV2(SIZE)))
    image = torch.rand(2, 3, *SIZE)
    exact = encoder(image, torch.eye(2))["one"][-1]
    keep(*beginning(encoder), torch.float16)
    first, second = (encoder(image, torch.eye(2))["one"][-1] for _ in range(2))
    assert torch.equal(first, second)
    assert 0 < (first - exact).norm() / exact.norm() < 2e-3


def test_features_too_large_for_a_precision_are_refused(keep: Keep) -> None:
    encoder = METHODS["frozen"](TASKS, awake(TinySwinV2(SIZE)))
    backbone, layers = beginning(encoder)
    with torch.no_grad():
        backbone.model.patch_embed.norm.weight.mul_(1e6)
    keep(backbone, layers, torch.float16)
    with pytest.raises(ValueError, match=r"float16 cannot hold `features of FeatureCache`"):
        encoder(torch.rand(1, 3, *SIZE), torch.eye(2))


@pytest.mark.parametrize(("tuning", "layers"), [(LoRA(2), 1), (BitFit(), 0)])
def test_nothing_is_frozen_in_front_of_a_tuning_of_all_blocks(tuning: object, layers: int) -> None:
    encoder = Shared(TASKS, awake(TinySwinV2(SIZE)), tuning)  # type: ignore[arg-type]
    assert encoder.frozen_beginning() == (encoder.backbone, layers)
