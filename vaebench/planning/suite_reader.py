"""Checks of a suite file's values whose error messages name the file, line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vaebench.errors import UserError, did_you_mean
from vaebench.records.clean import clean

WORDS = {str: "text", int: "a whole number", list: "a list", dict: "a table"}


class Reader:
    """Checks values of a suite file, and finds the lines of their keys for error messages."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.lines = path, text.split("\n")

    def fail(self, table: str, key: str, complaint: str) -> UserError:
        here = f"[{table}] {key}" if table else key
        return UserError(f"{self.path}, line {self.line(table, key)}, key '{clean(here)}': {clean(complaint, 400)}")

    def line(self, table: str, key: str) -> int:
        """Return the line number of a key, or of the surrounding table if the file has no line for the key, or 1 if it
        has neither."""
        first: dict[str, int] = {}
        table_now = ""
        for number, line in enumerate(self.lines, 1):
            header, pair = re.match(r"\s*\[([^\[\]]+)\]", line), re.match(r"([\w\s.\"'-]+)=", line)
            if header:
                table_now = header[1]
            if header or pair:
                parts = re.sub(r"[\s\"']", "", f"{table_now}.{pair[1]}" if pair else table_now).strip(".").split(".")
                for end in range(1, len(parts) + 1):
                    first.setdefault(".".join(parts[:end]), number)
        here = f"{table}.{key}".lstrip(".")
        while here and here not in first:
            here = here.rpartition(".")[0]
        return first.get(here, 1)

    def table(self, data: Mapping[str, Any], table: str, known: Mapping[str, type], required: tuple[str, ...]) -> None:
        for key, value in data.items():
            if key not in known:
                raise self.fail(table, key, f"the key is unknown.{did_you_mean(key, known)}")
            if not isinstance(value, known[key]) or isinstance(value, bool):
                raise self.fail(table, key, f"the value must be {WORDS[known[key]]}, not {value!r}")
        for key in required:
            if key not in data:
                raise self.fail(table, key, "the key is missing")

    def entries(self, data: Mapping[str, Any], table: str, key: str, kind: type) -> tuple[Any, ...]:
        values = data.get(key, [])
        for value in values:
            if not isinstance(value, kind) or isinstance(value, bool):
                raise self.fail(table, key, f"each entry must be {WORDS[kind]}, not {value!r}")
        if len(set(values)) < len(values):
            raise self.fail(table, key, "an entry is listed twice")
        if key in data and not values:
            raise self.fail(table, key, "the list must not be empty")
        return tuple(values)

    def counts(self, data: Mapping[str, Any], table: str, key: str) -> dict[str, int]:
        for name, value in data.get(key, {}).items():
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise self.fail(table, key, f"{name} must be a whole number of 1 or more, not {value!r}")
        return dict(data.get(key, {}))
