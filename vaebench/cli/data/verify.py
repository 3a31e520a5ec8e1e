"""`vaebench data verify`: check that all files are present, intact and readable."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli import completion
from vaebench.cli.options import DATA
from vaebench.errors import UserError


@click.command
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.names("datasets"))
@DATA
def command(names: Sequence[str], data: Path | None) -> int:
    """Check the number, checksums and readability of all files of the named datasets, or of all datasets that are
    present. The exit code is 1 if files are faulty, and 2 if a named dataset cannot be read at all.

    \b
    Example:
      vaebench data verify kermany-cxr --data xrays
    """
    from vaebench.cli.data.datasets import find_datasets
    from vaebench.data.folders import data_folder

    console, folder, code = Console(highlight=False, soft_wrap=True), data_folder(data), 0
    for dataset in find_datasets(names):
        if not dataset.present(folder):
            if names:
                raise UserError(f"The real images of {dataset.name} are not in {folder}. {dataset.obtain()}")
            continue
        try:
            faults = list(dataset.verify(folder))
            code = max(code, 1 if faults else 0)
        except ValueError as error:
            faults = [str(error)]
            code = max(code, 2 if names else 1)
        console.print(f"{escape(dataset.name)}: {'[red]' if faults else '[green]'}{len(faults) or 'no'} faults[/]")
        for fault in faults:
            console.print(f"  {escape(fault)}")
    return code
