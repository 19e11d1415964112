"""What every decoder must do, whatever its layers."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from vtagml.decoders import (
    AllMLP,
    ConvDecoder,
    Decoder,
    DeepConvDecoder,
    HighResolution,
    PlainSwinDecoder,
    PooledLinear,
    SwinDecoder,
)

CHANNELS = (8, 16, 24, 32)
SIZE = (64, 64)

DENSE = {
    "all_mlp": partial(AllMLP, width=16),
    "conv": partial(ConvDecoder, width=16),
    "conv_stride_1": partial(ConvDecoder, width=32, stride=1),
    "conv_stride_4": partial(ConvDecoder, width=8, stride=4),
    "high_resolution": HighResolution,
    "deep_conv": partial(DeepConvDecoder, width=16),
    "swin": partial(SwinDecoder, window=3),
    "swin_narrow": partial(SwinDecoder, width=40, heads=(4, 2, 2, 1), window=4, depth=1),
    "plain_swin": partial(PlainSwinDecoder, window=3),
}
ALL = {**DENSE, "pooled": PooledLinear}

Build = Callable[[tuple[int, ...], int], Decoder]
MakePyramid = Callable[..., list[Tensor]]

every = pytest.mark.parametrize("build", ALL.values(), ids=ALL)
dense = pytest.mark.parametrize("build", DENSE.values(), ids=DENSE)


@dense
@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 64), (64, 160)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_map_has_size_and_dtype(
    build: Build, size: tuple[int, int], dtype: torch.dtype, make_pyramid: MakePyramid
) -> None:
    decoder = build(CHANNELS, 3).to(dtype)
    found = decoder(make_pyramid(size=size, dtype=dtype), size)
    assert found.shape == (2, 3, *size)
    assert found.dtype == dtype
    assert found.isfinite().all()


@every
def test_initial_map_is_near_zero_but_not_constant(build: Build, make_pyramid: MakePyramid) -> None:
    found = build(CHANNELS, 3)(make_pyramid(), SIZE)
    # A head reads features of unit scale or less and passes on a tenth of it.
    assert 1e-3 < found.std() < 0.2
    assert found.abs().max() < 1


@every
def test_images_of_a_batch_do_not_see_each_other(build: Build, make_pyramid: MakePyramid) -> None:
    decoder = build(CHANNELS, 3).double()
    one = make_pyramid(batch=3, dtype=torch.float64)
    other = [level.clone() for level in one]
    for level in other:
        level[1:] = 5 * level[1:] + 2
    assert torch.equal(decoder(one, SIZE)[0], decoder(other, SIZE)[0])
    assert not torch.allclose(decoder(one, SIZE)[1], decoder(other, SIZE)[1])


@every
def test_gradient_of_an_image_is_its_own(build: Build, make_pyramid: MakePyramid) -> None:
    pyramid = [level.requires_grad_() for level in make_pyramid()]
    build(CHANNELS, 3)(pyramid, SIZE)[0].square().sum().backward()
    reached = [level.grad for level in pyramid if level.grad is not None]
    assert reached
    for gradient in reached:
        assert gradient[0].abs().sum() > 0
        assert gradient[1].abs().sum() == 0


@every
def test_gradient_reaches_every_parameter(build: Build, make_pyramid: MakePyramid) -> None:
    decoder = build(CHANNELS, 3)
    decoder(make_pyramid(), SIZE).square().sum().backward()
    unreached = [
        name
        for name, parameter in decoder.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert unreached == []


@every
def test_nothing_normalises_over_the_batch_or_works_in_place(
    build: Build, make_pyramid: MakePyramid
) -> None:
    decoder = build(CHANNELS, 3)
    for module in decoder.modules():
        assert not isinstance(module, nn.modules.batchnorm._BatchNorm)
        assert not getattr(module, "inplace", False)
    pyramid = make_pyramid()
    before = [level.clone() for level in pyramid]
    decoder(pyramid, SIZE)
    assert all(map(torch.equal, pyramid, before))


@every
def test_train_and_eval_agree(build: Build, make_pyramid: MakePyramid) -> None:
    decoder = build(CHANNELS, 3)
    trained = decoder.train()(make_pyramid(), SIZE)
    assert torch.equal(trained, decoder.eval()(make_pyramid(), SIZE))


@every
def test_memory_format_does_not_matter(build: Build, make_pyramid: MakePyramid) -> None:
    decoder = build(CHANNELS, 3).double()
    pyramid = make_pyramid(dtype=torch.float64)
    last = [level.contiguous(memory_format=torch.channels_last) for level in pyramid]
    expected = decoder(pyramid, SIZE)
    torch.testing.assert_close(decoder(last, SIZE), expected)
    decoder = decoder.to(memory_format=torch.channels_last)
    torch.testing.assert_close(decoder(last, SIZE), expected)


@every
def test_autocast_keeps_the_dtype_and_nearly_the_values(
    build: Build, make_pyramid: MakePyramid
) -> None:
    decoder = build(CHANNELS, 3)
    expected = decoder(make_pyramid(), SIZE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = decoder(make_pyramid(), SIZE)
    assert found.dtype == torch.float32
    # bfloat16 rounds by up to 1/256 per operation; a dozen or two of them follow one another.
    assert (found - expected).square().mean().sqrt() < 0.05 * expected.square().mean().sqrt()
    found.square().sum().backward()
    assert all(parameter.grad is not None for parameter in decoder.parameters())


@every
def test_errors_name_the_argument(build: Build, make_pyramid: MakePyramid) -> None:
    with pytest.raises(ValueError, match=r"`channels` must be four .* found \(8, 16, 24\)"):
        build(CHANNELS[:3], 3)
    with pytest.raises(ValueError, match=r"`channels` must be four"):
        build((0, 16, 24, 32), 3)
    with pytest.raises(ValueError, match=r"`outputs` must be at least 1, found 0"):
        build(CHANNELS, 0)
    decoder = build(CHANNELS, 3)
    with pytest.raises(ValueError, match=r"`pyramid` must have .* found \(32, 24, 16, 8\)"):
        decoder(make_pyramid(channels=CHANNELS[::-1]), SIZE)
    with pytest.raises(ValueError, match=r"`pyramid` must have .* found \(8, 16, 24\)"):
        decoder(make_pyramid()[:3], SIZE)


def test_map_is_interpolated_to_another_size(make_pyramid: MakePyramid) -> None:
    decoder = ConvDecoder(CHANNELS, 3, width=16)
    assert decoder(make_pyramid(), (60, 50)).shape == (2, 3, 60, 50)


@pytest.mark.usefixtures("unchecked")
def test_compiled_decoder_agrees(make_pyramid: MakePyramid) -> None:
    # The Swin decoder is slow to trace; its block is compiled in its own test.
    decoder = ConvDecoder(CHANNELS, 2, width=16)
    compiled = torch.compile(decoder, backend="aot_eager", fullgraph=True)
    pyramid = make_pyramid(batch=1)
    expected = decoder(pyramid, SIZE)
    found = compiled(pyramid, SIZE)
    torch.testing.assert_close(found, expected)
    gradients = [
        torch.autograd.grad(output.square().sum(), list(decoder.parameters()))
        for output in (found, expected)
    ]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-3, atol=1e-5)
