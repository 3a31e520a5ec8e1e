"""MedMNIST v2 and MedMNIST+ (Yang et al. 2023): twelve 2D datasets as `.npz`, 28, 64, 128 or 224 pixels wide."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from vaebench.interfaces import Dataset, Limit, Split, Splits
from vaebench_medical import bounds, decode, fetch, npz, storage
from vaebench_medical.grouping import TWINS, twins_apart
from vaebench_medical.layout import there
from vaebench_medical.medmnist_index import INDEX, SIDES, Entry

log = logging.getLogger(__name__)
FILES = "https://zenodo.org/records/10519652/files"
FETCHED = 64
"""The default image size to fetch."""
SPLITS = ("train", "val", "test")

PHANTOMS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "chestmnist": ("chest", {"classes": (0.54, 0.23, 0.23), "diseased": {1, 2}, "merge": (0, 1, 1)}),
    "pneumoniamnist": ("chest", {"classes": (0.27, 0.475, 0.255), "diseased": {1, 2}, "merge": (0, 1, 1)}),
    "retinamnist": ("fundus", {"classes": (0.45, 0.12, 0.19, 0.18, 0.06), "diseased": {1, 2, 3, 4}}),
}
"""Dataset -> the phantom that replaces it, and the parameters of this phantom"""


ORIGINS: Mapping[str, str] = {
    "pneumoniamnist": "kermany-cxr",
    **dict.fromkeys(("organamnist", "organcmnist", "organsmnist"), "lits"),
}
"""Dataset that shares patients with another dataset -> the name of their common source"""


class MedMnist(Dataset):
    """A MedMNIST dataset. `side` chooses one of the published image sizes; by default, the smallest available size that
    is large enough. `group=twins` groups images that are nearly the same, because patients are not published."""

    version = 1
    groups_are = "groups of twins"  # with group=twins; otherwise every image is a group
    fetchable = True
    homepage = "https://medmnist.com"
    citation = (
        "Yang, Shi, Wei, Liu, Zhao, Ke, Pfister, Ni: MedMNIST v2, a large-scale lightweight benchmark for 2D and 3D "
        "biomedical image classification. Scientific Data 10, 41, 2023. doi:10.1038/s41597-022-01721-8"
    )
    entry: ClassVar[Entry]

    def __init__(
        self,
        side: Literal[28, 64, 128, 224] | None = None,
        verify: bool = True,
        group: Literal["image", "twins"] = "image",
    ) -> None:
        self.side = side
        self.checked = verify
        self.group = group

    def obtain(self) -> str:
        file = self._file(self.side or FETCHED)
        return (
            f"Run `vaebench data fetch {self.name}` to download the data ({self.licence}), or put {file} from "
            f"{FILES.removesuffix('/files')} into medmnist/ below the data folder."
        )

    def present(self, folder: Path) -> bool:
        """Return whether there is a file that `load` would accept. Warn about files that `load` would refuse."""
        for path in self._found(folder).values():
            try:
                self._check(path)
                return True
            except ValueError as error:
                warnings.warn(str(error), stacklevel=2)
        return False

    def files(self, folder: Path) -> list[Path]:
        return list(self._found(folder).values())

    def prepare(self, folder: Path) -> None:
        side = self.side or FETCHED
        if side not in self._found(folder) or self.checked:
            target = self._found(folder).get(side, folder / "medmnist" / self._file(side))
            fetch.download(f"{FILES}/{target.name}?download=1", target, self._md5(target))

    def load(self, folder: Path, size: int, limit: Limit) -> Splits:
        path = self._choose(folder, size)
        self._check(path)
        with ThreadPoolExecutor() as pool:  # most of the time is spent inflating, and each split is a separate stream
            parts = list(pool.map(lambda which: self._split(path, which, size), SPLITS))
        # No patients are published, so every image is a separate group.
        starts = np.cumsum([0, *map(len, parts[:-1])])
        numbered = [replace(part, groups=start + part.groups) for part, start in zip(parts, starts, strict=True)]
        named = dict(zip(SPLITS, numbered, strict=True))
        return Splits(**(twins_apart(named, self.name) if self.group == TWINS else named))

    def verify(self, folder: Path) -> Iterator[str]:
        """Yield one sentence for each problem with the files."""
        for path in self._found(folder).values():
            try:
                self._check(path)
                for which, count in zip(SPLITS, self.entry.counts, strict=True):
                    with npz.array(path, f"{which}_images") as images:
                        for _ in images:  # reading to the end checks the archive's own checksum
                            pass
                        if self.checked and images.shape[0] != count:
                            yield f"{path}: {which} has {images.shape[0]} images; {count} are published"
            except ValueError as error:
                yield str(error)

    def phantom(self, size: int, limit: Limit, seed: int) -> Splits:
        from vaebench_medical.phantoms.population import population

        if self.name not in PHANTOMS:
            return super().phantom(size, limit, seed)
        modality, shares = PHANTOMS[self.name]
        draw = import_module(f"vaebench_medical.phantoms.{modality}").draw
        sizes = dict(zip(SPLITS, self.entry.counts, strict=True))
        return population(draw, self.name, size=size, limit=limit, seed=seed, sizes=sizes, healthy={0}, **shares)

    def _file(self, side: int) -> str:
        return f"{self.name}.npz" if side == SIDES[0] else f"{self.name}_{side}.npz"

    def _md5(self, path: Path) -> str:
        return self.entry.md5[[self._file(side) for side in SIDES].index(path.name)]

    def _found(self, folder: Path) -> dict[int, Path]:
        """Return the files that exist, keyed by their image size."""
        found: dict[int, Path] = {}
        for side in (self.side,) if self.side else SIDES:
            for place in (folder / self.name, folder / "medmnist", folder):
                if there(place / self._file(side)):
                    found.setdefault(side, place / self._file(side))
        return found

    def _choose(self, folder: Path, size: int) -> Path:
        found = self._found(folder)
        if not found:
            raise ValueError(f"{self.name} was not found below {folder}. {self.obtain()}")
        side = min((s for s in found if s >= size), default=max(found))
        if side < size and side != SIDES[-1]:
            larger = next((s for s in SIDES if s >= size), SIDES[-1])
            warnings.warn(
                f"{self.name}: images of {side} pixels are enlarged to {size}; "
                f"`vaebench data fetch '{self.name}[side={larger}]'` downloads larger ones",
                stacklevel=3,
            )
        return found[side]

    def _check(self, path: Path) -> None:
        if self.checked and (found := fetch.md5(path)) != self._md5(path):
            raise ValueError(
                f"{path} is not the published file: its MD5 is {found}, not {self._md5(path)} as in MedMNIST 3.0.2. "
                "The file has been modified, and its images may differ. Move it away and run "
                f"`vaebench data fetch {self.name}`, or skip this check with -d '{self.name}[verify=false]'"
            )

    def _split(self, path: Path, which: str, size: int) -> Split:
        with npz.array(path, f"{which}_labels") as rows:
            labels = self._labels(rows.all(), path, which)
        with npz.array(path, f"{which}_images") as rows:
            colours = () if self.channels == 1 else (self.channels,)
            fits = len(rows.shape) == 3 + len(colours) and rows.shape[3:] == colours
            if rows.dtype != np.uint8 or not fits or min(rows.shape[1:3]) < SIDES[0]:
                raise ValueError(
                    f"{which}_images has {rows.dtype} values of shape {rows.shape}; expected uint8 values of shape "
                    f"({', '.join(map(str, ('N', 'S', 'S', *colours)))})"
                )
            if rows.shape[0] != len(labels):
                raise ValueError(
                    f"{which} has {rows.shape[0]} images and {len(labels)} labels; download the published file"
                )
            shape = (rows.shape[0], self.channels, size, size)
            bounds.check_array(f"{which}_images at {size} pixels", shape, 1, bounds.MAX_DRAWN_BYTES)
            images = storage.allocate(shape)
            row = 0
            for chunk in rows.ahead():
                for pixels in chunk:
                    images[row] = decode.resized(pixels, size)
                    row += 1
                log.info("read %s of %s %s images", row, len(labels), which)
        healthy = None if self.entry.healthy is None else labels == self.entry.healthy
        return Split(images, labels, np.arange(len(labels)), healthy=healthy)

    def _labels(self, raw: np.ndarray, path: Path, which: str) -> np.ndarray:
        columns = self.entry.findings or 1
        if raw.ndim != 2 or raw.shape[1] != columns or raw.dtype.kind not in "uib":
            found = f"{raw.dtype} values of shape {raw.shape}"
            raise ValueError(f"{path}: {which}_labels has {found}; expected integers of shape (N, {columns})")
        labels = raw.any(axis=1).astype(np.int64) if self.entry.findings else raw[:, 0].astype(np.int64)
        if len(labels) and not (labels.min() >= 0 and labels.max() < len(self.classes)):
            raise ValueError(
                f"{path}: {which}_labels contains {labels.max()}; the classes are 0 to {len(self.classes) - 1}"
            )
        return labels


def _named(entry: Entry) -> type[MedMnist]:
    body = {
        "__module__": __name__,
        "entry": entry,
        "origin": ORIGINS.get(entry.name, ""),
        **{key: getattr(entry, key) for key in ("name", "title", "modality", "licence", "channels", "classes")},
    }
    return type(entry.name, (MedMnist,), body)


DATASETS = tuple(_named(entry) for entry in INDEX)
