"""`vaebench data status`: show which datasets are present, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from vaebench.cli import completion
from vaebench.cli.options import DATA

if TYPE_CHECKING:
    from vaebench.interfaces import Dataset

STATES = {"present": "[green]present[/green]", "fetch": "[blue]fetch[/blue]", "by hand": "[yellow]by hand[/yellow]"}


@click.command
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.names("datasets"))
@DATA
def command(names: Sequence[str], data: Path | None) -> None:
    """Show for each dataset whether its real images are present, the disk space they take, and their licence. For
    missing images, show how to get them.

    \b
    Example:
      vaebench data status kermany-cxr
    """
    from vaebench.cli.data.datasets import find_datasets
    from vaebench.data.folders import data_folder

    console, folder = Console(), data_folder(data)
    console.print(f"Looking for real datasets in {escape(str(folder))}", highlight=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("dataset", "real images", "on disk", "licence"):
        table.add_column(column, overflow="fold", no_wrap=column != "licence")
    missing = []
    for dataset in find_datasets(names):
        state = "present" if dataset.present(folder) else "fetch" if dataset.fetchable else "by hand"
        room = _room(dataset, folder) if state == "present" else "–"
        table.add_row(escape(dataset.name), STATES[state], room, escape(dataset.licence or "–"))
        if state != "present":
            missing.append(f"{dataset.name}: {dataset.obtain()}")
    console.print(table)
    if missing:
        console.print("\n[bold]How to get the others[/bold]")
    for line in missing:
        console.print(escape(line), highlight=False, soft_wrap=True)


def _room(dataset: Dataset, folder: Path) -> str:
    """Return the size of the dataset's files, or `?` if they are faulty."""
    try:
        return decimal(sum(path.stat().st_size for path in dataset.files(folder) if path.is_file()))
    except (ValueError, OSError):  # `vaebench data verify` reports the faults
        return "?"
