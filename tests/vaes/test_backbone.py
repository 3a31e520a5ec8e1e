"""The trunk: its sizes, its mirror, and that every image is treated alone."""

import pytest
import torch
import torch.nn.functional as F

from vaebench_vaes.backbone import Decoder, Encoder, EnlargingConv, plan


@pytest.mark.parametrize(
    ("side", "sides"),
    [
        (28, [14, 7]),
        (32, [16, 8, 4]),
        (64, [32, 16, 8, 4]),
        (100, [50, 25, 13, 7]),
        (512, [256, 128, 64, 32, 16, 8, 4]),
    ],
)
def test_halves_until_the_grid_is_small(side: int, sides: list[int]) -> None:
    assert [level[1] for level in plan((1, side, side), 8)] == sides


def test_channels_double_up_to_eight_times_the_width() -> None:
    assert [level[0] for level in plan((1, 512, 512), 8)] == [8, 16, 32, 64, 64, 64, 64]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 44, 44), (3, 32, 64)])
def test_the_decoder_returns_to_the_shape_of_the_image(shape: tuple[int, int, int]) -> None:
    encoder, decoder = Encoder(shape, 4), Decoder(shape, 4)
    features = encoder(torch.rand(2, *shape))
    assert features.shape[1:] == encoder.out == decoder.entry
    assert decoder(features).shape == (2, *shape)


def test_nothing_works_at_full_resolution() -> None:
    seen = []
    encoder = Encoder((1, 64, 64), 8)
    for module in encoder.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda _m, _i, out: seen.append(out.shape[-1]))
    encoder(torch.rand(1, 1, 64, 64))
    assert max(seen) == 32


@pytest.mark.parametrize(("out", "small", "big"), [(1, (7, 7), (14, 14)), (3, (5, 8), (10, 16)), (2, (7, 7), (13, 14))])
def test_enlarging_and_convolving_in_one_step_is_the_same_function(
    out: int, small: tuple[int, int], big: tuple[int, int]
) -> None:
    conv = EnlargingConv(4, out, big).double()
    h = torch.randn(3, 4, *small, dtype=torch.float64, requires_grad=True)
    expected = F.conv2d(F.interpolate(h, big, mode="nearest"), conv.weight, conv.bias, padding=1)
    found = conv(h)
    torch.testing.assert_close(found, expected)
    factor = torch.randn_like(found)
    inputs = [h, conv.weight, conv.bias]
    gradients = [torch.autograd.grad((each * factor).sum(), inputs) for each in (found, expected)]
    torch.testing.assert_close(*gradients)


def test_the_weights_of_a_decoder_are_those_of_ordinary_convolutions() -> None:
    assert {key: tuple(value.shape) for key, value in Decoder((1, 28, 28), 8).last.state_dict().items()} == {
        "weight": (1, 8, 3, 3),
        "bias": (1,),
    }


def test_an_image_is_treated_alone_and_alike_in_training_and_evaluation() -> None:
    x = torch.rand(6, 1, 32, 32)
    encoder, decoder = Encoder((1, 32, 32), 8), Decoder((1, 32, 32), 8)
    together = decoder(encoder(x))
    torch.testing.assert_close(decoder(encoder(x[2:3])), together[2:3], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(decoder.eval()(encoder.eval()(x)), together)


@pytest.mark.parametrize(("shape", "width"), [((1, 32, 32), 0), ((1, 4, 4), 8), ((0, 32, 32), 8)])
def test_impossible_networks_are_refused(shape: tuple[int, int, int], width: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        Encoder(shape, width)
