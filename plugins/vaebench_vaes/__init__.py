"""The VAE variants, the floors that they must beat, and the networks that they can train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Model, Network


@hookimpl
def vaebench_models() -> list[type[Model]]:
    from vaebench_vaes.ae import AE
    from vaebench_vaes.beta_vae import BetaVAE
    from vaebench_vaes.intro_vae import IntroVAE
    from vaebench_vaes.mean_image import MeanImage
    from vaebench_vaes.ms_ssim_vae import MSSSIMVAE
    from vaebench_vaes.pca import PCA
    from vaebench_vaes.references.cxr_vae import CxrVAE
    from vaebench_vaes.references.gray_vae import GrayVAE
    from vaebench_vaes.references.mammo_vae import MammoVAE
    from vaebench_vaes.soft_intro_vae import SoftIntroVAE
    from vaebench_vaes.spatial_vae import SpatialVAE
    from vaebench_vaes.three_numbers import ThreeNumbers
    from vaebench_vaes.thumbnail import Thumbnail
    from vaebench_vaes.untrained import Untrained
    from vaebench_vaes.vae import VAE
    from vaebench_vaes.vae_gan import VAEGAN
    from vaebench_vaes.vpga import VPGA
    from vaebench_vaes.vq_vae import VQVAE
    from vaebench_vaes.zoo.coarse_dae import CoarseDAE
    from vaebench_vaes.zoo.factor_vae import FactorVAE
    from vaebench_vaes.zoo.fsq_vae import FSQVAE
    from vaebench_vaes.zoo.info_vae import InfoVAE
    from vaebench_vaes.zoo.iwae import IWAE
    from vaebench_vaes.zoo.kl_ae import KLAE
    from vaebench_vaes.zoo.ladder_vae import LadderVAE
    from vaebench_vaes.zoo.rae import RAE
    from vaebench_vaes.zoo.rq_vae import RQVAE
    from vaebench_vaes.zoo.tc_vae import TCVAE
    from vaebench_vaes.zoo.two_stage import TwoStage
    from vaebench_vaes.zoo.vamp_vae import VampVAE
    from vaebench_vaes.zoo.wae_mmd import WAEMMD

    variants = [VAE, BetaVAE, MSSSIMVAE, SpatialVAE, VQVAE, VAEGAN, VPGA, IntroVAE, SoftIntroVAE, AE]
    floors = [PCA, MeanImage, Untrained, Thumbnail, ThreeNumbers]
    zoo = [TwoStage, RAE, WAEMMD, InfoVAE, TCVAE, FactorVAE, IWAE, VampVAE, FSQVAE, RQVAE, CoarseDAE, KLAE, LadderVAE]
    return [*variants, *floors, CxrVAE, GrayVAE, MammoVAE, *zoo]


@hookimpl
def vaebench_networks() -> list[type[Network]]:
    from vaebench_vaes.networks import NETWORKS

    return NETWORKS
