"""Write the tables of the built-in components' declarations; boards read versions from them without importing torch.

python benchmarks/scripts/declared.py
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from vaebench.components.declared import FIELDS, table_of, table_path
from vaebench.components.discovery import GROUP, installed
from vaebench.components.registry import registry


def tables() -> Mapping[Path, str]:
    """Return the table of every built-in plugin with components, by path."""
    components = registry()
    modules = {point.name: point.module for point in installed().points if point.dist and point.dist.name == GROUP}
    offered: dict[str, dict[str, list[type]]] = defaultdict(lambda: defaultdict(list))
    for kind in FIELDS:
        for offers in components.offers(kind).values():
            for one in offers:
                if one.plugin.distribution == GROUP:
                    offered[one.plugin.entry_point][kind].append(one.component)
    return {path: table_of(own) for name, own in offered.items() if (path := table_path(modules[name]))}


if __name__ == "__main__":
    for path, text in tables().items():
        path.write_text(text, encoding="utf-8")
        print(f"Wrote {path.relative_to(Path.cwd())}")
