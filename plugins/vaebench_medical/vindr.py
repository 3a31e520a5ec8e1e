"""VinDr-Mammo (Nguyen et al. 2023), as published on PhysioNet (DICOM) or converted to PNGs."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vaebench.interfaces import Limit, Splits
from vaebench_medical import table
from vaebench_medical.findings import squared
from vaebench_medical.image_files import Picture, PictureDataset

FINDINGS, BREASTS = "finding_annotations.csv", "breast-level_annotations.csv"
COLUMNS = ("study_id", "image_id", "laterality", "view_position", "height", "width", "breast_birads", "split")
PLACES = ("images/{study}/{image}.dicom", "{study}/{image}.dicom", "Processed_Images/{study}/{image}.png")
SPLITS = {"training": "train", "test": "test"}
DENSITIES = "ABCD"


@dataclass
class Image:
    """An image, as described by all of its rows in the table."""

    study: str
    side: str
    view: str
    shape: tuple[float, float]
    birads: int
    density: float
    split: str
    findings: set[str] = field(default_factory=set)
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)


class VindrMammo(PictureDataset):
    """Mammograms, labelled by whether the image has a finding. With `rule=birads`, health is defined per breast: a
    breast with BI-RADS 1 and no finding in either view is healthy, one with BI-RADS 3 to 5 is diseased, and any other
    is neither. With `rule=finding`, images with a finding are diseased, and all others are healthy."""

    name = "vindr-mammo"
    version = 1
    title = "Mammograms with radiologists' findings"
    modality = "X-ray, breast"
    groups_are = "examinations"
    licence = "PhysioNet Restricted Health Data Use Agreement 1.5.0"
    homepage = "https://physionet.org/content/vindr-mammo/1.0.0/"
    citation = (
        "Nguyen et al.: VinDr-Mammo, a large-scale benchmark dataset for computer-aided diagnosis in full-field "
        "digital mammography. Scientific Data 10, 277, 2023. doi:10.1038/s41597-023-02100-7"
    )
    classes = ("no finding", "finding")
    variables = ("birads", "density")
    aspect = "pad"
    inner = ("vindr-mammo", "vindr-mammo-1.0.0", "physionet.org/files/vindr-mammo/1.0.0")
    mark = (FINDINGS,)

    def __init__(
        self,
        path: str | None = None,
        laterality: Literal["R", "L", "both"] = "R",
        view: Literal["MLO", "CC", "both"] = "MLO",
        rule: Literal["birads", "finding"] = "birads",
    ) -> None:
        super().__init__(path)
        self.laterality = laterality
        self.view = view
        self.rule = rule

    def obtain(self) -> str:
        return (
            f"The data are restricted ({self.licence}): sign the agreement at {self.homepage} with a PhysioNet "
            f"account, download the data and put them into {self.name}/ below the data folder, so that "
            f"{self.name}/{FINDINGS} and {self.name}/images/STUDY/IMAGE.dicom exist "
            f"(or {self.name}/Processed_Images/STUDY/IMAGE.png). "
            f"To use another folder, add -d '{self.name}[path=FOLDER]'."
        )

    def pictures(self, home: Path) -> list[Picture]:
        images = read_images(home / FINDINGS)
        breasts = worst_breasts(home / BREASTS, images)
        ill = {(image.study, image.side) for image in images.values() if image.findings}
        place = self._path_below(home, images)
        found = []
        for name, image in images.items():
            if self.laterality not in ("both", image.side) or self.view not in ("both", image.view):
                continue
            path = table.inside(home, place.format(study=image.study, image=name), home / FINDINGS)
            if not path.is_file():
                raise ValueError(f"{path}, which {home / FINDINGS} lists, does not exist; download it again")
            finding = bool(image.findings)
            breast = (image.study, image.side)
            if self.rule == "finding":
                health: bool | None = not finding
            else:
                health = {1: True, 2: None}.get(breasts[breast], False)
                health = None if health and breast in ill else health
            found.append(
                Picture(
                    str(path),
                    int(finding),
                    image.study,
                    image.split,
                    health,
                    tuple(squared(box, image.shape, self.aspect) for box in image.boxes),
                    (float(breasts[breast]), image.density),
                )
            )
        return found

    def _path_below(self, home: Path, images: Mapping[str, Image]) -> str:
        """Return the pattern in `PLACES` that fits the folder; only the folder of the first image is looked for."""
        name, image = next(iter(images.items()))
        for place in PLACES:
            if (home / place.format(study=image.study, image="")).parent.is_dir():
                return place
        tried = ", ".join(place.format(study=image.study, image=name) for place in PLACES)
        raise ValueError(f"{home} has no images: none of {tried} exists. {self.obtain()}")

    def tables(self, home: Path) -> list[Path]:
        return [home / name for name in (FINDINGS, BREASTS) if (home / name).is_file()]

    def published(self) -> dict[str, tuple[int, ...]]:
        """Return the numbers of images: every examination has both views of both breasts."""
        each = (1 + (self.laterality == "both")) * (1 + (self.view == "both"))
        return {"train": (4000 * each,), "test": (1000 * each,)}

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms import mammogram
        from vaebench_medical.phantoms.population import population

        return population(
            mammogram.draw,
            self.name,
            size=size,
            limit=limit,
            seed=seed,
            sizes={"train": 3600, "val": 400, "test": 1000},
            classes=(0.9, 0.06, 0.04),
            healthy=mammogram.HEALTHY,
            diseased=mammogram.DISEASED,
            merge=(0, 1, 1),
        )


def read_images(csv: Path) -> dict[str, Image]:
    """Return one entry per image; the table has one row per finding."""
    images: dict[str, Image] = {}
    needed = (*COLUMNS, "finding_categories", "xmin", "ymin", "xmax", "ymax")
    for line, row in table.rows(csv, needed):
        try:
            if row["image_id"] not in images:
                images[row["image_id"]] = Image(
                    study=row["study_id"],
                    side=row["laterality"].upper(),
                    view=row["view_position"].upper(),
                    shape=(_side(row["height"]), _side(row["width"])),
                    birads=birads(row["breast_birads"]),
                    density=density(row.get("breast_density", "")),
                    split=SPLITS[row["split"].lower()],
                )
            image = images[row["image_id"]]
            image.findings |= _categories(row["finding_categories"]) - {"No Finding"}
            box = [table.number(row[side]) for side in ("xmin", "ymin", "xmax", "ymax")]
            if None not in box:
                image.boxes.append(tuple(box))  # type: ignore[arg-type]
        except KeyError as error:
            raise ValueError(f"{csv}, line {line}: split {error} is neither 'training' nor 'test'") from error
        except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
            raise ValueError(f"{csv}, line {line}: {error}") from error
    if not images:
        raise ValueError(f"{csv} has no rows; download it again")
    return images


def _categories(text: str) -> set[str]:
    """Return the names in a cell that contains a Python list. Long cells are refused: parsing them could crash."""
    found = ast.literal_eval(text) if len(text) < 1000 else None
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"{text[:40]!r} is not a list of findings")
    return set(found)


def _side(text: str) -> float:
    side = table.number(text)
    if side is None or side <= 0:
        raise ValueError(f"{text!r} is not a valid height or width of an image")
    return side


def worst_breasts(csv: Path, images: Mapping[str, Image]) -> dict[tuple[str, str], int]:
    """Return the BI-RADS category of each breast: the highest one that its images or the table of breasts give."""
    seen: dict[tuple[str, str], set[int]] = defaultdict(set)
    for image in images.values():
        seen[image.study, image.side].add(image.birads)
    if csv.is_file():
        for line, row in table.rows(csv, ("study_id", "laterality", "breast_birads")):
            try:
                seen[row["study_id"], row["laterality"].upper()].add(birads(row["breast_birads"]))
            except ValueError as error:
                raise ValueError(f"{csv}, line {line}: {error}") from error
    return {breast: max(grades) for breast, grades in seen.items()}


def birads(text: str) -> int:
    grade = text.upper().removeprefix("BI-RADS").strip()
    if grade not in ("1", "2", "3", "4", "5"):
        raise ValueError(f"{text!r} is not a BI-RADS category from 1 to 5")
    return int(grade)


def density(text: str) -> float:
    """Return 1 to 4 for the densities A to D, or NaN if none is given."""
    letter = text.upper().removeprefix("DENSITY").strip()
    return float(DENSITIES.index(letter) + 1) if letter and letter in DENSITIES else float("nan")
