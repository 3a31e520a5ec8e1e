"""The splits of a phantom dataset: the number of images, their classes and patients, and the drawn pictures.

    population(
        chest.draw, "kermany-cxr", size=64, limit={"train": 500}, seed=0,
        sizes={"train": 4709, "val": 523, "test": 624},  # images, unless a limit is lower
        classes=(0.27, 0.48, 0.25),                      # share of each of `draw`'s labels, in every split
        healthy={0}, diseased={1, 2},                    # a label may be in neither set
        per_patient=4,                                   # a patient has 1 to 4 images
        merge=(0, 1, 1),                                 # optional: the dataset's label for each drawn label
    )

Each class of each split is a separate, endless sequence of patients and images, so splits share no patients. A limit
keeps the beginning of every sequence: the images under a small limit are among those under a larger one. All images of
a patient have the same label. Every class appears in every split that is large enough; smaller splits get a healthy and
a diseased class before any other. Two datasets with the same drawing parameters still have different patients, because
the random numbers also depend on the dataset's name.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from vaebench.interfaces import Limit, Split, Splits
from vaebench_medical.phantoms.chance import Chance, seed_for
from vaebench_medical.phantoms.drawing import Drawing, blocks
from vaebench_medical.storage import allocate

log = logging.getLogger(__name__)
Draw = Callable[..., Drawing]
"""`draw(seed, index, label, size, patient)`"""
SPLITS = ("train", "val", "test")


def population(
    draw: Draw,
    name: str,
    *,
    size: int,
    limit: Limit,
    seed: int,
    sizes: Mapping[str, int],
    classes: Sequence[float],
    healthy: Collection[int],
    diseased: Collection[int],
    per_patient: int = 1,
    merge: Sequence[int] | None = None,
) -> Splits:
    """Return the splits of a dataset drawn by `draw`; `healthy` and `diseased` are labels of `draw`."""
    if unknown := set(sizes) - set(SPLITS):
        raise ValueError(f"{name}: no such split: {', '.join(sorted(unknown))}; phantoms have {', '.join(SPLITS)}")

    def split(which: str) -> Split:
        n = min(sizes[which], limit.get(which, sizes[which]))
        label, index, patient = roster(name, seed, which, shares(n, classes, healthy, diseased), per_patient)
        images = masks = None
        factors: dict[str, list[np.ndarray]] = {}
        for part in blocks(n, size):
            drawing = draw(seed_for(name, seed), index[part], label[part], size, patient[part])
            if images is None or masks is None:
                images = allocate((n, *drawing.images.shape[1:]))
                masks = allocate((n, size, size), np.bool_)
            images[part], masks[part] = drawing.images, drawing.masks
            for key, value in drawing.factors.items():
                factors.setdefault(key, []).append(value)
            log.info("drew %s of %s images", min(part.stop, n), n)
        return Split(
            images=images,
            labels=label if merge is None else np.asarray(merge)[label],
            groups=patient,
            healthy=np.isin(label, list(healthy)),
            diseased=np.isin(label, list(diseased)),
            masks=masks,
            factors={key: np.concatenate(parts) for key, parts in factors.items()},
        )

    return Splits(**{which: split(which) for which in SPLITS if which in sizes})


def shares(n: int, classes: Sequence[float], healthy: Collection[int], diseased: Collection[int]) -> list[int]:
    """Return how many of n images each class gets. If n is large enough, each class first gets one image. Each further
    image goes to the class furthest below its share (Sainte-Laguë's rule: no class loses an image when n grows)."""
    if n < 1:
        raise ValueError(f"a split needs at least one image, not {n}: raise its limit")
    weight = np.asarray(classes, np.float64) / np.sum(classes)
    ranked = sorted(np.flatnonzero(weight), key=lambda c: -weight[c])
    first = [next((c for c in ranked if c in kind), None) for kind in (healthy, diseased)]
    order = [c for c in first if c is not None] + [c for c in ranked if c not in first]
    claim = weight / (2 * np.arange(n)[:, None] + 1)
    claim[0, order] = len(order) - np.arange(len(order))  # above every other claim, which is at most 1/3
    winners = np.argsort(-claim, axis=None, kind="stable")[:n] % len(weight)
    return np.bincount(winners, minlength=len(weight)).tolist()


def roster(
    name: str, seed: int, which: str, counts: Sequence[int], per_patient: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the label, index and patient of each image of a split, in random order. No index occurs in two splits or
    in two classes."""
    labels, indices, patients = [], [], []
    for label, count in enumerate(counts):
        row = (SPLITS.index(which) * 256 + label) << 32
        people = row + np.arange(count, dtype=np.int64)
        takes = 1 + Chance(f"{name} images per patient", seed, people).integers("takes", per_patient).reshape(-1)
        patient = people[np.searchsorted(np.cumsum(takes), np.arange(count), side="right")]
        labels.append(np.full(count, label, np.int64))
        indices.append(people)
        patients.append(patient)
    label, index, patient = (np.concatenate(x) for x in (labels, indices, patients))
    order = Chance(f"{name} order", seed, index).order()
    return label[order], index[order], patient[order]
