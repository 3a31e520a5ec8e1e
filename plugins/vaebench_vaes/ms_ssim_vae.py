"""MS-SSIM VAE: Snell et al., "Learning to Generate Images with Perceptual Similarity Metrics", arXiv 1511.06409.

    minimise  E_q(z|x) [d(x, x^)] + beta KL(q(z|x) || N(0, I)),    d = pixels (1 - MS-SSIM(x, x^))

MS-SSIM is not a log-density, so the objective is an expected loss plus a KL penalty, not an evidence bound, and `beta`
has no canonical value. One column of the leaderboard measures the very quantity that this model is trained on, so that
column favours this model.

By default, an L1 term is added to d (`ms-ssim+l1`). MS-SSIM alone is nearly insensitive to a shift in brightness, so a
short training run drifts to a wrong brightness (at 32 px its squared error equalled that of the mean image).
`loss=ms-ssim` is the paper's loss.
"""

from __future__ import annotations

from vaebench_vaes.vae import VAE


class MSSSIMVAE(VAE):
    name = "ms-ssim-vae"
    version = 2
    default_loss = "ms-ssim+l1"
