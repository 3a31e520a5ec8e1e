"""Volumes as slices: NIfTI files, and DICOM series with a file for each slice. A volume's slices form one group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from vaebench_medical import decode, dicom, nifti
from vaebench_medical.layout import entries

SLICES = "is a volume; choose a plane: slices=axial, slices=coronal or slices=sagittal"


def below(folder: Path) -> list[str]:
    """Return the volumes in a folder and its subfolders: NIfTI files, and folders that contain DICOM files."""
    found, dicoms = [], False
    for entry in entries(folder):
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            found += below(path)
        elif nifti.is_volume(path):
            found.append(entry.path)
        else:
            dicoms |= path.suffix.lower() in decode.DICOM
    return [*found, *([str(folder)] if dicoms else [])]


def slices(volume: Path, plane: str, every: int) -> Iterator[tuple[str, str]]:
    """Yield the path and the volume of every n-th slice (n = `every`), with equal margins at the ends of the volume."""
    if volume.is_dir():
        for name, files in _series(volume, plane).items():
            yield from ((str(files[number]), name) for number in _chosen(len(files), every))
        return
    try:
        numbers = _chosen(nifti.count(volume, plane), every)
    except (EOFError, OSError, ValueError) as error:
        raise ValueError(f"{volume}: {error}") from error
    yield from ((str(nifti.path_of(volume, plane, number)), str(volume)) for number in numbers)


def _chosen(count: int, every: int) -> range:
    return range((count - 1) % every // 2, count, every)


def _series(folder: Path, plane: str) -> dict[str, list[Path]]:
    """Return the files of each DICOM series in a folder, ordered by the position of their slices."""
    placed: dict[str, list[tuple[float, Path]]] = defaultdict(list)
    for file in (Path(entry.path) for entry in entries(folder) if Path(entry.name).suffix.lower() in decode.DICOM):
        try:
            series, axis, place = dicom.place(file)
        except ValueError as error:
            raise ValueError(f"{file}: {error}") from error
        if (own := nifti.PLANES[axis]) != plane:
            raise ValueError(f"{file}: the slice is {own}, and DICOM series are not resliced; set slices={own}")
        placed[series].append((place, file))
    names = {uid: str(folder / uid) if len(placed) > 1 else str(folder) for uid in placed}
    return {names[uid]: [file for _, file in sorted(files)] for uid, files in sorted(placed.items())}


def files(paths: Iterable[str]) -> list[Path]:
    """Return the files that contain these pictures, without duplicates."""
    own = (Path(path) for path in paths)
    return list(dict.fromkeys(nifti.volume_of(path) or path for path in own))
