"""`vaebench data fetch`: download free datasets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli import completion
from vaebench.cli.options import DOWNLOADS
from vaebench.errors import UserError


@click.command
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=completion.names("datasets", "metrics")
)
@DOWNLOADS
def command(names: Sequence[str], data: Path | None) -> None:
    """Download free datasets into the data folder and check them against their published checksums. If
    NAME is a metric, download the file that it needs.

    \b
    Examples:
      vaebench data fetch pneumoniamnist
      vaebench data fetch fid              Inception's weights (95 MB)
    """
    from vaebench.cli.data.datasets import find_dataset
    from vaebench.components.registry import registry
    from vaebench.data.folders import data_folder
    from vaebench.interfaces import NotApplicable

    console, folder = Console(highlight=False, soft_wrap=True), data_folder(data)
    for name in names:
        try:
            if name in registry().offers("metrics") and name not in registry().offers("datasets"):
                place = registry().get("metrics", name).component().fetch()
            elif (dataset := find_dataset(name)[0]).present(folder):
                console.print(f"{escape(name)} is already present")
                continue
            else:
                dataset.prepare(folder)
                place = folder
        except (NotApplicable, ValueError) as reason:
            raise UserError(f"{name} cannot be fetched: {reason}") from reason
        console.print(f"[green]fetched[/green] {escape(name)} into {escape(str(place))}")
