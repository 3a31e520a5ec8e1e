"""`vaebench list`, `show` and `plugins`: what there is."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vaebench.components.discovery import installed
from vaebench.errors import UserError, did_you_mean
from vaebench.planning.suite import load, suites
from vaebench.records import store
from vaebench.records.record import BadRecord

KINDS = ("models", "datasets", "losses", "metrics")


def list_kinds(kinds: list[str]) -> None:
    console = Console()
    for kind in kinds:
        table = Table(title=kind, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
        for column in ("name", "version", "what", "from"):
            table.add_column(column, overflow="fold", no_wrap=column in ("name", "version"))
        for row in _suite_rows() if kind == "suites" else _component_rows(kind):
            table.add_row(*map(escape, row))
        console.print(table)
        console.print()


def list_plugins() -> None:
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


def show_name(name: str) -> None:
    if name.endswith(".json"):
        return _show_record(Path(name))
    plugins = installed()
    console = Console()
    if name in (known := suites(plugins)):
        console.print(known[name][0].read_text(encoding="utf-8"), markup=False, highlight=False)
        return None
    found = find_offers(name)
    for kind, offer in found:
        _show_component(kind, offer, console)
    return None


def find_offers(name: str) -> list[tuple[str, Any]]:
    """(kind, offer) of every component of that name; a UserError with near names where there is none."""
    from vaebench.components.registry import registry

    owner, _, bare = name.rpartition(":")
    found = [
        (kind, offer)
        for kind in KINDS
        for offer in registry().offers(kind).get(bare, [])
        if not owner or offer.plugin.distribution == owner
    ]
    if not found:
        known = [*suites(installed()), *(n for kind in KINDS for n in registry().offers(kind))]
        raise UserError(f"There is no component or suite {name!r}.{did_you_mean(name, known)}")
    return found


def documentation(component: type) -> str:
    """What its author wrote: of the class, else of its file (a method file starts with paper and equation)."""
    return inspect.cleandoc(component.__doc__ or sys.modules[component.__module__].__doc__ or "")


def summary(component: type) -> str:
    """The first sentence of the documentation."""
    text = documentation(component).partition("\n\n")[0].replace("\n", " ")
    return text.partition(". ")[0].rstrip(".") or component.__name__


def _suite_rows() -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, (path, distribution) in suites(installed()).items():
        try:
            suite = load(path)
            rows.append((name, str(suite.version), suite.title, distribution))
        except UserError as error:
            rows.append((name, "?", f"broken: {error}", distribution))
    return rows


def _component_rows(kind: str) -> list[tuple[str, ...]]:
    from vaebench.components.registry import registry

    rows: list[tuple[str, ...]] = []
    for offers in registry().offers(kind).values():
        for offer in offers:
            name = offer.name if len(offers) == 1 else offer.qualified
            what = getattr(offer.component, "title", "") or summary(offer.component)
            rows.append((name, str(offer.component.version), what, offer.plugin.distribution))
    return rows


def _show_component(kind: str, offer: Any, console: Console) -> None:
    from vaebench.components.parameters import parameters_of
    from vaebench.components.registry import SINGULAR

    component = offer.component
    console.print(
        f"[bold]{escape(offer.name)}[/bold] ({SINGULAR[kind]}, version {component.version}, from "
        f"{escape(offer.plugin.distribution)} {escape(offer.plugin.version)})",
        highlight=False,
    )
    console.print(documentation(component), markup=False, highlight=False)
    facts = {
        "models": ("default_loss", "stages", "native_size"),
        "datasets": ("title", "modality", "classes", "channels", "licence", "citation", "homepage"),
        "metrics": ("title", "verdict", "better", "unit", "primary", "regime"),
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
    console.print()


def _show_record(path: Path) -> None:
    from vaebench.trial import Trial

    if not path.exists():
        raise UserError(f"There is no file {path}.")
    try:
        record = store.read(path)
    except BadRecord as error:
        raise UserError(str(error)) from error
    console = Console()
    trial = Trial.from_json(record["trial"])
    console.print(f"{trial}\n{trial.track}, id {record['id']}, {record['status']}", markup=False, highlight=False)
    if record["error"]:
        console.print(f"{record['error']['kind']}: {record['error']['message']}", markup=False, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("metric", "value", "± image-level", "n", "better"):
        table.add_column(column, overflow="fold")
    for name, cell in record["metrics"].items():
        title = f"{name}[{cell['variant']}]" if cell.get("variant") else name
        parts = {f"  {part}": {**cell, **numbers} for part, numbers in cell.get("parts", {}).items()}
        for line, numbers in {title: cell, **parts}.items():
            value = f"{numbers['value']:.4g} {cell['unit']}" if cell["value"] is not None else f"— {cell['reason']}"
            spread = f"{numbers['error']:.2g}" if numbers.get("error") is not None else ""
            table.add_row(*map(escape, (line, value.strip(), spread, str(numbers.get("n") or ""), cell["better"])))
    if record["metrics"]:
        console.print(table)
    for field in ("cost", "settings", "device", "inputs", "software"):
        told = ", ".join(f"{key} {value}" for key, value in record[field].items() if value not in (None, {}, ""))
        console.print(f"{field}: {told}", markup=False, highlight=False)
    console.print(f"repeat it: vaebench run {path}", markup=False, highlight=False, soft_wrap=True)
