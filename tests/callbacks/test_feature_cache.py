"""A run that reads what was computed before is the run that computes it."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from datamodules.transforms import Sample, Transform
from tests.fakes.backbones import TinySwinV2, awake
from tests.fakes.holes import CLASSES, SIDE, Holes, sgd, small_decoders
from tests.fakes.trainers import trainer
from vtagml.affinity import TROA, Uniform
from vtagml.backbone import StagedBackbone
from vtagml.callbacks import FeatureCache, ProgressiveResizing
from vtagml.compute import Compute
from vtagml.encoders import VMT, VTAGML, Encoder, Separate, Shared
from vtagml.module import MultitaskModule
from vtagml.tasks import Depth, Edges, Normals, Segmentation
from vtagml.tuning import BottleneckAdapter

TRAINED, VALIDATED = 12, 5

pytestmark = pytest.mark.filterwarnings(
    "ignore:It is recommended to use .*sync_dist",
    "ignore:No usable gradient",  # samples without any depth
    "ignore:Checkpoint directory .* exists and is not empty",
)


Make = Callable[[Sequence[str], TinySwinV2], Encoder]


def vtagml(tasks: Sequence[str], backbone: TinySwinV2) -> Encoder:
    return VTAGML(tasks, backbone, [(4, 1)])


def plain(tasks: Sequence[str], backbone: TinySwinV2) -> Encoder:
    return Shared(tasks, backbone, BottleneckAdapter([(4, 1)]))


def module(
    seed: int = 0, encoder: Make = vtagml, affinity: Any = None, **settings: Any
) -> MultitaskModule:
    torch.manual_seed(seed)
    return MultitaskModule(
        [Segmentation(CLASSES), Depth(), Normals(), Edges()],
        lambda tasks: encoder(tasks, awake(TinySwinV2((SIDE, SIDE)))),
        small_decoders,
        affinity or (lambda tasks: TROA(tasks, start=0, every=1)),
        optimizer=sgd,
        **settings,
    )


def backbone_of(model: LightningModule) -> StagedBackbone:
    (backbone,) = (each for each in model.modules() if isinstance(each, StagedBackbone))
    return backbone


class Ran(Callback):
    """How often the first frozen block ran, and on how many images, by epoch."""

    def __init__(self) -> None:
        self.images: list[int] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        (_, (_, block), *_) = backbone_of(pl_module).layers()
        block.register_forward_hook(self.count)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.images.append(0)

    def count(self, block: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        if not self.images:
            self.images.append(0)  # a resumed epoch does not begin
        self.images[-1] += len(inputs[0])


def fit(
    folder: Path,
    *callbacks: Callback,
    model: MultitaskModule | None = None,
    data: Holes | None = None,
    ranks: int = 1,
    start: Path | None = None,
    **settings: Any,
) -> dict[str, Tensor]:
    model = model or module()
    settings = {"max_epochs": 2, "limit_val_batches": 1.0} | settings
    run = trainer(folder, ranks, callbacks=[*callbacks], **settings)
    data = data or Holes(batch_size=4 // ranks, workers=0, variants=1)
    run.fit(model, data, ckpt_path=start)
    return model.state_dict()


def cache(folder: Path, dtype: Any = "float32") -> FeatureCache:
    return FeatureCache(str(folder / "features"), dtype)


def assert_close(found: dict[str, Tensor], expected: dict[str, Tensor], bound: float) -> None:
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value, rtol=bound, atol=bound, msg=key)


def test_from_the_second_epoch_on_the_frozen_blocks_rest(tmp_path: Path) -> None:
    ran, again, without = Ran(), Ran(), Ran()
    kept = fit(tmp_path, cache(tmp_path), ran)
    computed = fit(tmp_path, without)

    assert without.images == [TRAINED + VALIDATED] * 2
    assert ran.images == [TRAINED + VALIDATED, 0]
    assert_close(kept, computed, 1e-5)  # batches of another make-up round otherwise

    assert_close(fit(tmp_path, cache(tmp_path), again), kept, 0)  # another run reads it
    assert again.images == [0, 0]


def test_augmented_variants_are_kept_one_by_one(tmp_path: Path) -> None:
    class Noise(Transform):
        def __call__(self, sample: Sample, random: np.random.Generator) -> Sample:
            return sample | {"image": random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)}

    ran = Ran()
    data = Holes(batch_size=4, workers=0, variants=2, augment=[Noise()])
    fit(tmp_path, cache(tmp_path), ran, data=data, max_epochs=4, limit_val_batches=0)
    assert ran.images == [TRAINED, TRAINED, 0, 0]


def test_other_weights_and_precisions_have_files_of_their_own(tmp_path: Path) -> None:
    for count, (seed, dtype) in enumerate([(0, "float32"), (1, "float32"), (0, "bfloat16")], 1):
        ran = Ran()
        fit(tmp_path, cache(tmp_path, dtype), ran, model=module(seed), max_epochs=1)
        assert ran.images == [TRAINED + VALIDATED]
        assert len([*(tmp_path / "features").iterdir()]) == count


def test_products_that_may_be_shortened_have_files_of_their_own(tmp_path: Path) -> None:
    before = torch.get_float32_matmul_precision()
    try:
        for count, products in enumerate(("highest", "high"), 1):
            torch.set_float32_matmul_precision(products)
            fit(tmp_path, cache(tmp_path), max_epochs=1)
            assert len([*(tmp_path / "features").iterdir()]) == count
    finally:
        torch.set_float32_matmul_precision(before)


@pytest.mark.parametrize("encoder", [vtagml, plain])
def test_a_resumed_run_is_one_that_was_not_stopped(tmp_path: Path, encoder: Make) -> None:
    keep = ModelCheckpoint(tmp_path, filename="{step}", save_top_k=-1, every_n_train_steps=3)
    whole = fit(tmp_path, cache(tmp_path), keep, model=module(encoder=encoder))
    ran = Ran()
    start, other = tmp_path / "step=3.ckpt", module(1, encoder)  # whose weights it gives up
    resumed = fit(tmp_path, cache(tmp_path), ran, keep, model=other, start=start)
    assert_close(resumed, whole, 0)
    assert sum(ran.images) == 0


def test_a_run_that_was_killed_in_the_midst_of_a_batch_goes_on_as_if_it_was_not(
    tmp_path: Path,
) -> None:
    whole = fit(tmp_path, cache(tmp_path))
    (folder,) = (tmp_path / "features").iterdir()
    (keys,) = folder.glob("*.keys")
    # Of seventeen rows five are left, one of them of the second batch, and half of the sixth.
    keys.write_bytes(keys.read_bytes()[: 5 * 20 + 13])
    assert_close(fit(tmp_path, cache(tmp_path)), whole, 0)


def test_windows_fitted_to_another_size_have_files_of_their_own(tmp_path: Path) -> None:
    for count, side in enumerate((SIDE, 2 * SIDE), start=1):
        model, ran = module(), Ran()
        backbone_of(model).image_size = (side, side)
        data = Holes(batch_size=4, workers=0, variants=1)
        data.image_size = (SIDE, SIDE)
        with warnings.catch_warnings():  # that windows are not the data's
            warnings.filterwarnings("ignore", "The backbone's windows are fitted")
            fit(tmp_path, cache(tmp_path), ran, model=model, data=data, max_epochs=1)
        assert ran.images == [TRAINED + VALIDATED]
        assert len([*(tmp_path / "features").iterdir()]) == count


def test_half_precision_is_kept_as_the_network_has_it(tmp_path: Path) -> None:
    kept, computed = (
        fit(tmp_path, *callbacks, precision="bf16-mixed", limit_val_batches=0)
        for callbacks in ((cache(tmp_path),), ())
    )
    assert_close(kept, computed, 1e-2)


def test_nothing_is_left_on_the_network(tmp_path: Path) -> None:
    class Broken(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise RuntimeError("broken")

    for callbacks in ((), (Broken(),)):
        model = module()
        try:
            fit(tmp_path, cache(tmp_path), *callbacks, model=model, max_epochs=1)
        except RuntimeError:
            assert callbacks
        assert backbone_of(model).kept is None


@pytest.mark.slow
def test_ranks_read_what_others_computed(tmp_path: Path) -> None:
    alone, together = (
        fit(
            tmp_path / str(ranks),
            cache(tmp_path / str(ranks)),
            model=module().double(),
            ranks=ranks,
            precision="64-true",
        )
        for ranks in (1, 2)
    )
    assert_close(together, alone, 1e-6)  # what is kept has single precision
    (folder,) = (tmp_path / "2" / "features").iterdir()
    shards = [*folder.glob("*.keys")]
    assert len(shards) == 2
    rows = sum(shard.stat().st_size for shard in shards) // 20
    # Nothing twice but what one rank was given before it could know that the other had it.
    assert TRAINED + VALIDATED <= rows <= TRAINED + VALIDATED + 1


def test_what_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`data\.variants` .* must say .* found null"):
        fit(tmp_path, cache(tmp_path), data=Holes(batch_size=4, workers=0))
    with pytest.raises(ValueError, match=r"`model\.compute\.compile` must be null"):
        fit(tmp_path, cache(tmp_path), model=module(compute=Compute(compile="eager")))
    resizing = ProgressiveResizing({0: SIDE})
    with pytest.raises(ValueError, match="must not stand beside ProgressiveResizing"):
        fit(tmp_path, cache(tmp_path), resizing)
    apart = module(encoder=Separate, affinity=Uniform)
    with pytest.raises(ValueError, match=r"one frozen backbone for all tasks .* found Separate"):
        fit(tmp_path, cache(tmp_path), model=apart)
    everywhere = module(encoder=VMT)
    with pytest.raises(ValueError, match="found none in this VMT: give adapters later `blocks`"):
        fit(tmp_path, cache(tmp_path), model=everywhere)


def test_space_is_said_and_too_little_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("vtagml.callbacks.feature_cache.rank_zero_info", said.append)
    fit(tmp_path, cache(tmp_path), max_epochs=1)
    (folder,) = (tmp_path / "features").iterdir()
    size = sum(file.stat().st_size for file in folder.glob("*.rows"))
    assert said[0].startswith(f"FeatureCache: up to {size / 1e9:.3g} GB in `{folder}`, where 0 GB")
    fit(tmp_path, cache(tmp_path), max_epochs=1)
    assert f"where {size / 1e9:.3g} GB are" in said[1]

    usage = type("Usage", (), {"free": size - 1})
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage)
    with pytest.warns(UserWarning, match="suffices for FeatureCache if what is in its folder"):
        fit(tmp_path, cache(tmp_path), max_epochs=1)
    with pytest.raises(ValueError, match=r"must have .* GB free, found .* fewer `data\.variants`"):
        fit(tmp_path / "new", cache(tmp_path / "new"), max_epochs=1)
