"""`vaebench check`: run the conformance checks on one component."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli import completion
from vaebench.cli.components import KINDS, find_offers
from vaebench.cli.options import DATA

COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


@click.command
@click.argument("name", shell_complete=completion.names(*KINDS))
@click.option(
    "--device",
    type=click.Choice(["cpu", "pretended-cuda"]),
    default="cpu",
    show_default=True,
    help="Device for the checks; pretended-cuda needs no GPU, but finds most errors that would occur on one.",
)
@DATA
def command(name: str, device: Literal["cpu", "pretended-cuda"], data: Path | None) -> int:
    """Run the conformance checks on a component, and give the reason for each check that failed or was skipped.

    \b
    Examples:
      vaebench check vae
      vaebench check "vae[latent=64]" --device pretended-cuda
      vaebench check kermany-cxr --data xrays
    """
    from vaebench.checks import run_checks
    from vaebench.components.parameters import split_spec
    from vaebench.trial import Spec

    console, counts = Console(highlight=False, soft_wrap=True), dict.fromkeys(COLOURS, 0)
    bare, params = split_spec(name)
    for kind, offer in find_offers(bare):
        checked = escape(str(Spec(offer.qualified, params)))
        console.print(f"[bold]{checked}[/bold] ({kind}, version {offer.component.version})")
        for outcome in run_checks(offer, params, device, data):
            counts[outcome.status] += 1
            reason = f": {escape(outcome.reason)}" if outcome.reason else ""
            console.print(f"  [{COLOURS[outcome.status]}]{outcome.status}[/] {escape(outcome.name)}{reason}")
    console.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    return 1 if counts["failed"] else 0
