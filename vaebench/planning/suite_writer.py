"""Write a suite's values as the text of a suite file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

WIDEST = 120
"""The largest number of characters of a line with a list; a longer list gets a line for each entry."""
BARE = re.compile(r"[A-Za-z0-9_-]+")


def written(data: Mapping[str, Any], notes: Mapping[str, str] | None = None, head: str = "") -> str:
    """Return TOML text that is parsed as `data`. A list entry with a note is on a separate line below the note; `head`
    becomes the comment at the top."""
    lines = [f"# {line}" for line in head.splitlines()]
    lines += [_pair(key, value, notes or {}) for key, value in data.items() if not isinstance(value, dict)]
    for key, value in data.items():
        if isinstance(value, dict):
            lines += _table(key, value, notes or {})
    return "\n".join(lines) + "\n"


def _table(path: str, data: Mapping[str, Any], notes: Mapping[str, str]) -> list[str]:
    """Return the lines of a table, below its header; each table in a table of tables, such as `presets`, has its own
    header."""
    if data and all(isinstance(value, dict) for value in data.values()):
        return [line for key, value in data.items() for line in _table(f"{path}.{_key(key)}", value, notes)]
    return ["", f"[{path}]", *(_pair(key, value, notes) for key, value in data.items())]


def _pair(key: str, value: Any, notes: Mapping[str, str]) -> str:
    if isinstance(value, list) and any(isinstance(one, str) and one in notes for one in value):
        lines = [f"{_key(key)} = ["]
        for one in value:
            lines += [f"    # {line}" for line in notes.get(one, "").splitlines()] + [f"    {_value(one)},"]
        return "\n".join([*lines, "]"])
    line = f"{_key(key)} = {_value(value)}"
    if isinstance(value, list) and len(line) > WIDEST:
        return "\n".join([f"{_key(key)} = [", *(f"    {_value(one)}," for one in value), "]"])
    return line


def _key(key: str) -> str:
    return key if BARE.fullmatch(key) else json.dumps(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool | int | str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, float):
        return repr(value)
    raise TypeError(f"{value!r} cannot be written to a suite file")
