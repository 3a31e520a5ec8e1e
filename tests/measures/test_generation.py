"""Samples that are like test images, and samples that are wrong in known ways."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.decomposition import PCA

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures import generation, vaebench_metrics
from vaebench_measures.diversity import PairMsSsim, PairMsSsimGap
from vaebench_measures.features.components import Components

METRICS = {metric.name: metric for metric in vaebench_metrics()}
FdPca64, FdPca64Floor, RfdPca64 = (METRICS[name] for name in ("fd-pca64", "fd-pca64-floor", "rfd-pca64"))
KidPca64, KidPca64Floor = METRICS["kid-pca64"], METRICS["kid-pca64-floor"]
PrecisionPca64, RecallPca64, CoveragePca64 = (METRICS[f"{name}-pca64"] for name in ("precision", "recall", "coverage"))


def discs(count: int, seed: int, side: int = 28, channels: int = 1) -> np.ndarray:
    """Soft discs at random places, of random brightness, uint8."""
    row, column, light = np.random.default_rng(seed).random((3, count, 1, 1))
    axis = np.arange(side) / side
    distance = (axis[:, None] - 0.25 - row / 2) ** 2 + (axis - 0.25 - column / 2) ** 2
    disc = (0.3 + 0.7 * light) * np.exp(-distance / 0.03)
    return np.repeat((255 * disc).astype(np.uint8)[:, None], channels, 1)


def split_of(images: np.ndarray) -> Split:
    return Split(images, np.zeros(len(images), int), np.arange(len(images)))


def floats(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


@pytest.fixture
def of_samples(evidence):
    """Evidence of a model that draws these samples, judged against other discs."""

    def build(samples: np.ndarray, **options):
        channels = samples.shape[1]
        train, test = (split_of(discs(count, seed, channels=channels)) for count, seed in ((400, 1), (300, 2)))
        return evidence(test, train, samples=samples, **options)

    return build


def test_components_are_scikit_learns_up_to_sign_and_one_factor():
    train, other = floats(discs(120, 0)), floats(discs(30, 1))
    ours = Components.of(train)(other)
    pca = PCA(64, svd_solver="full").fit(train.reshape(120, -1).astype(np.float64))
    theirs = pca.transform(other.reshape(30, -1)) / np.sqrt(pca.explained_variance_.mean())
    assert ours.shape == (30, 64)
    assert np.abs(ours[:, ::-1]) == pytest.approx(np.abs(theirs), abs=1e-6)
    assert Components.of(train)(train).var(0, ddof=1).mean() == pytest.approx(1)


def test_there_are_no_more_components_than_images_or_pixels_give():
    assert Components.of(floats(discs(10, 0)))(floats(discs(5, 1))).shape == (5, 9)
    assert Components.of(floats(discs(50, 0, side=4)))(floats(discs(5, 1, side=4))).shape == (5, 16)
    tall = floats(discs(50, 0, side=4))
    assert Components.of(tall)(tall).var(0, ddof=1).mean() == pytest.approx(1)


def test_real_images_as_samples_are_at_the_floor(of_samples):
    build = of_samples(floats(discs(200, 3)))
    distance, floor = FdPca64().compute(build), FdPca64Floor().compute(build)
    assert abs(distance.value - floor.value) < 4 * max(distance.error, floor.error)
    assert distance.variant == floor.variant == "200 vs 300"
    assert (distance.n, floor.n) == (200, 200)
    kernel = KidPca64().compute(build)
    assert abs(kernel.value) < 3 * kernel.error
    assert abs(KidPca64Floor().compute(build).value) < 3 * KidPca64Floor().compute(build).error
    assert PrecisionPca64().compute(build).value > 0.8 and RecallPca64().compute(build).value > 0.8


def test_each_fault_of_samples_shows_where_it_should(of_samples):
    good = floats(discs(200, 3))
    half = good[:, :, :, ::-1].copy()
    half[:, :, :, :14] = 0
    faults = {
        "noise": (good + np.random.default_rng(0).normal(0, 0.3, good.shape)).clip(0, 1).astype(np.float32),
        "dark": good * 0.4,
        "half": half,
        "one": np.repeat(good[:1], 200, 0) + np.random.default_rng(0).random(good.shape, np.float32) * 0.01,
    }
    floor = FdPca64().compute(of_samples(good))
    for fault, samples in faults.items():
        build = of_samples(samples)
        assert FdPca64().compute(build).value > floor.value + 5 * floor.error, fault
        assert KidPca64().compute(build).value > 5 * KidPca64().compute(of_samples(good)).error, fault
    collapsed = of_samples(faults["one"])
    assert CoveragePca64().compute(collapsed).value < 0.1
    assert RecallPca64().compute(collapsed).value < 0.1
    assert PairMsSsim().compute(collapsed).value > 0.95
    assert PairMsSsimGap().compute(collapsed).value > 0.3
    assert PrecisionPca64().compute(of_samples(faults["noise"])).value < 0.2


def test_real_images_as_samples_are_as_diverse_as_real_images(of_samples):
    gap = PairMsSsimGap().compute(of_samples(floats(discs(200, 3))))
    assert gap.value < 3 * gap.error
    assert gap.variant == "L2"


def test_constant_samples_have_numbers_that_are_right(of_samples):
    build = of_samples(np.full((50, 1, 28, 28), 0.25, np.float32))
    components = Components.of(build.images("train"))
    test, still = components(build.images("test")), components(np.full((1, 1, 28, 28), 0.25, np.float32))
    expected = np.square(test.mean(0) - still[0]).sum() + test.var(0, ddof=1).sum()
    assert FdPca64().compute(build).value == pytest.approx(expected, rel=1e-6)
    assert PairMsSsim().compute(build).value == pytest.approx(1, abs=1e-5)
    assert CoveragePca64().compute(build).value == 0


def test_reconstructions_have_a_distance_of_their_own(of_samples):
    build = of_samples(floats(discs(20, 3)), reconstruct=lambda x: x)
    assert abs(RfdPca64().compute(build).value) < 1e-6
    assert RfdPca64().compute(of_samples(floats(discs(20, 3)), reconstruct=lambda x: 0.5 * x)).value > 1


def test_three_channels_are_looked_at(of_samples):
    good = floats(discs(100, 3, channels=3))
    tinted = good.copy()
    tinted[:, 2] *= 0.2
    assert FdPca64().compute(of_samples(tinted)).value > 2 * FdPca64().compute(of_samples(good)).value


def test_the_tables_make_these_metrics_and_no_others():
    """Records are read by these names, and boards by these titles."""
    assert [(metric.name, metric.title, metric.verdict) for metric in generation.METRICS] == [
        ("mmd", "MMD", "generation"),
        ("mmd-floor", "MMD floor", "generation"),
        ("mmd-floor-halves", "MMD floor of test halves", "generation"),
        ("kid", "KID", "generation"),
        ("kid-floor", "KID floor", "generation"),
        ("kid-floor-halves", "KID floor of test halves", "generation"),
        ("fd", "FD", "generation"),
        ("fd-floor", "FD floor", "generation"),
        ("fd-floor-halves", "FD floor of test halves", "generation"),
        ("rfd", "rFD", "reconstruction"),
        ("fid", "FID", "generation"),
        ("fid-floor", "FID floor", "generation"),
        ("fid-floor-halves", "FID floor of test halves", "generation"),
        *((share, share, "generation") for share in generation.SHARES),
        ("rfd-pca64", "rFD[pca64]", "reconstruction"),
        ("fd-pca64", "FD[pca64]", "generation"),
        ("fd-pca64-floor", "FD[pca64] floor", "generation"),
        ("fd-pca64-floor-halves", "FD[pca64] floor of test halves", "generation"),
        ("kid-pca64", "KID[pca64]", "generation"),
        ("kid-pca64-floor", "KID[pca64] floor", "generation"),
        ("kid-pca64-floor-halves", "KID[pca64] floor of test halves", "generation"),
        *((f"{share}-pca64", f"{share}[pca64]", "generation") for share in generation.SHARES),
    ]
    assert list(generation.SHARES) == ["precision", "recall", "density", "coverage"]
    versions = {metric.name: metric.version for metric in generation.METRICS}
    assert {name: version for name, version in versions.items() if version != 2} == {
        name: 3 if name.startswith("kid") else 1 for name in versions if name.startswith(("kid", "mmd"))
    }
    assert {metric.name for metric in generation.METRICS if metric.better == "higher"} == {
        name + space for name in generation.SHARES for space in ("", "-pca64")
    }


@pytest.mark.parametrize("metric", [m for m in vaebench_metrics() if m.verdict == "generation"], ids=lambda m: m.name)
def test_where_there_is_no_answer_there_is_a_reason(evidence, of_samples, metric):
    nan = floats(discs(30, 3))
    nan[4, 0, 3, 3] = np.nan
    with pytest.raises(NotApplicable, match="NaN"):
        metric().compute(of_samples(nan))
    with pytest.raises(NotApplicable, match="no prior"):
        metric().compute(without_prior(of_samples(floats(discs(30, 3)))))
    with pytest.raises(NotApplicable, match=r"too few|need at least 4 images, not 3"):
        metric().compute(of_samples(floats(discs(3, 3))))


def without_prior(build):
    build.model.drawn = None
    return build


def test_alike_training_images_and_too_few_of_them_are_reasons(evidence):
    alike = split_of(np.full((40, 1, 28, 28), 9, np.uint8))
    with pytest.raises(NotApplicable, match="all identical"):
        FdPca64().compute(evidence(split_of(discs(40, 1)), alike, samples=floats(discs(40, 2))))
    with pytest.raises(NotApplicable, match="needs 40 training images, but the dataset has only 30"):
        FdPca64Floor().compute(evidence(split_of(discs(40, 1)), split_of(discs(30, 3)), samples=floats(discs(40, 2))))
