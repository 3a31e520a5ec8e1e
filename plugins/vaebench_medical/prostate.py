"""Patches of prostate biopsies by Gleason pattern (Damian's selection from PANDA): `train/`, `test/` and two CSVs."""

from __future__ import annotations

import warnings
from pathlib import Path

from vaebench.interfaces import Limit, Splits
from vaebench_medical import table
from vaebench_medical.image_files import Picture, PictureDataset
from vaebench_medical.layout import listing


class ProstateGleason(PictureDataset):
    name = "prostate-gleason"
    version = 1
    title = "Prostate biopsy patches, benign and Gleason 3 to 5"
    modality = "microscopy, H&E"
    groups_are = "biopsies"
    licence = "CC BY-NC-SA 4.0"
    homepage = "https://github.com/MicheleDamian/prostate-gleason-dataset"
    citation = (
        "Damian: Prostate Gleason Dataset, v0.1, 2020. Derived from PANDA: Bulten et al., Artificial intelligence for "
        "diagnosis and Gleason grading of prostate cancer. Nature Medicine 28, 2022. doi:10.1038/s41591-021-01620-2"
    )
    channels = 3
    classes = ("stroma or benign", "Gleason 3", "Gleason 4", "Gleason 5")
    places = ("prostate-gleason-dataset",)
    inner = ("prostate-gleason-dataset", "prostate-gleason-dataset-0.1", "prostate-gleason-dataset-master")
    mark = ("train.csv", "test.csv")

    def obtain(self) -> str:
        return (
            f"Clone or download the data ({self.licence}) from {self.homepage}. Put the archive into {self.name}/ "
            f"below the data folder and run `vaebench data fetch {self.name}`, or unpack it yourself, so that "
            f"{self.name}/train.csv exists. "
            f"To use another folder, add -d '{self.name}[path=FOLDER]'."
        )

    def pictures(self, home: Path) -> list[Picture]:
        """Return the pictures, grouped by biopsy (the hash in the name), as neighbouring patches overlap by half."""
        found = []
        for split in ("train", "test"):
            csv = home / f"{split}.csv"
            there, named = set(listing(home / split)), set()
            for line, row in table.rows(csv, ("image", "class")):
                path = str(home / split / row["image"])
                if path in named:
                    raise ValueError(f"{csv}, line {line}: {row['image']} is listed twice; download the dataset again")
                if path not in there:
                    raise ValueError(f"{csv}, line {line}: {path} does not exist; download the dataset again")
                named.add(path)
                if row["class"] not in ("0", "1", "2", "3"):
                    raise ValueError(f"{csv}, line {line}: class {row['class']!r} is not one of 0, 1, 2, 3")
                label = int(row["class"])
                biopsy = row["image"].rpartition("_")[0] or row["image"]
                found.append(Picture(path, label, biopsy, split, health=label == 0))
            if lost := len(there - named):
                warnings.warn(
                    f"{csv} does not list {lost} file{'s' * (lost > 1)} in {home / split}; unlisted files are left out",
                    stacklevel=2,
                )
        return found

    def tables(self, home: Path) -> list[Path]:
        return [home / "train.csv", home / "test.csv"]

    def published(self) -> dict[str, tuple[int, ...]]:
        return {"train": (65041,), "test": (7416,)}

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms import gland
        from vaebench_medical.phantoms.population import population

        return population(
            gland.draw,
            self.name,
            size=size,
            limit=limit,
            seed=seed,
            sizes={"train": 58537, "val": 6504, "test": 7416},
            classes=(0.35, 0.2, 0.3, 0.15),
            healthy=gland.HEALTHY,
            diseased=gland.DISEASED,
            per_patient=16,
        )
