"""The extractor that comes with the package, distances in its space, and extractors of other people."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from vaebench.interfaces import NotApplicable, Split
from vaebench_measures import vaebench_metrics
from vaebench_measures.distances.cloud import Cloud
from vaebench_measures.distances.frechet import frechet
from vaebench_measures.distances.kernels import by_kernel
from vaebench_measures.distances.neighbours import compare
from vaebench_measures.features import extractor
from vaebench_measures.features.extractor import Cnn, levels, published, standard
from vaebench_medical.phantoms import chest

METRICS = {metric.name: metric for metric in vaebench_metrics()}
Fd, FdFloor, Kid, KidFloor = (METRICS[name] for name in ("fd", "fd-floor", "kid", "kid-floor"))
Precision, Recall = METRICS["precision"], METRICS["recall"]
COUNT = 240
PINNED = [[1.6602, -1.2659, -0.0559, -0.5303], [0.6942, 1.0249, 0.7839, -1.1892]]


def patients(first: int, count: int = COUNT, size: int = 64, labels: int = 3) -> Split:
    index = first + np.arange(count)
    drawing = chest.draw(0, index, index % labels, size)
    return Split(drawing.images, index % labels, index // 2)


def kid(x: np.ndarray, y: np.ndarray) -> float:
    return by_kernel(Cloud(x), Cloud(y))[0]


def floats(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / 255


@pytest.fixture(scope="module")
def real() -> tuple[Split, Split]:
    return patients(0), patients(10_000)


@pytest.fixture
def of_samples(evidence, real):
    return lambda samples: evidence(*real, samples=samples)


def test_only_the_published_weights_are_loaded(tmp_path, monkeypatch):
    assert extractor.FILE.stat().st_size < 2_000_000
    other = tmp_path / "extractor.safetensors"
    with pytest.raises(NotApplicable, match="missing; install the package again"):
        published(other)
    content = bytearray(extractor.FILE.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    with pytest.raises(NotApplicable, match="not the published file"):
        published(other)
    assert not any(p.requires_grad for p in published().parameters())


def test_features_are_what_they_were():
    ramp = (np.arange(64)[:, None] * 3 + np.arange(64) % 7 * 8).astype(np.uint8)[None, None]
    found = Cnn()(np.concatenate([ramp, 255 - ramp]))
    assert found.shape == (2, 64) and found.dtype == np.float64
    assert found[:, ::16] == pytest.approx(np.array(PINNED), abs=2e-3)


def test_colour_becomes_grey_by_luma():
    red, grey = torch.zeros(1, 3, 64, 64, dtype=torch.uint8), torch.full((1, 1, 64, 64), 90, dtype=torch.uint8)
    red[:, 0] = 255
    assert standard(red).mean().item() == pytest.approx(0.299)
    assert torch.allclose(standard(grey.expand(-1, 3, -1, -1)), standard(grey))
    with pytest.raises(NotApplicable, match="one or three channels, not 2"):
        standard(torch.zeros(1, 2, 64, 64, dtype=torch.uint8))


@pytest.mark.parametrize("size", [28, 64, 100, 128, 256])
def test_any_size_becomes_64_px_without_aliasing(size):
    board = (255 * (np.indices((size, size)).sum(0) % 2)).astype(np.uint8)
    seen = standard(torch.from_numpy(board)[None, None])
    assert seen.shape == (1, 1, 64, 64) and 0 <= seen.min() <= seen.max() <= 1
    if size >= 128:
        assert seen.std() < 0.05
    flat = standard(torch.full((1, 1, size, size), 51, dtype=torch.uint8))
    assert flat.numpy() == pytest.approx(0.2, abs=1e-6)


def test_floats_are_seen_with_256_levels_and_batches_do_not_show(real):
    images, seen_by = real[0].images[:150], Cnn()
    assert (seen_by(images) == seen_by(floats(images))).all()
    assert (seen_by(images) == seen_by((floats(images) + 0.4 / 255).astype(np.float32))).all()
    assert seen_by(images)[140:] == pytest.approx(seen_by(images[140:]), abs=1e-4)
    assert levels(torch.tensor([-0.1, 0.0, 0.5, 1.0, 1.7])).tolist() == [0, 0, 128, 255, 255]


def test_two_samples_of_one_distribution_are_at_zero_and_at_the_floor(of_samples):
    build = of_samples(floats(patients(20_000).images))
    kid, floor = Kid().compute(build), KidFloor().compute(build)
    assert abs(kid.value) < 3 * kid.error and abs(floor.value) < 3 * floor.error
    fd, fd_floor = Fd().compute(build), FdFloor().compute(build)
    assert abs(fd.value - fd_floor.value) < 3 * np.hypot(fd.error, fd_floor.error)
    assert kid.n == COUNT and kid.variant == floor.variant == f"cnn@{extractor.SHA256[:8]}, {COUNT} vs {COUNT}"
    assert Precision().compute(build).value > 0.7 and Recall().compute(build).value > 0.7


def test_distances_rise_with_every_fault(real):
    seen_by = Cnn()
    test = seen_by(real[0].images)
    clean = patients(20_000).images
    random = np.random.default_rng(0)
    grain = random.normal(size=clean.shape)

    def blurred(sigma: float) -> np.ndarray:
        return floats(gaussian_filter(clean.astype(np.float32), (0, 0, sigma, sigma)))

    def noisy(deviation: float) -> np.ndarray:
        return (floats(clean) + deviation * grain).clip(0, 1).astype(np.float32)

    def apart(samples: np.ndarray) -> np.ndarray:
        features = seen_by(samples)
        return np.array([kid(features, test), frechet(features, test)])

    kinds = {
        "blur": [blurred(sigma) for sigma in (0.5, 0.75, 1)],
        "noise": [noisy(deviation) for deviation in (0.02, 0.04, 0.08)],
        "patients": [floats(np.resize(clean[:kept], clean.shape)) for kept in (80, 40, 20)],
    }
    worst = np.zeros(2)
    for kind, degrees in kinds.items():
        found = [apart(samples) for samples in degrees]
        assert (np.diff(found, axis=0) > 0).all(), (kind, found)
        worst = np.maximum(worst, found[-1])
    repeated = (floats(clean[:1]) + 0.08 * grain).clip(0, 1).astype(np.float32)
    assert (apart(repeated) > worst).all()


def test_distances_agree_with_torch_fidelity_on_the_same_pictures(fidelity, evidence, real):
    samples, alone = patients(20_000).images, (replace(split, groups=np.arange(COUNT)) for split in real)
    build = evidence(*alone, samples=floats(samples))
    found = theirs(fidelity, samples, real[0].images)
    assert Fd().compute(build).value == pytest.approx(found["frechet_inception_distance"], rel=1e-5)
    assert Kid().compute(build).value == pytest.approx(found["kernel_inception_distance_mean"], abs=1e-6)
    features = [Cnn()(images) for images in (samples, real[0].images)]
    shares = compare(*features, k=3)
    assert shares.precision == pytest.approx(found["precision"], abs=1.5 / COUNT)
    assert shares.recall == pytest.approx(found["recall"], abs=1.5 / COUNT)


def theirs(fidelity, *images: np.ndarray) -> dict[str, float]:
    """torch-fidelity's distances, with our extractor registered as one of its own."""
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class Registered(FeatureExtractorBase):
        def __init__(self, name, features_list, **kwargs):
            super().__init__(name, features_list)
            self.seen_by = Cnn()

        def forward(self, x):
            return (self.seen_by.features(x),)

        get_provided_features_list = staticmethod(lambda: ("64",))
        get_default_feature_layer_for_metric = staticmethod(lambda metric: "64")
        can_be_compiled = staticmethod(lambda: False)
        get_dummy_input_for_compile = staticmethod(lambda: None)

    class Pictures(torch.utils.data.Dataset):
        def __init__(self, pixels: np.ndarray) -> None:
            self.pixels = torch.from_numpy(pixels)

        def __len__(self) -> int:
            return len(self.pixels)

        def __getitem__(self, i: int) -> torch.Tensor:
            return self.pixels[i]

    if "vaebench-cnn" not in FEATURE_EXTRACTORS_REGISTRY:
        fidelity.register_feature_extractor("vaebench-cnn", Registered)
    first, second = map(Pictures, images)
    whole = {"kid_subsets": 1, "kid_subset_size": COUNT, "prc_neighborhood": 3}
    quiet = {"cuda": False, "verbose": False, "cache": False, "save_cpu_ram": True}
    return fidelity.calculate_metrics(
        input1=first, input2=second, feature_extractor="vaebench-cnn", fid=True, kid=True, prc=True, **whole, **quiet
    )


