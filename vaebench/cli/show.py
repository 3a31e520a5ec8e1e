"""`vaebench show`: show one component, suite or record in full."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaebench.cli import completion
from vaebench.cli.components import KINDS, documentation, find_offers
from vaebench.components.discovery import SINGULAR, installed
from vaebench.errors import UserError
from vaebench.planning.suite import suites
from vaebench.records import store
from vaebench.records.clean import clean
from vaebench.records.record import BadRecord, Cell, Part, to_json

SCHEMAS = {"record": "vaebench.records.record", "board": "vaebench.report.export"}


@click.command
@click.argument("name", metavar="NAME|RECORD.json", shell_complete=completion.names(*KINDS))
def command(name: str) -> None:
    """Show a component with its parameters and their defaults, a suite, or a record. The names `record` and `board`
    show the JSON schemas of records and of leaderboard.json.

    \b
    Examples:
      vaebench show vae
      vaebench show record
      vaebench show results/medical@1/quick/phantom/cpu/kermany-cxr/vae-0123456789ab.json
    """
    if name.endswith(".json"):
        return _show_record(Path(name))
    if name in SCHEMAS:
        module = import_module(SCHEMAS[name])
        return click.echo(json.dumps(module.json_schema(), indent=2, ensure_ascii=False))
    plugins = installed()
    console = Console()
    if name in (known := suites(plugins)):
        console.print(known[name][0].read_text(encoding="utf-8"), markup=False, highlight=False)
        return None
    found = find_offers(name)
    for kind, offer in found:
        _show_component(kind, offer, console)
    return None


def _show_component(kind: str, offer: Any, console: Console) -> None:
    from vaebench.components.parameters import parameters_of, tunable_of

    component = offer.component
    console.print(
        f"[bold]{escape(offer.name)}[/bold] ({SINGULAR[kind]}, version {component.version}, from "
        f"{escape(offer.plugin.distribution)} {escape(offer.plugin.version)})",
        highlight=False,
    )
    console.print(documentation(component), markup=False, highlight=False)
    if missing := component.missing() if kind == "executors" else "":
        console.print(f"  unavailable: {missing}", markup=False, highlight=False)
    facts = {
        "models": ("default_loss", "stages", "native_size"),
        "datasets": ("title", "modality", "classes", "channels", "licence", "citation", "homepage"),
        "metrics": ("title", "verdict", "better", "unit", "regime"),
    }
    for field in facts.get(kind, ()):
        value = getattr(component, field)
        if value not in ("", None, ()):
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            console.print(f"  {field.replace('_', ' ')}: {shown}", markup=False, highlight=False)
    parameters = parameters_of(component)
    console.print(f"parameters ({offer.name}[name=value,...]):" if parameters else "no parameters", markup=False)
    for parameter in parameters.values():
        console.print(f"  {parameter}", markup=False, highlight=False)
    if ranges := tunable_of(component):
        console.print("searched by `vaebench tune`:", markup=False)
    for name, searched in ranges.items():
        note = " (changes the size of the code: only with --free-rate)" if searched.rate else ""
        console.print(f"  {name}: {searched}{note}", markup=False, highlight=False)
    console.print()


def _show_record(path: Path) -> None:
    if not path.exists():
        raise UserError(f"There is no file {path}.")
    try:
        record = store.read(path)
    except BadRecord as error:
        raise UserError(str(error)) from error
    console = Console()

    def tell(text: str) -> None:
        console.print(clean(text, None), markup=False, highlight=False, soft_wrap=True)

    trial = record.trial
    tell(str(trial))
    tell(f"{trial.track}, id {record.id}, {record.status}")
    if record.error:
        tell(f"{record.error.kind}: {record.error.message}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("metric", "value", "standard error", "n", "better"):
        table.add_column(column, overflow="fold")
    for name, cell in record.metrics.items():
        lines: dict[str, Cell | Part] = {clean(f"{name}[{cell.variant}]" if cell.variant else name): cell}
        lines |= {f"  {clean(part)}": numbers for part, numbers in cell.parts.items()}
        for line, numbers in lines.items():
            value = f"{numbers.value:.4g} {cell.unit}" if numbers.value is not None else f"— {cell.reason}"
            spread = f"{numbers.error:.2g}" if numbers.error is not None else ""
            table.add_row(*map(escape, (line, clean(value), spread, str(numbers.n or ""), cell.better)))
    if record.metrics:
        console.print(table)
    data = to_json(record)
    for field in ("cost", "settings", "device", "inputs", "software"):
        told = ", ".join(f"{key} {value}" for key, value in data[field].items() if value not in (None, {}, ""))
        tell(f"{field}: {told}")
    tell(f"repeat this trial: vaebench run {path}")
