"""`vaebench list`: available components and suites."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaebench.cli.components import KINDS, summary
from vaebench.components.discovery import installed
from vaebench.errors import UserError
from vaebench.planning.suite import load, suites


@click.command
@click.argument("kind", required=False, type=click.Choice([*KINDS, "suites"]))
def command(kind: str | None) -> None:
    """List the components and suites of all installed plugins, with a one-line description of each.

    \b
    Example:
      vaebench list models
    """
    console = Console()
    for shown in [kind] if kind else ["suites", *KINDS]:
        table = Table(title=shown, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for column in ("name", "version", "what", "from"):
            table.add_column(column, overflow="fold", no_wrap=column in ("name", "version"))
        for row in _suite_rows() if shown == "suites" else _component_rows(shown):
            table.add_row(*map(escape, row))
        console.print(table)
        console.print()


def _suite_rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, (path, distribution) in suites(installed()).items():
        try:
            suite = load(path)
            rows.append((name, str(suite.version), suite.title, distribution))
        except UserError as error:
            rows.append((name, "?", f"broken: {error}", distribution))
    return rows


def _component_rows(kind: str) -> list[tuple[str, ...]]:
    from vaebench.components.registry import registry

    rows: list[tuple[str, ...]] = []
    for offers in registry().offers(kind).values():
        for offer in offers:
            name = offer.name if len(offers) == 1 else offer.qualified
            what = getattr(offer.component, "title", "") or summary(offer.component)
            if missing := offer.component.missing() if kind == "executors" else "":
                what += f" (unavailable: {missing})"
            rows.append((name, str(offer.component.version), what, offer.plugin.distribution))
    return rows
