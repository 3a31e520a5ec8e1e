"""The code's numbers where they are known: Gaussians with a given divergence, units counted by hand, a prior that is
met or missed by a known amount, densities whose integral over a grey level is known, and PCA's exact likelihood."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from as_told import AsTold
from scipy.stats import norm
from torch import Tensor

from vaebench.evidence import Evidence
from vaebench.interfaces import Gaussian, Images, Model, NotApplicable, Split, Splits
from vaebench_measures.code import (
    METRICS,
    ActiveShare,
    ActiveUnits,
    BitsPerImage,
    IwBound,
    PriorDistance,
    prior_distance,
)
from vaebench_reconstruction import vaebench_losses
from vaebench_reconstruction.likelihoods import Gaussian as GaussianLoss
from vaebench_reconstruction.likelihoods import Laplace
from vaebench_vaes.ae import AE
from vaebench_vaes.pca import PCA
from vaebench_vaes.posterior import Posterior
from vaebench_vaes.vae import VAE
from vaebench_vaes.vae_gan import VAEGAN
from vaebench_vaes.vq_vae import VQVAE


class Known(Model):
    """With the posterior and the density that a test gives it, row by row."""

    name = "known"
    version = 1
    stages = ()

    def __init__(self, mean: np.ndarray, logvar: np.ndarray | float = 0.0, density: torch.distributions.Normal = None):
        super().__init__((1, 8, 8), None)
        self.given = Gaussian(torch.from_numpy(mean).float(), torch.from_numpy(mean * 0 + logvar).float())
        self.density = density

    def posterior(self, x: Tensor) -> Gaussian:
        return self.given

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        return self.density.log_prob(x).flatten(1).sum(1)


def seen(model: Model, split: Split, seed: int = 0) -> Evidence:
    """In one batch, for the known posterior is that of all rows."""
    return AsTold(model, Splits(split, split), seed=seed, dataset="known", batch=5000)


def grey(count: int = 40, value: int | None = None, side: int = 8, patients: int | None = None) -> Split:
    random = np.random.default_rng(5)
    shape = (count, 1, side, side)
    pixels = random.integers(0, 256, shape, np.uint8) if value is None else np.full(shape, value, np.uint8)
    return Split(pixels, np.arange(count) % 2, np.arange(count) % (patients or count))


@pytest.mark.parametrize(
    ("mean", "logvar", "nats"),
    [
        (0.0, 0.0, 0.0),
        (2.0, 0.0, 6.0),
        (0.0, math.log(4), 1.5 * (3 - math.log(4))),
        (1.0, -2.0, 1.5 * (math.exp(-2) + 2)),
    ],
)
def test_the_kl_is_that_of_gaussians_in_bits(mean, logvar, nats):
    score = BitsPerImage().compute(seen(Known(np.full((40, 3), mean), logvar), grey()))
    assert score.value == pytest.approx(nats / math.log(2), abs=1e-5)
    assert score.error == pytest.approx(0, abs=1e-6)
    assert score.n == 40


def test_the_kl_of_discrete_codes_is_their_surprise():
    """A prior that knows nothing asks for all the bits of a code."""
    model = VQVAE((1, 32, 32), GaussianLoss(), codes=16, dim=2, prior="per-position", width=4)
    score = BitsPerImage().compute(seen(model, grey(side=32)))
    assert score.value == pytest.approx(model.bits) == pytest.approx(8 * 8 * 4)


def spread(*variances: float, count: int = 40) -> np.ndarray:
    """Columns of means, each of one variance."""
    column = np.where(np.arange(count) % 4 < 2, 1.0, -1.0)  # independent of the patients below
    return column[:, None] * np.sqrt(variances)


def test_a_unit_is_active_when_its_mean_varies_by_more_than_a_hundredth():
    means = spread(0.0, 0.0099, 0.0101, 1.0, 4.0) + 7
    units, share = (metric().compute(seen(Known(means, -3.0), grey())) for metric in (ActiveUnits, ActiveShare))
    assert (units.value, share.value) == (3, 0.6)
    assert units.error > 0, "the one near the threshold is in doubt"
    assert share.error == pytest.approx(units.error / 5)
    sure = ActiveUnits().compute(seen(Known(spread(0.0, 1.0)), grey()))
    assert (sure.value, sure.error) == (1, 0)


def test_one_image_tells_no_variance():
    with pytest.raises(NotApplicable, match="one image"):
        ActiveUnits().compute(seen(Known(spread(1.0, count=1)), grey(1)))


def test_the_distance_is_that_of_its_definition():
    """Pair by pair, and the prior by a million draws."""
    random = np.random.default_rng(0)
    z, groups = random.normal(0.5, 1.3, (9, 2)), np.array([0, 0, 1, 2, 3, 3, 3, 4, 5])
    y, other = random.standard_normal((2, 1_000_000, 2))

    def k(a, b):
        return np.exp(-np.square(a - b).sum(-1) / 4)

    within = np.mean([k(z[i], z[j]) for i in range(9) for j in range(9) if groups[i] != groups[j]])
    across, prior = np.mean([k(row, y).mean() for row in z]), k(y, other).mean()
    value, _ = prior_distance(z, groups)
    assert value == pytest.approx((within - 2 * across + prior) / prior, abs=2e-3)


@pytest.mark.parametrize("latents", [1, 32, 400])
@pytest.mark.parametrize("count", [8, 300])
def test_draws_of_the_prior_are_no_distance_from_it(latents, count):
    """Right on average for any number of images and latents, and within its error each time."""
    random = np.random.default_rng(latents)
    found = np.array([prior_distance(random.standard_normal((count, latents)), np.arange(count)) for _ in range(60)])
    values, errors = found.T
    assert abs(values.mean()) < 4 * values.std() / np.sqrt(60)
    assert np.mean(np.abs(values) < 2 * errors) > 0.85
    assert values.std() < errors.mean() < 2.5 * values.std()


def test_a_distance_s_error_is_its_spread():
    random = np.random.default_rng(0)
    found = np.array([prior_distance(random.normal(0.3, 1.2, (200, 8)), np.arange(200)) for _ in range(60)])
    values, errors = found.T
    assert errors.mean() == pytest.approx(values.std(), rel=0.3)


@pytest.mark.parametrize("latents", [200, 2000])
def test_what_a_miss_costs_does_not_depend_on_the_number_of_latents(latents):
    random = np.random.default_rng(0)
    z = random.standard_normal((400, latents))
    shift, width = 0.2, 1.5
    for codes, expected in (
        (0 * z, (math.sqrt(math.e) - 1) ** 2),
        (z + shift, 2 * (1 - math.exp(-(shift**2) / 2))),
        (z * width, (1 - math.exp((1 - width**2) / 2)) ** 2),
    ):
        assert prior_distance(codes, np.arange(400))[0] == pytest.approx(expected, rel=0.05)


def test_images_of_one_patient_are_no_pair():
    """Every code three times says as much as once."""
    z = np.random.default_rng(0).normal(0.3, 0.8, (30, 5))
    assert prior_distance(np.repeat(z, 3, 0), np.repeat(np.arange(30), 3)) == pytest.approx(
        prior_distance(z, np.arange(30)), rel=1e-6
    )
    with pytest.raises(NotApplicable, match="but come from only 2"):
        prior_distance(z, np.arange(30) % 2)


def test_the_aggregate_is_drawn_from_the_posteriors_and_the_evidence_s_seed():
    """Means of variance 3/4 and deviations of 1/2 make a unit Gaussian; the means alone do not."""
    means = np.random.default_rng(1).normal(0, math.sqrt(0.75), (1500, 4))
    split = grey(1500)

    def score(logvar, seed=0):
        return PriorDistance().compute(seen(Known(means, logvar), split, seed))

    whole, means_alone = score(math.log(0.25)), score(-30.0)
    assert abs(whole.value) < 2 * whole.error
    assert means_alone.value > 5 * means_alone.error
    assert whole.variant == "n=1500"
    torch.manual_seed(9)
    assert score(math.log(0.25)) == whole != score(math.log(0.25), seed=1)


def test_no_more_codes_are_compared_than_memory_allows():
    score = PriorDistance().compute(seen(Known(np.zeros((2100, 1))), grey(2100)))
    assert (score.n, score.variant) == (2000, "n=2000")


def test_the_bits_of_a_flat_density_are_those_of_a_grey_level():
    score = IwBound().compute(seen(Known(spread(1.0), density=torch.distributions.Uniform(-1, 2)), grey()))
    assert score.value == pytest.approx(math.log2(3 * 255))
    assert (score.n, score.variant) == (40, "4 draws")


@pytest.mark.parametrize("deviation", [0.3, 1 / 255, 0.3 / 255])
def test_the_bits_are_never_fewer_than_those_of_the_grey_levels(deviation):
    """Also where the density is narrower than a level, and at the level itself promises more than all there is."""
    density = torch.distributions.Normal(102 / 255, deviation)
    score = IwBound().compute(seen(Known(spread(1.0), density=density), grey(value=102)))
    edges = norm.cdf([101.5 / 255, 102.5 / 255], 102 / 255, deviation)
    true = -math.log2(np.diff(edges)[0])
    # Over a level the squared distance from its middle is 1/12 of its squared width.
    expected = math.log2(255 * deviation * math.sqrt(2 * math.pi)) + 1 / (24 * (255 * deviation) ** 2 * math.log(2))
    assert score.value == pytest.approx(expected, abs=0.05 * max(1, expected))
    assert score.value > true - 1e-4


@pytest.fixture
def pca() -> PCA:
    """Fitted to images of three directions and some noise."""
    random = np.random.default_rng(0)
    values = (
        128 + 40 * random.normal(size=(200, 3)) @ random.normal(size=(3, 64)) / 2 + 12 * random.normal(size=(200, 64))
    )
    model = PCA((1, 8, 8), latent=3)
    model.fit(Images(torch.from_numpy(values.clip(0, 255).astype(np.uint8)).unflatten(1, (1, 8, 8))))
    return model


def given(model: PCA, x: Tensor):
    """ln p(x|z), the mean not cut to [0, 1]."""

    def likelihood(z: Tensor) -> Tensor:
        mean = (z * model.stretch()) @ model.directions.T + model.mean
        return torch.distributions.Normal(mean, model.noise.sqrt()).log_prob(x.flatten(1)).sum(1)

    return likelihood


@pytest.mark.parametrize("draws", [1, 7])
def test_with_the_true_posterior_the_bound_is_the_likelihood(pca, draws):
    x = pca.sample(20, torch.Generator().manual_seed(1))
    bound = pca.posterior(x).bound(given(pca, x), torch.Generator().manual_seed(2), draws)
    torch.testing.assert_close(bound, -pca.scores(x)["nll"], atol=2e-3, rtol=1e-5)
    torch.testing.assert_close(bound, pca.bound(x, torch.Generator(), draws), atol=2e-3, rtol=1e-5)


def test_with_another_posterior_it_is_below_and_comes_nearer_with_draws(pca):
    x = pca.sample(2000, torch.Generator().manual_seed(1))
    true = pca.posterior(x)
    wrong = Posterior(true.mean + 0.5 * (0.5 * true.logvar).exp(), true.logvar + 0.5)
    generator = torch.Generator().manual_seed(0)
    gaps = [float((-pca.scores(x)["nll"] - wrong.bound(given(pca, x), generator, n)).mean()) for n in (1, 8, 64, 512)]
    assert gaps == sorted(gaps, reverse=True)
    expected = 0.5 * 3 * (math.exp(0.5) + 0.25 - 0.5 - 1)  # one draw: KL(q || p(z|x))
    assert gaps[0] == pytest.approx(expected, rel=0.15)
    assert abs(gaps[3]) < 0.02 * gaps[0]


@pytest.mark.parametrize("loss", [GaussianLoss(0.05), Laplace(0.3)])
def test_a_vae_s_bound_converges_to_the_integral_over_its_code(loss):
    torch.manual_seed(0)
    model = VAE((1, 8, 8), loss, latent=1, width=4).eval()
    x = torch.rand(5, 1, 8, 8)
    with torch.inference_mode():
        z = torch.linspace(-8, 8, 1601)
        each = torch.stack([-model.criterion(model.raw(z[:, None]), row.expand(1601, 1, 8, 8)) for row in x])
        exact = (each.double() + torch.from_numpy(norm.logpdf(z.numpy()))).logsumexp(1) + math.log(0.01)
        one = torch.stack([model.bound(x, torch.Generator().manual_seed(n), 1) for n in range(50)]).mean(0)
        many = model.bound(x, torch.Generator().manual_seed(0), 2000)
    assert one.mean() < exact.mean()
    torch.testing.assert_close(many.double(), exact, atol=0.1, rtol=0)


def test_a_vq_vae_s_bound_is_that_of_its_one_code():
    torch.manual_seed(0)
    model = VQVAE((1, 32, 32), GaussianLoss(variance=0.01), codes=16, dim=2, width=4).eval()
    model.codebook.normal_()
    x = torch.rand(3, 1, 32, 32)
    with torch.inference_mode():
        picture = torch.distributions.Normal(model.reconstruct(x), 0.1).log_prob(x).sum((1, 2, 3))
        found = model.bound(x, torch.Generator(), 5)
    torch.testing.assert_close(found, picture - model.scores(x)["nll"], rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("loss", vaebench_losses(), ids=lambda loss: loss.name)
def test_only_a_likelihood_bounds_one(loss):
    split = grey(4, side=32)
    for kind in (VAE, VQVAE):
        model = kind((1, 32, 32), loss(), width=4)
        if loss in (GaussianLoss, Laplace):
            assert IwBound().compute(seen(model, split)).value > 0
        else:
            with pytest.raises(NotApplicable, match=f"{loss.name.replace('+', '.')} is not a density of images"):
                IwBound().compute(seen(model, split))


def test_models_without_a_likelihood_or_a_prior_say_so():
    split = grey(4, side=32)
    with pytest.raises(NotApplicable, match="objective is not a density"):
        IwBound().compute(seen(VAEGAN((1, 32, 32), width=4), split))
    for metric in METRICS:
        with pytest.raises(NotApplicable, match=r"no (Gaussian posterior|bound on ln p)"):
            metric().compute(seen(AE((1, 32, 32), GaussianLoss(), width=4), split))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_asked_twice_it_says_the_same_and_nan_is_a_reason(metric):
    torch.manual_seed(0)
    split = grey(20, side=32, patients=7)
    model = VAE((1, 32, 32), GaussianLoss(), latent=4, width=4)
    first = metric().compute(seen(model, split, seed=3))
    torch.manual_seed(5)
    np.random.seed(5)
    assert metric().compute(seen(model, split, seed=3)) == first
    with torch.no_grad():
        model.to_latent[-1].bias.fill_(float("nan"))
    with pytest.raises(NotApplicable, match="NaN"):
        metric().compute(seen(model, split))
