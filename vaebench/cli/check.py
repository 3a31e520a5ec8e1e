"""`vaebench check`: the conformance kit on one component."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from vaebench.checks import run_checks
from vaebench.cli.inventory import find_offers
from vaebench.components.parameters import split_spec

COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


def check_name(name: str) -> int:
    """The exit code: 1 when a check failed."""
    console, counts = Console(), dict.fromkeys(COLOURS, 0)
    bare, params = split_spec(name)
    for kind, offer in find_offers(bare):
        console.print(
            f"[bold]{escape(offer.qualified)}[/bold] ({kind}, version {offer.component.version})", highlight=False
        )
        for outcome in run_checks(offer, params):
            counts[outcome.status] += 1
            reason = f": {escape(outcome.reason)}" if outcome.reason else ""
            console.print(
                f"  [{COLOURS[outcome.status]}]{outcome.status}[/] {escape(outcome.name)}{reason}",
                highlight=False,
                soft_wrap=True,
            )
    console.print(", ".join(f"{count} {status}" for status, count in counts.items()), highlight=False)
    return 1 if counts["failed"] else 0