def test_the_headline_has_its_values_under_patient_draws(of_samples):
    kid = Kid().compute(of_samples(floats(patients(20_000).images) * np.float32(0.8)))
    assert len(kid.replicates) == 200
    assert np.mean(kid.replicates) == pytest.approx(kid.value, abs=3 * np.std(kid.replicates))
    assert 0 < np.std(kid.replicates) < 0.5 * kid.value


@pytest.fixture(scope="module")
def strangers() -> dict[str, Any]:
    """What the page about metrics shows."""
    page = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    defined: dict[str, Any] = {"__name__": "strangers"}
    exec(example, defined)
    return defined


def test_a_strangers_extractor_plugs_in(evidence, real, strangers):
    samples = patients(20_000).images // 2
    build = evidence(*(replace(split, groups=np.arange(COUNT)) for split in real), samples=floats(samples))
    tones = [np.stack([x.mean((1, 2, 3)), x.std((1, 2, 3), ddof=1)], 1) for x in (samples / 255, real[0].images / 255)]
    found = strangers["KidTones"]().compute(build)
    assert found.value == pytest.approx(kid(*tones), rel=1e-4)
    assert found.variant == f"tones@01234567, {COUNT} vs {COUNT}"
    assert strangers["FdTones"]().compute(build).value == pytest.approx(frechet(*tones), rel=1e-4)
    assert Fd().compute(build).variant.startswith("cnn@")
