"""`vaebench plugins`: list the installed plugins."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaebench.components.discovery import installed


@click.command
def command() -> None:
    """List the plugins of this environment with their versions and hooks. For plugins that could not be loaded, show
    the reason.

    \b
    Example:
      vaebench plugins
    """
    console = Console()
    plugins = installed()
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("plugin", "version", "entry point", "offers"):
        table.add_column(column, overflow="fold")
    for plugin in plugins.loaded:
        offers = ", ".join(hook.removeprefix("vaebench_") for hook in plugin.hooks)
        table.add_row(*map(escape, (plugin.distribution, plugin.version, plugin.entry_point, offers)))
    console.print(table)
    for problem in plugins.untold():
        console.print(f"[red]broken[/red] {escape(str(problem))}", highlight=False, soft_wrap=True)
