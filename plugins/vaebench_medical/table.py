"""CSV tables that describe pictures; errors name the file and the line."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from vaebench_medical import bounds


def rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the line number and columns of each row. Raise ValueError if a needed column is missing."""
    try:
        if (size := path.stat().st_size) > bounds.MAX_TABLE_BYTES:
            raise ValueError(f"{path} has {size:,} bytes, more than the {bounds.MAX_TABLE_BYTES:,} allowed for a table")
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(_lines(file, path))
            known = tuple(name.strip() for name in table.fieldnames or ())
            if missing := [name for name in needed if name not in known]:
                raise ValueError(f"{path} has no column {', '.join(map(repr, missing))}; its columns are {list(known)}")
            table.fieldnames = list(known)
            for row in table:
                if None in row.values() or None in row:
                    raise ValueError(
                        f"{path}, line {table.line_num}: the row needs {len(known)} columns, like the header"
                    )
                yield table.line_num, {name: value.strip() for name, value in row.items()}
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV ({error})") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from error


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    number = 0
    while line := file.readline(bounds.MAX_LINE):
        number += 1
        if len(line) == bounds.MAX_LINE:
            raise ValueError(f"{path}, line {number}: the line has more than {bounds.MAX_LINE:,} characters")
        yield line


def inside(folder: Path, name: str, told: Path | str) -> Path:
    """Return the path of a file that a table names; `told` names the line in errors. Raise ValueError if the path leads
    out of `folder`: otherwise, a table from an untrusted source could make private pictures part of records and
    boards."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(
            f"{told}: {name!r} is outside {folder}; move the table to a folder that contains all files that it lists"
        )
    return folder / name


def number(text: str) -> float | None:
    """Return the number in a cell, or None if it is empty or NaN."""
    value = float(text) if text else math.nan
    if math.isinf(value):
        raise ValueError(f"{text!r} is not a finite number")
    return None if math.isnan(value) else value
