"""CSV tables that say what pictures show; what is missing from one is told with the file's name and the line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path


def rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and columns of each row. ValueError unless every needed column is there."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = csv.DictReader(file)
            known = tuple(name.strip() for name in table.fieldnames or ())
            if missing := [name for name in needed if name not in known]:
                raise ValueError(f"{path} has no column {', '.join(map(repr, missing))}; its columns are {list(known)}")
            table.fieldnames = list(known)
            for row in table:
                if None in row.values() or None in row:
                    raise ValueError(f"{path}, line {table.line_num}: has not {len(known)} columns, as its heading has")
                yield table.line_num, {name: value.strip() for name, value in row.items()}
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 text; save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{path} cannot be read as CSV ({error})") from error
    except OSError as error:
        raise ValueError(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from error


def number(text: str) -> float | None:
    """None for an empty cell or NaN."""
    value = float(text) if text else float("nan")
    return None if value != value else value
