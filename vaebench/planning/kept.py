"""Copies of plugins' suites, stored with their records, so that boards can still be made without the plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from vaebench.components.declared import FIELDS, Facts, table_of
from vaebench.components.discovery import GROUP
from vaebench.components.parameters import split_spec
from vaebench.errors import UserError
from vaebench.planning.suite import NAME, Suite, load
from vaebench.records.store import read_bounded, write_atomically

DECLARED = "declared.json"
"""The declarations of the suite's components: versions and default losses, titles and directions of metrics."""
LARGEST = 2**20


def keep(suite: Suite, folder: Path) -> None:
    """Write a plugin's suite into the folder of its records, with the declarations of its components. vaebench's own
    suites need no copy, because they are always available, and users keep their own suite files."""
    if suite.home in (None, GROUP):
        return
    from vaebench.components.registry import registry  # imports torch, which boards do not need

    own, found = registry().at(suite.home), {kind: dict[str, type]() for kind in FIELDS}

    def declare(kind: str, name: str) -> None:
        try:
            found[kind][name] = own.get(kind, name).component
        except UserError:  # another preset names a component that is not installed
            return

    for preset in suite.presets.values():
        for metric in preset.settings.metrics:
            declare("metrics", metric)
        for text in preset.datasets:
            declare("datasets", split_spec(text)[0])
        for text in (*preset.models, *suite.verdicts.floor_models):
            name, given = split_spec(text)
            declare("models", name)
            if loss := given.get("loss") or getattr(found["models"].get(name), "default_loss", None):
                declare("losses", split_spec(loss)[0])
    write_atomically(folder / f"{suite.name}.toml", suite.text.encode())
    write_atomically(folder / DECLARED, table_of({kind: own.values() for kind, own in found.items()}).encode())


def kept(name: str, *results: Path) -> Suite | None:
    """Return the newest version of a suite that is stored with its records, from the first results folder that contains
    it."""
    for folder in results if NAME.fullmatch(name) else ():
        versions = [path.parent.name.rpartition("@")[2] for path in folder.glob(f"{name}@*/{name}.toml")]
        if numbers := [int(version) for version in versions if version.isdecimal()]:
            return load(folder / f"{name}@{max(numbers)}" / f"{name}.toml")
    return None


def declarations(folder: Path) -> Mapping[tuple[str, str], Facts]:
    """Return the declarations that components had when the folder's records were made, by kind and name; empty if they
    are unknown."""
    try:
        table = json.loads(read_bounded(folder / DECLARED, LARGEST, "table of declarations"))
        return {
            (kind, name): facts
            for kind in FIELDS
            for name, facts in table.get(kind, {}).items()
            if facts.keys() <= set(FIELDS[kind]) and type(facts["version"]) is int
            if all(isinstance(value, str | int) for value in facts.values())
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
