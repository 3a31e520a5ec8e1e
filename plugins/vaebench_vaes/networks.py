"""Which encoder and decoder a variant works with: the shared trunk, or those of a reference project as they were."""

from __future__ import annotations

from importlib import import_module
from typing import Literal

from torch import nn

from vaebench.interfaces import Shape
from vaebench_vaes.backbone import Decoder, Encoder
from vaebench_vaes.limits import one_of

Net = Literal["trunk", "r1", "r3", "r4"]


def networks(net: Net, shape: Shape, width: int) -> tuple[nn.Module, nn.Module]:
    """An encoder, whose features have the shape `out`, and the decoder that takes them. Only the trunk has a width."""
    one_of("trunk", "r1", "r3", "r4", net=net)
    if net == "trunk":
        return Encoder(shape, width), Decoder(shape, width)
    reference = import_module(f"vaebench_vaes.references.{net}")
    return reference.Encoder(shape), reference.Decoder(shape)
