"""The VAE variants and the floors below them, on one backbone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Model


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

    variants = [VAE, BetaVAE, MSSSIMVAE, SpatialVAE, VQVAE, VAEGAN, VPGA, IntroVAE, SoftIntroVAE, AE]
    floors = [PCA, MeanImage, Untrained, Thumbnail, ThreeNumbers]
    return [*variants, *floors, CxrVAE, GrayVAE, MammoVAE]
