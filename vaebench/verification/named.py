"""The plugins that records name: to verify the records, no other installed plugins are imported."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from vaebench.components.discovery import GROUP
from vaebench.components.registry import only, registry
from vaebench.errors import UserError
from vaebench.planning.suite import Suite
from vaebench.records.record import Record


def named(records: Iterable[Record]) -> set[str]:
    """Return the distributions of the plugins that were installed when the records were made."""
    found = {GROUP}
    for record in records:
        plugins = record.software.get("plugins")
        found |= {*plugins} if isinstance(plugins, dict) else set()
    return found


def needed(records: Iterable[tuple[Record, Suite | None]]) -> set[str]:
    """Return the distributions that provide the components of the records.

    The result contains the suite's distribution and those named in the prefixes of components. If they lack a component
    of a record, all distributions that `named` returns for the record are added."""
    alike = defaultdict[frozenset[str], list[tuple[Record, str | None]]](list)
    for record, suite in records:
        owners = {name.split(" ", 1)[-1].partition(":")[0] for name in record.inputs.components if ":" in name}
        home = suite.home if suite else None
        alike[frozenset({GROUP, *owners} | ({home} if home else set()))].append((record, home))
    found = set[str]()
    for few, members in alike.items():
        with only(few):  # once per group, since `only` reads all installed metadata
            found |= few | named(record for record, home in members if _is_incomplete(record, home))
    return found


def _is_incomplete(record: Record, home: str | None) -> bool:
    """Return True if the plugins in use lack a component of the record."""
    from vaebench.training.build import versions_of

    try:
        versions_of(record.trial, record.settings, registry().at(home))
    except UserError:
        return True
    return False
