"""Phantoms are the same wherever and however they are drawn, and what they say about themselves is true."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vaebench_medical.phantoms.drawing import VISIBLE, Drawing

MODALITIES = ("chest", "fundus", "gland", "mammogram", "knee", "brain")

DIGESTS = {
    "chest": "6d9c239029924c00",
    "fundus": "3a1ee3794d750497",
    "gland": "36533b0c17543e72",
    "mammogram": "a94c8c161f3a7219",
    "knee": "2c454cfbdd506e72",
    "brain": "82348dab6a92d029",
}
"""Of twelve pictures at 28 px, on every machine. When a drawing changes, the version of its datasets is raised too."""


def module(modality: str) -> ModuleType:
    return import_module(f"vaebench_medical.phantoms.{modality}")


def labels(modality: str, n: int) -> np.ndarray:
    return np.arange(n) % len(module(modality).CLASSES)


def some(modality: str, n: int, size: int = 64, label: int | None = None, seed: int = 0) -> Drawing:
    chosen = labels(modality, n) if label is None else np.full(n, label)
    return module(modality).draw(seed, np.arange(n), chosen, size)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1])


@pytest.mark.parametrize("modality", MODALITIES)
def test_bits_are_the_same_everywhere(modality: str) -> None:
    drawing = some(modality, 12, 28)
    digest = hashlib.sha256(drawing.images.tobytes() + drawing.masks.tobytes()).hexdigest()[:16]
    assert digest == DIGESTS[modality]


@pytest.mark.parametrize("modality", MODALITIES)
def test_an_image_does_not_depend_on_its_company(modality: str) -> None:
    draw, n = module(modality).draw, 23
    index, label = np.arange(n), labels(modality, n)
    together = draw(3, index, label, 64)
    order = np.random.default_rng(0).permutation(n)
    apart = [draw(3, index[part], label[part], 64) for part in (order[:1], order[1:12], order[12:])]
    for field in ("images", "clean", "masks"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(d, field) for d in apart]), getattr(together, field)[order]
        )
    for key, value in together.factors.items():
        np.testing.assert_array_equal(np.concatenate([d.factors[key] for d in apart]), value[order])


@pytest.mark.parametrize("modality", MODALITIES)
def test_seed_and_index_make_the_image(modality: str) -> None:
    draw, ones = module(modality).draw, np.ones(4, int)
    pictures = np.concatenate([draw(seed, np.arange(4) + at, ones, 28).images for seed in (0, 1) for at in (0, 2**40)])
    assert len(np.unique(pictures.reshape(16, -1), axis=0)) == 16


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("size", [28, 64, 128, 512])
def test_shapes_and_types(modality: str, size: int) -> None:
    n = 2 if size == 512 else 5
    drawing, channels = some(modality, n, size), module(modality).CHANNELS
    assert drawing.images.shape == drawing.clean.shape == (n, channels, size, size)
    assert drawing.masks.shape == (n, size, size)
    assert (drawing.images.dtype, drawing.clean.dtype, drawing.masks.dtype) == (np.uint8, np.uint8, np.bool_)
    for value in drawing.factors.values():
        assert value.shape == (n,)
        assert value.dtype == np.float32
        assert np.isfinite(value).all()


@pytest.mark.parametrize("modality", MODALITIES)
def test_the_same_patient_at_every_size(modality: str) -> None:
    small, large = some(modality, 6, 32), some(modality, 6, 128)
    halved = large.images.reshape(6, -1, 32, 4, 32, 4).mean((3, 5)).reshape(6, -1)
    match = np.corrcoef(small.images.reshape(6, -1), halved)[:6, 6:]
    assert (match.argmax(1) == np.arange(6)).all()
    assert match.diagonal().min() > 0.9
    for key, value in small.factors.items():
        np.testing.assert_allclose(value, large.factors[key], atol=0.03)  # areas are counted in pixels


@pytest.mark.parametrize("modality", MODALITIES)
@pytest.mark.parametrize("size", [28, 64])
def test_masks_are_where_the_lesion_changed_the_picture(modality: str, size: int) -> None:
    drawing, label = some(modality, 120, size), labels(modality, 120)
    difference = np.abs(drawing.images.astype(int) - drawing.clean).max(axis=1)
    np.testing.assert_array_equal(drawing.masks, difference >= VISIBLE)
    np.testing.assert_array_equal(drawing.masks.any((1, 2)), label > 0)
    assert (difference[label == 0] == 0).all()
    assert not drawing.masks.all((1, 2)).any()


@pytest.mark.parametrize("modality", MODALITIES)
def test_images_of_a_patient_share_the_anatomy(modality: str) -> None:
    own = {
        "chest": "heart_width",
        "fundus": "disc_size",
        "gland": "eosin",
        "mammogram": "density",
        "knee": "joint_breadth",
        "brain": "ventricle_size",
    }
    label = np.zeros(40, int)
    drawing = module(modality).draw(0, np.arange(40), label, 28, np.arange(40) // 2)
    anatomy, exposure = drawing.factors[own[modality]], drawing.factors["exposure"]
    np.testing.assert_array_equal(anatomy[::2], anatomy[1::2])
    assert len(np.unique(anatomy)) == 20
    assert len(np.unique(exposure)) == 40


@pytest.mark.parametrize("modality", MODALITIES)
def test_exposure_sets_the_brightness(modality: str) -> None:
    drawing = some(modality, 120, 32)
    assert correlation(drawing.factors["exposure"], drawing.images.mean((1, 2, 3))) > 0.95


@pytest.mark.parametrize("modality", MODALITIES)
def test_blur_takes_the_edges_away(modality: str) -> None:
    drawing = some(modality, 200, 64, label=0)
    edges = np.abs(np.diff(drawing.clean.astype(float), axis=-1)).mean((1, 2, 3)) / drawing.clean.std((1, 2, 3))
    assert correlation(drawing.factors["blur"], edges) < -0.1


@pytest.mark.parametrize("modality", MODALITIES)
def test_lesion_size_is_the_size_of_the_mask(modality: str) -> None:
    drawing = some(modality, 200, 64)
    assert correlation(drawing.factors["lesion_size"], drawing.masks.mean((1, 2))) > 0.6


@pytest.mark.parametrize(
    ("modality", "label"), [("chest", 1), ("chest", 2), ("fundus", 4), ("mammogram", 1), ("brain", 2)]
)
def test_lesion_contrast_is_how_much_it_stands_out(modality: str, label: int) -> None:
    drawing = some(modality, 150, 64, label=label)
    difference = np.abs(drawing.images.astype(float) - drawing.clean).max((1, 2, 3))
    assert correlation(drawing.factors["lesion_contrast"], difference) > 0.4


def test_heart_width_is_the_width_of_the_heart() -> None:
    drawing = some("chest", 200, 96, label=0)
    row = drawing.clean[:, 0, 54:62].mean(1)
    lung, middle = np.percentile(row[:, 20:76], 15, axis=1), row[:, 44:52].mean(1)
    measured = (row[:, 20:76] > (0.5 * (lung + middle))[:, None]).sum(1)
    assert correlation(drawing.factors["heart_width"], measured) > 0.5


def test_rotation_turns_the_chest() -> None:
    drawing = some("chest", 150, 64, label=0)
    half = drawing.images[:, 0].astype(float)
    top, bottom = (part.mean(1) @ np.arange(64) / part.mean(1).sum(1) for part in (half[:, 8:24], half[:, 44:60]))
    assert correlation(drawing.factors["rotation"], top - bottom) > 0.5


def test_disc_size_is_the_size_of_the_bright_disc() -> None:
    drawing = some("fundus", 150, 96, label=0)
    green = drawing.images[:, 1].astype(float)
    bright = (green > 0.75 * green.max((1, 2), keepdims=True)).sum((1, 2))
    assert correlation(drawing.factors["disc_size"], bright) > 0.4


def test_breast_depth_is_how_far_the_breast_reaches() -> None:
    drawing = some("mammogram", 100, 64, label=0)
    reach = (drawing.images[:, 0].max(1) > 25).sum(1)
    assert correlation(drawing.factors["breast_depth"], reach) > 0.9


def test_ventricles_are_as_large_as_the_factor_says() -> None:
    drawing = some("brain", 150, 96, label=0)
    middle = drawing.clean[:, 0, 30:66, 32:64].astype(float)
    dark = (middle < 0.7 * np.median(middle, axis=(1, 2), keepdims=True)).sum((1, 2))
    assert correlation(drawing.factors["ventricle_size"], dark) > 0.4


def test_the_joint_space_closes_with_the_grade() -> None:
    drawing, grade = some("knee", 250, 64), labels("knee", 250)
    space = [drawing.factors["joint_space"][grade == g].mean() for g in range(5)]
    area = [drawing.masks[grade == g].mean() for g in range(5)]
    assert space == sorted(space, reverse=True)
    assert area == sorted(area)
    rows, columns = drawing.masks.any((0, 2)).nonzero()[0], drawing.masks.any((0, 1)).nonzero()[0]
    assert 12 < rows.min() < rows.max() < 52  # around the joint alone
    assert columns.max() - columns.min() > 40


def test_every_column_needs_every_image() -> None:
    with pytest.raises(ValueError, match="one entry per image"):
        module("chest").draw(0, np.arange(3), np.zeros(2, int), 28)


def test_the_documentation_is_true() -> None:
    text = (Path(__file__).parents[2] / "docs" / "phantoms.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(block, {})
    shared, *_ = re.findall(r"Every phantom has (.*?)\n\n", text, re.DOTALL)
    for modality in MODALITIES:
        own = re.findall(rf"^\| `{modality}` \| (.*) \|$", text, re.MULTILINE)[-1]
        assert set(re.findall(r"`(\w+)`", shared + own)) == set(some(modality, 1, 28).factors)


# Difficulty: benchmarks/scripts/phantom_difficulty.py measures it properly; here on few images, so with wider bounds.


def difficulty() -> ModuleType:
    path = Path(__file__).parents[2] / "benchmarks" / "scripts" / "phantom_difficulty.py"
    spec = importlib.util.spec_from_file_location("phantom_difficulty", path)
    assert spec
    assert spec.loader
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


@pytest.mark.parametrize("modality", MODALITIES)
def test_hard_in_the_right_measure(modality: str) -> None:
    found = difficulty().difficulty(modality, per_class=160)
    assert 0.0 < found["SVC"] < 0.9  # 0.2 takes more images
    assert 0.52 < found["PCA-16"] < 0.93
    assert max(found[name] for name in ("mean", "contrast", "sharpness", "all")) < 0.70
    assert found["oracle"] >= 0.95
