"""The networks that this plugin offers: the shared trunk, and the original networks of the reference projects."""

from __future__ import annotations

from vaebench.interfaces import Network
from vaebench_vaes import backbone
from vaebench_vaes.references import r1, r3, r4


class Trunk(Network):
    """The default network of every method, made of residual convolutional blocks, for any image size from 8 px."""

    name = "trunk"
    version = 1
    encoder, decoder = backbone.Encoder, backbone.Decoder


class R1(Network):
    """Five convolutions with batch norm, as in AntixK/PyTorch-VAE; image sides must be multiples of 32."""

    name = "r1"
    version = 1
    encoder, decoder = r1.Encoder, r1.Decoder


class R3(Network):
    """Four convolutions with max pooling, as in reference project R3 on mammograms; image sides must be multiples of
    16."""

    name = "r3"
    version = 1
    encoder, decoder = r3.Encoder, r3.Decoder


class R4(Network):
    """Residual blocks of 4 x 4 convolutions, as in reference project R4, a thesis on knee radiographs; image sides must
    be multiples of 128."""

    name = "r4"
    version = 1
    encoder, decoder = r4.Encoder, r4.Decoder


class R4Quantised(Network):
    """The network of the VQ-VAE in reference project R4, wider and shallower than `r4`; image sides must be multiples
    of 16."""

    name = "r4-quantised"
    version = 1
    encoder, decoder = r4.QuantisedEncoder, r4.QuantisedDecoder


NETWORKS = [Trunk, R1, R3, R4, R4Quantised]
