"""`vaebench data`: find, download and check real datasets."""

from __future__ import annotations

import click

from vaebench.cli.lazy import LazyGroup

COMMANDS = {
    "status": ("vaebench.cli.data.status", "Show which datasets are present, and how to get the others"),
    "fetch": ("vaebench.cli.data.fetch", "Download free datasets"),
    "verify": ("vaebench.cli.data.verify", "Check that all files are present, intact and readable"),
    "audit": ("vaebench.cli.data.audit", "Find shared patients, duplicates and shortcuts"),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Find, download and check real datasets."""
