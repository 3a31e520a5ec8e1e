"""Read the declarations of components without importing them, so that making a board does not import torch.

A plugin's package may contain a table `components.json` of the components that its hooks return.
`benchmarks/scripts/declared.py` writes this table, and a test checks that the built-in tables agree with the classes.
If a plugin has no table, the registry is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vaebench.components.discovery import SINGULAR, Plugins

TABLE = "components.json"
FIELDS = {
    "models": ("version", "default_loss"),
    "networks": ("version",),
    "datasets": ("version", "title", "groups_are"),
    "losses": ("version",),
    "metrics": ("version", "title", "verdict", "better", "unit", "regime", "least_images", "on_test_split", "chance"),
}
Facts = Mapping[str, Any]


class Declared:
    """The declarations of all components. Names are looked up first in the distribution `home`, if it is given. `kept`
    contains the declarations of components that may no longer be installed."""

    def __init__(
        self, plugins: Plugins, home: str | None = None, kept: Mapping[tuple[str, str], Facts] | None = None
    ) -> None:
        self.plugins, self.home, self.kept = plugins, home, kept or {}

    @cached_property
    def tables(self) -> Mapping[tuple[str, str], Facts]:
        """The declarations in the tables of all plugins, by kind and name. If several plugins offer a name, the plugin
        of the distribution `home` takes precedence, and otherwise the first in the order of plugins."""
        found: dict[tuple[str, str], Facts] = {}
        owners = sorted(self.plugins.modules, key=lambda one: one[0] != self.home)
        for _, module in owners:
            for kind, components in _table(module).items():
                for name, facts in components.items():
                    found.setdefault((kind, name), facts)
        return found

    def get(self, kind: str, name: str) -> Facts:
        """Return the component's declarations. If the component is not installed, return its declarations from the time
        when the records were made, or nothing if these are missing. Plugins are imported only if no table lists the
        component."""
        if (known := self.tables.get((kind, name))) is not None:
            return known
        from vaebench.components.registry import Registry  # imports torch

        # The suite's own distribution first: if it has the component, no other plugin is imported.
        for plugins in (self._at_home, self.plugins):
            registry = Registry(plugins).at(self.home)
            offers = registry.offers(kind).get(name.rpartition(":")[2], [])
            if len(offers) == 1:
                return facts_of(kind, registry.get(kind, name).component)
        return self.kept.get((kind, name), {})

    @cached_property
    def _at_home(self) -> Plugins:
        owners = zip(self.plugins.points, self.plugins.modules, strict=True)
        return Plugins([point for point, (owner, _) in owners if owner == self.home])

    def names(self, kind: str) -> list[str]:
        """Return the names of all components of a kind. Only plugins without a table are imported."""
        owners = zip(self.plugins.points, self.plugins.modules, strict=True)
        others = Plugins([point for point, (_, module) in owners if not _table(module)])
        offered = (one for _, components in others.call(f"vaebench_{kind}") for one in components or ())
        told = {name for own, name in self.tables if own == kind}
        return sorted(told | {str(getattr(one, "name", "")) for one in offered} - {""})

    def known(self, kind: str, names: Iterable[str]) -> Mapping[str, Facts]:
        """Return the declarations of all components of a kind that are in a table, and of the components in `names`."""
        tables = {name: facts for (own, name), facts in self.tables.items() if own == kind}
        others = {name: self.get(kind, name) for name in names if name not in tables}
        return tables | {name: facts for name, facts in others.items() if facts}

    def versions(self, named: Iterable[tuple[str, str]]) -> dict[str, int]:
        """Return the versions of every component in a table and of those given by kind and name, under keys such as
        `model vae`."""
        found = {f"{SINGULAR[kind]} {name}": facts["version"] for (kind, name), facts in self.tables.items()}
        for kind, name in named:
            if facts := self.get(kind, name):
                found[f"{SINGULAR[kind]} {name}"] = facts["version"]
        return found


def facts_of(kind: str, component: Any) -> Facts:
    """Return what a component declares, without empty values; a chance level of zero is none."""
    told = {field: getattr(component, field) for field in FIELDS[kind]}
    empty = {field: ("", None) if field == "chance" else ("", 0, None) for field in told}
    return {field: value for field, value in told.items() if value not in empty[field]}


def table_of(offers: Mapping[str, Iterable[Any]]) -> str:
    """Return the text of a table of these components, given by kind: one line per component, sorted by name."""
    blocks = []
    for kind in FIELDS:
        if own := sorted(offers.get(kind, ()), key=lambda one: one.name):
            lines = (f"  {json.dumps(one.name)}: {json.dumps(facts_of(kind, one), ensure_ascii=False)}" for one in own)
            blocks.append(f" {json.dumps(kind)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def table_path(module: str) -> Path | None:
    """Return the path of the table of a plugin's module, even if the file does not exist; None if the module has no
    folder. No plugin is imported."""
    package, _, rest = module.partition(".")
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations)), *rest.split("."), TABLE)


def _table(module: str) -> Mapping[str, Mapping[str, Facts]]:
    path = table_path(module)
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return {kind: found[kind] for kind in FIELDS if isinstance(found.get(kind), dict)}
