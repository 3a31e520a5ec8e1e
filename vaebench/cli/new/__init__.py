"""`vaebench new`: create a plugin."""

from __future__ import annotations

import click

from vaebench.cli.lazy import LazyGroup

COMMANDS = {
    "plugin": ("vaebench.cli.new.plugin", "Write a package with a model, dataset, loss, metric, suite and tests"),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def command() -> None:
    """Create a plugin from a template."""
