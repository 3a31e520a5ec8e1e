"""Brain MRI slices with and without a tumour: Kaggle's "Brain Tumor MRI Dataset", which does not identify patients."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from vaebench.interfaces import Limit, Splits
from vaebench_medical.grouping import by_twins
from vaebench_medical.image_files import Picture, PictureDataset, assemble
from vaebench_medical.layout import listing, there

KINDS = {"notumor": "no tumour", "glioma": "glioma", "meningioma": "meningioma", "pituitary": "pituitary tumour"}
"""Name of a folder -> class of its pictures"""
SIDES = {"train": ("train", "Training"), "test": ("test", "Testing")}
"""Split -> accepted names of its folder; the archive uses the second name"""
SHARE = 5
"""One in this many pictures is used for testing."""


class BrainMri(PictureDataset):
    """Brain MRI slices with and without a tumour. `split=grouped` pools the published folders, groups pictures that are
    nearly the same (twins), and makes a new split with a fifth of each class for testing. `split=published` uses the
    published folders, although most healthy test pictures have a twin among the training pictures.
    `split=published-clean` uses the published folders without the test pictures that have such a twin."""

    name = "brain-mri"
    version = 1
    title = "Brain MRI slices of unknown patients: no tumour, or one of three kinds"
    modality = "MRI, brain"
    groups_are = "groups of near-duplicates"
    licence = "CC0 1.0 as listed on Kaggle, parts CC BY 4.0"
    homepage = "https://www.kaggle.com/datasets/masoudnickparvar/brain-tumor-mri-dataset"
    citation = (
        "Nickparvar: Brain Tumor MRI Dataset. Kaggle, 2021. doi:10.34740/kaggle/dsv/2645886. It combines Br35H, SARTAJ "
        "and Cheng: Brain tumor dataset. figshare, 2017. doi:10.6084/m9.figshare.1512427"
    )
    classes = tuple(KINDS.values())
    places = ("brain-tumor-mri-dataset",)
    mark = ("train/notumor or Training/notumor", "test/notumor or Testing/notumor")
    unpacks = rf"^(.*/)?(Training|Testing)/({'|'.join(KINDS)})/[^/]+\.jpg$"

    def __init__(
        self, path: str | None = None, split: Literal["grouped", "published", "published-clean"] = "grouped"
    ) -> None:
        super().__init__(path)
        self.split = split

    def obtain(self) -> str:
        return (
            f"Download the data ({self.licence}) from {self.homepage}. Put the archive into {self.name}/ below the "
            f"data folder and run `vaebench data fetch {self.name}`, or unpack it yourself, so that "
            f"{self.name}/Training/notumor exists. "
            f"To use another folder, add -d '{self.name}[path=FOLDER]'."
        )

    def pictures(self, home: Path) -> list[Picture]:
        """Return the pictures, with the splits given by their folders, and each picture in a separate group."""
        found = []
        for split, names in SIDES.items():
            side = next((home / name for name in names if there(home / name)), home / names[0])
            for label, kind in enumerate(KINDS):
                found += [
                    Picture(path, label, f"{split}/{kind}/{Path(path).name}", split, health=label == 0)
                    for path in listing(side / kind)
                ]
        return found

    def published(self) -> dict[str, tuple[int, ...]]:
        return {"train": (5712,), "test": (1311,)}

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        pictures = self.pictures(self.home(folder))
        if self.split == "grouped":
            pictures = divided(by_twins(pictures, self))
        elif self.split == "published-clean":
            pictures = without_twins(by_twins(pictures, self))
        return assemble(pictures, self, size)

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms import brain
        from vaebench_medical.phantoms.population import population

        return population(
            brain.draw,
            self.name,
            size=size,
            limit=limit,
            seed=seed,
            sizes={"train": 5056, "val": 562, "test": 1405},
            classes=(0.285, 0.231, 0.234, 0.25),
            healthy=brain.HEALTHY,
            diseased=brain.DISEASED,
            per_patient=3,
        )


def divided(pictures: Sequence[Picture]) -> list[Picture]:
    """Assign a fifth of each class to the test split without dividing groups. The groups whose names have the smallest
    hashes are chosen, so that the split is the same on every machine. A group that contains several classes counts
    towards the class of its first picture."""
    kinds = {picture.group: picture.label for picture in reversed(pictures)}
    sizes = Counter(picture.group for picture in pictures)
    test = set[str]()
    for label in set(kinds.values()):
        groups = sorted((group for group, kind in kinds.items() if kind == label), key=_hash)
        wanted = sum(sizes[group] for group in groups) / SHARE
        for group in groups:
            if wanted <= 0:
                break
            test.add(group)
            wanted -= sizes[group]
    return [replace(picture, split="test" if picture.group in test else "train") for picture in pictures]


def without_twins(pictures: Sequence[Picture]) -> list[Picture]:
    """Return all training pictures, and the test pictures that have no twin among the training pictures."""
    seen = {picture.group for picture in pictures if picture.split == "train"}
    return [picture for picture in pictures if picture.split == "train" or picture.group not in seen]


def _hash(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()
