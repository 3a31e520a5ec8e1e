"""The plugins that records name: to verify the records, only these of the installed plugins are imported."""

from __future__ import annotations

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

    These are the distribution of the suite and those that prefix the names of components. If these lack a component,
    all distributions that `named` returns for the record are added."""
    from vaebench.training.build import versions_of

    found = set[str]()
    for record, suite in records:
        owners = {name.split(" ", 1)[-1].partition(":")[0] for name in record.inputs.components if ":" in name}
        home = suite.home if suite else None
        few = {GROUP, *owners} | ({home} if home else set())
        with only(few):
            try:
                versions_of(record.trial, record.settings, registry().at(home))
            except UserError:
                few |= named([record])
        found |= few
    return found
