"""`vaebench data status`: which datasets are present, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli.options import DATA


@click.command
@click.argument("names", nargs=-1, metavar="[NAME]...")
@DATA
def command(names: Sequence[str], data: Path | None) -> None:
    """Show for each dataset whether its real images are present, and otherwise how to get them.

    \b
    Example:
      vaebench data status kermany-cxr
    """
    from vaebench.cli.data.datasets import find_datasets
    from vaebench.data.prepare import data_folder

    console, folder = Console(), data_folder(data)
    console.print(f"Real datasets are looked for in {escape(str(folder))}", highlight=False, soft_wrap=True)
    for dataset in find_datasets(names):
        if dataset.present(folder):
            console.print(f"[green]present[/green]   {escape(dataset.name)}", highlight=False)
        else:
            state = "[blue]fetchable[/blue]" if dataset.fetchable else "[yellow]by hand[/yellow]  "
            how = escape(dataset.obtain())
            console.print(f"{state} {escape(dataset.name)}: {how}", highlight=False, soft_wrap=True)
