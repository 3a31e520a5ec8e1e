"""`vaebench list`: list available components and suites."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaebench.cli.components import KINDS, summary
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import load, suites

ARROWS = {"higher": "↑ higher", "lower": "↓ lower"}


@click.command
@click.argument("kind", required=False, type=click.Choice([*KINDS, "suites"]))
def command(kind: str | None) -> None:
    """List the components and suites of all installed plugins, with a sentence about each. Metrics are
    grouped by verdict; an arrow shows whether higher or lower is better.

    \b
    Examples:
      vaebench list models
      vaebench list metrics
    """
    console = Console()
    for shown in [kind] if kind else ["suites", *KINDS]:
        for table in _metric_tables() if shown == "metrics" else [_table(shown)]:
            console.print(table)
            console.print()


def _table(kind: str) -> Table:
    table = _empty(kind, "name", "version", "what", "from")
    for row in _suite_rows() if kind == "suites" else _component_rows(kind):
        table.add_row(*map(escape, row))
    return table


def _metric_tables() -> Iterator[Table]:
    """Yield one table for each verdict, in the order of boards."""
    from vaebench.interfaces import DECLARED

    known = list(_owned("metrics"))
    for verdict in DECLARED["verdict"]:
        table = _empty(f"metrics: {verdict}", "name", "better", "what")
        for name, metric, _ in known:
            if metric.verdict == verdict:
                what = f"{metric.title}: {summary(metric)}" if metric.title else summary(metric)
                table.add_row(*map(escape, (name, ARROWS[metric.better], what)))
        if table.row_count:
            yield table


def _empty(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in ("name", "version", "better"))
    return table


def _suite_rows() -> Iterator[tuple[str, ...]]:
    for name, (path, distribution) in suites(installed()).items():
        try:
            suite = load(path)
            yield name, str(suite.version), suite.title, distribution
        except UserError as error:
            yield name, "?", f"broken: {error}", distribution


def _component_rows(kind: str) -> Iterator[tuple[str, ...]]:
    for name, component, distribution in _owned(kind):
        what = getattr(component, "title", "") or summary(component)
        if missing := component.missing() if kind == "executors" else "":
            what += f" (unavailable: {missing})"
        yield name, str(component.version), what, distribution


def _owned(kind: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the name, class and distribution of each component; a name that several components share includes the
    distribution."""
    from vaebench.components.registry import registry

    for offers in registry().offers(kind).values():
        for offer in offers:
            yield offer.name if len(offers) == 1 else offer.qualified, offer.component, offer.plugin.distribution
