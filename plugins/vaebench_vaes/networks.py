"""The networks that this plugin offers: the shared trunk, and those of the reference projects as they were."""

from __future__ import annotations

from vaebench.interfaces import Network
from vaebench_vaes import backbone
from vaebench_vaes.references import r1, r3, r4


class Trunk(Network):
    """The residual trunk that every method has unless another network is named; any size from 8 px."""

    name = "trunk"
    version = 1
    encoder, decoder = backbone.Encoder, backbone.Decoder


class R1(Network):
    """Five convolutions with batch norm, as in AntixK/PyTorch-VAE; sides that are multiples of 32."""

    name = "r1"
    version = 1
    encoder, decoder = r1.Encoder, r1.Decoder


class R3(Network):
    """Four convolutions with maximum pooling, as in the mammography project; sides that are multiples of 16."""

    name = "r3"
    version = 1
    encoder, decoder = r3.Encoder, r3.Decoder


class R4(Network):
    """Residual blocks of 4 x 4 convolutions, as in the knee thesis; sides that are multiples of 128."""

    name = "r4"
    version = 1
    encoder, decoder = r4.Encoder, r4.Decoder


class R4Quantised(Network):
    """The knee thesis' network for VQ-VAE, wider and less deep; sides that are multiples of 16."""

    name = "r4-quantised"
    version = 1
    encoder, decoder = r4.QuantisedEncoder, r4.QuantisedDecoder


NETWORKS = [Trunk, R1, R3, R4, R4Quantised]
