"""A phantom population keeps patients apart, classes in proportion, and small limits within large ones."""

from __future__ import annotations

import numpy as np
import pytest

from vaebench.interfaces import Splits
from vaebench_medical.phantoms import chest
from vaebench_medical.phantoms.population import population, shares


def people(limit: dict[str, int], name: str = "demo", **changes: object) -> Splits:
    arguments = {
        "size": 28,
        "seed": 0,
        "sizes": {"train": 90, "val": 20, "test": 30},
        "classes": (0.5, 0.3, 0.2),
        "healthy": {0},
        "diseased": {1, 2},
        "per_patient": 4,
    }
    return population(chest.draw, name, limit=limit, **(arguments | changes))


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, [0, 1, 0, 0]), (2, [0, 1, 0, 1]), (4, [1, 1, 1, 1]), (10, [1, 4, 1, 4]), (1000, [20, 500, 80, 400])],
)
def test_every_class_has_its_share(n: int, expected: list[int]) -> None:
    assert shares(n, (0.02, 0.5, 0.08, 0.4), healthy={1}, diseased={0, 3}) == expected


def test_no_class_shrinks_when_the_limit_grows() -> None:
    counts = np.array([shares(n, (0.6, 0.25, 0.1, 0.05), {0}, {1, 2, 3}) for n in range(1, 200)])
    assert (counts.sum(1) == np.arange(1, 200)).all()
    assert (np.diff(counts, axis=0) >= 0).all()


def test_splits_share_no_patient_and_no_image() -> None:
    splits = dict(people({}).items())
    assert {name: len(split) for name, split in splits.items()} == {"train": 90, "val": 20, "test": 30}
    groups = [set(split.groups.tolist()) for split in splits.values()]
    assert not groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2]
    everything = np.concatenate([split.images.reshape(len(split), -1) for split in splits.values()])
    assert len(np.unique(everything, axis=0)) == 140
    train = splits["train"]
    sizes = np.unique(train.groups, return_counts=True)[1]
    assert sizes.max() <= 4
    assert sizes.mean() > 1.5
    for patient in np.unique(train.groups):
        assert len(np.unique(train.labels[train.groups == patient])) == 1


def test_a_limit_takes_images_of_the_whole() -> None:
    whole = {
        image.tobytes(): label for image, label in zip(people({}).train.images, people({}).train.labels, strict=True)
    }
    few = people({"train": 7, "val": 3, "test": 2})
    assert [len(split) for _, split in few.items()] == [7, 3, 2]
    for image, label in zip(few.train.images, few.train.labels, strict=True):
        assert whole[image.tobytes()] == label
    for _, split in few.items():
        assert split.healthy.any()
        assert split.diseased.any()


def test_two_datasets_drawn_alike_have_different_patients() -> None:
    one, other = (people({"train": 20, "val": 2, "test": 2}, name).train.images for name in ("demo", "other"))
    assert not {image.tobytes() for image in one} & {image.tobytes() for image in other}


def test_a_population_says_what_it_drew() -> None:
    train = people({"train": 60, "val": 3, "test": 3}).train
    np.testing.assert_array_equal(train.masks.any((1, 2)), train.diseased)
    np.testing.assert_array_equal(train.healthy, train.labels == 0)
    np.testing.assert_array_equal(np.bincount(train.labels), [30, 18, 12])
    assert (np.diff(train.labels) != 0).sum() > 15  # shuffled
    assert set(train.factors) >= {"heart_width", "rotation", "exposure", "lesion_size", "lesion_contrast"}


def test_labels_can_be_merged_and_be_neither_healthy_nor_diseased() -> None:
    train = people({"train": 40}, merge=(0, 1, 1), diseased={2}).train
    assert set(train.labels.tolist()) == {0, 1}
    assert (train.healthy | train.diseased).sum() < 40
    assert not (train.healthy & train.diseased).any()


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="no such split: dev"):
        people({}, sizes={"train": 5, "dev": 5, "test": 5})
    with pytest.raises(ValueError, match="at least one image"):
        people({"train": 0})
