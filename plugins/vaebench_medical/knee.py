"""Knee radiographs by Kellgren-Lawrence grade of osteoarthritis (Chen 2018, from the Osteoarthritis Initiative)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from vaebench.interfaces import Limit, Splits
from vaebench_medical.image_files import Picture, PictureDataset
from vaebench_medical.layout import listing

NAMES = re.compile(r"(?P<subject>\d+)_?[LR]", re.IGNORECASE)  # 9318808L.png


class KneeKl(PictureDataset):
    name = "knee-kl"
    version = 1
    title = "Knee radiographs, Kellgren-Lawrence grades 0 to 4"
    modality = "X-ray, knee"
    groups_are = "subjects"
    licence = "CC BY 4.0"
    homepage = "https://data.mendeley.com/datasets/56rmx5bjcr/1"
    citation = (
        "Chen: Knee Osteoarthritis Severity Grading Dataset. Mendeley Data, v1, 2018. doi:10.17632/56rmx5bjcr.1. "
        "Chen et al.: Fully automatic knee osteoarthritis severity grading using deep neural networks with a novel "
        "ordinal loss. Computerized Medical Imaging and Graphics 75, 2019. doi:10.1016/j.compmedimag.2019.06.002"
    )
    classes = ("KL 0", "KL 1", "KL 2", "KL 3", "KL 4")
    mark = ("train/0", "test/0")

    def __init__(self, path: str | None = None, side: Literal[224, 299] | None = None) -> None:
        super().__init__(path)
        self.side = side

    @property
    def inner(self) -> tuple[str, ...]:  # type: ignore[override]
        """Return the subfolders to search: the archive contains the same pictures twice, 299 and 224 pixels wide."""
        sides = (self.side,) if self.side else (299, 224)
        return tuple(f"{above}kneeKL{s}" for s in sides for above in ("", "ClsKLData/", "KneeXrayData/ClsKLData/"))

    def obtain(self) -> str:
        return (
            f"Download the data ({self.licence}) from {self.homepage}. Put the archive into {self.name}/ below the "
            f"data folder and run `vaebench data fetch {self.name}`, or unpack it yourself, so that "
            f"{self.name}/kneeKL{self.side or 299}/train/0 exists. "
            f"To use another folder, add -d '{self.name}[path=FOLDER]'."
        )

    def pictures(self, home: Path) -> list[Picture]:
        """Return the pictures, with both knees of a subject in one group. The folder `auto_test` is left out, as it
        contains the knees of `test` again. Grade 1 is doubtful, so it counts as neither healthy nor diseased."""
        found = []
        for split in ("train", "val", "test"):
            if split == "val" and not (home / split).is_dir():
                continue
            for grade in range(5):
                for path in listing(home / split / str(grade)):
                    match = NAMES.match(Path(path).name)
                    if not match:
                        raise ValueError(
                            f"{path}: the file name must begin with a subject number, as in 9318808L.png; delete "
                            "the file"
                        )
                    health = None if grade == 1 else grade == 0
                    found.append(Picture(path, grade, match["subject"], split, health))
        return found

    def published(self) -> dict[str, tuple[int, ...]]:
        return {"train": (5778,), "val": (826,), "test": (1656,)}

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms import knee
        from vaebench_medical.phantoms.population import population

        return population(
            knee.draw,
            self.name,
            size=size,
            limit=limit,
            seed=seed,
            sizes={"train": 5778, "val": 826, "test": 1656},
            classes=(3253, 1495, 2175, 1086, 251),
            healthy=knee.HEALTHY,
            diseased=knee.DISEASED,
            per_patient=2,
        )
