"""Chest X-rays of children, normal or with pneumonia (Kermany et al. 2018): Mendeley v2, v3 and the Kaggle re-pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from vaebench.interfaces import Limit, Splits
from vaebench_medical.image_files import Picture, PictureDataset
from vaebench_medical.layout import listing

# The number alone does not identify a patient: 264 numbers occur in both the published train and test splits. Prefix,
# number and type together do: person1_bacteria and person1_virus are two people, as are IM-0115 and NORMAL2-IM-0115.
NAMES = re.compile(
    r"(?P<mendeley>(NORMAL|BACTERIA|VIRUS)-\d+)-\d+"  # NORMAL-1049278-0001.jpeg
    r"|(?P<healthy>(NORMAL2-)?IM-\d+)-\d+"  # IM-0115-0001.jpeg, NORMAL2-IM-1427-0001.jpeg
    r"|(?P<ill>person\d+_(bacteria|virus))_\d+"  # person1_bacteria_1.jpeg
)
REPACKS = {
    16: "",
    782: "the re-pack that uses 15 % of the published train split as val, with pictures of mixed sizes",
}
"""Number of pictures in `val` -> description of the re-pack for `verify` to report; empty for the re-pack on Kaggle"""
DIVIDED_ANEW = (
    "Its val is merged into train, which restores the published split. Pictures that the re-pack resized or dropped "
    "cannot be restored. `vaebench data status kermany-cxr` shows where to get the published files"
)
TYPES = ("normal", "bacterial", "viral")


class KermanyCxr(PictureDataset):
    name = "kermany-cxr"
    version = 1
    title = "Paediatric chest X-rays, normal and pneumonia"
    modality = "X-ray, chest"
    groups_are = "patients"
    licence = "CC BY 4.0"
    homepage = "https://data.mendeley.com/datasets/rscbjbr9sj/3"
    citation = (
        "Kermany, Zhang, Goldbaum: Large Dataset of Labeled Optical Coherence Tomography (OCT) and Chest X-Ray Images. "
        "Mendeley Data, v3, 2018. doi:10.17632/rscbjbr9sj.3"
    )
    classes = ("normal", "pneumonia")
    places = ("kermany-224", "chest_xray", "CellData/chest_xray")
    inner = (
        "chest_xray",
        "CellData/chest_xray",
        "chest_xray/chest_xray",
        "ChestXRay2017/chest_xray",
        "ZhangLabData/CellData/chest_xray",
    )
    mark = ("train/NORMAL", "train/PNEUMONIA", "test/NORMAL", "test/PNEUMONIA")
    unpacks = r"^(?!.*__MACOSX).*chest_xray/.*\.jpe?g$"

    def __init__(self, path: str | None = None, task: Literal["binary", "type"] = "binary") -> None:
        super().__init__(path)
        self.task = task
        if task == "type":
            self.classes = TYPES

    def obtain(self) -> str:
        return (
            f"Download the data ({self.licence}) from {self.homepage}: ZhangLabData.zip, or ChestXRay2017.zip of "
            f"version 2. Or download the re-pack kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia. "
            f"Put the archive into {self.name}/ below the data folder and run `vaebench data fetch {self.name}`, or "
            f"unpack it yourself, so that {self.name}/train/NORMAL exists. "
            f"To use another folder, add -d '{self.name}[path=FOLDER]'."
        )

    def pictures(self, home: Path) -> list[Picture]:
        """Return the pictures. The re-pack's `val`, 16 pictures of the published train split, is merged into train."""
        found = []
        for split in ("train", "val", "test"):
            for folder in ("NORMAL", "PNEUMONIA"):
                if split != "val" or (home / split / folder).is_dir():
                    to = "train" if split == "val" else split
                    found += [self._picture(path, to, folder) for path in listing(home / split / folder)]
        return found

    def published(self) -> dict[str, tuple[int, ...]]:
        """Return the numbers of pictures on Mendeley and, for train, also the number in Kaggle's re-pack."""
        return {"train": (5232, 5216), "test": (624,)}

    def verify(self, folder: Path) -> Iterator[str]:
        """Also report re-packs whose `val` was taken from the published train split: the totals do not show this."""
        val = [self.home(folder) / "val" / kind for kind in ("NORMAL", "PNEUMONIA")]
        count = sum(len(listing(place)) for place in val if place.is_dir())
        if count not in (0, *REPACKS):
            yield f"val has {count} pictures: an unknown re-pack. {DIVIDED_ANEW}"
        elif count and REPACKS[count]:
            yield f"val has {count} pictures: {REPACKS[count]}. {DIVIDED_ANEW}"
        yield from super().verify(folder)

    def _picture(self, path: str, split: str, folder: str) -> Picture:
        match = NAMES.match(Path(path).name)
        if not match:
            raise ValueError(
                f"{path}: the file name does not identify a patient. Names look like NORMAL-1049278-0001, "
                "IM-0115-0001 or person1_bacteria_1; delete the file, or load your own data with -d 'folder[path=...]'"
            )
        group = match["mendeley"] or match["healthy"] or match["ill"]
        kind = 0 if folder == "NORMAL" else 2 if "vir" in group.lower() else 1
        if (kind == 0) != (match["healthy"] is not None or group.startswith("NORMAL-")):
            raise ValueError(f"{path}: a file with this name does not belong in {folder}; move it to the other folder")
        label = kind if self.task == "type" else min(kind, 1)
        return Picture(path, label, group, split, health=kind == 0)

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms import chest
        from vaebench_medical.phantoms.population import population

        return population(
            chest.draw,
            self.name,
            size=size,
            limit=limit,
            seed=seed,
            sizes={"train": 4709, "val": 523, "test": 624},
            classes=(0.27, 0.475, 0.255),
            healthy={0},
            diseased={1, 2},
            per_patient=4,
            merge=(0, 1, 2) if self.task == "type" else (0, 1, 1),
        )
