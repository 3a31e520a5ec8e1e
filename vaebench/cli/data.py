"""`vaebench data`: where real datasets are and how to get them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from vaebench.components.registry import registry
from vaebench.data.audit import Audit, audit
from vaebench.data.prepare import cache_folder, data_folder, open_splits, prepare
from vaebench.data.splits import SplitError
from vaebench.errors import UserError
from vaebench.interfaces import Dataset, Metric, NotApplicable
from vaebench.trial import Spec


def data_status(names: Sequence[str], data: Path | None) -> None:
    console, folder = Console(), data_folder(data)
    console.print(f"Real datasets are looked for in {escape(str(folder))}", highlight=False, soft_wrap=True)
    for dataset in _datasets(names):
        if dataset.present(folder):
            console.print(f"[green]present[/green]   {escape(dataset.name)}", highlight=False)
        else:
            state = "[blue]fetchable[/blue]" if dataset.fetchable else "[yellow]by hand[/yellow]  "
            how = escape(dataset.obtain())
            console.print(f"{state} {escape(dataset.name)}: {how}", highlight=False, soft_wrap=True)


def data_fetch(names: Sequence[str], data: Path | None) -> None:
    console, folder = Console(highlight=False, soft_wrap=True), data_folder(data)
    for name in names:
        wanted = _fetchable(name)
        if isinstance(wanted, Dataset) and wanted.present(folder):
            console.print(f"{escape(name)} is there already")
            continue
        try:
            place = wanted.fetch() if isinstance(wanted, Metric) else folder
            if isinstance(wanted, Dataset):
                wanted.prepare(folder)
        except (NotApplicable, ValueError) as reason:
            raise UserError(f"{name} cannot be fetched: {reason}") from reason
        console.print(f"[green]fetched[/green] {escape(name)} into {escape(str(place))}")


def data_verify(names: Sequence[str], data: Path | None) -> int:
    """The exit code: 1 when something is wrong."""
    console, folder, wrong = Console(highlight=False, soft_wrap=True), data_folder(data), 0
    for dataset in _datasets(names):
        if not dataset.present(folder):
            if names:
                raise UserError(f"The real {dataset.name} is not in {folder}. {dataset.obtain()}")
            continue
        try:
            faults = list(dataset.verify(folder))
        except ValueError as error:
            faults = [str(error)]
        console.print(f"{escape(dataset.name)}: {'[red]' if faults else '[green]'}{len(faults) or 'no'} faults[/]")
        for fault in faults:
            console.print(f"  {escape(fault)}")
        wrong += len(faults)
    return 1 if wrong else 0


def data_audit(name: str, data: Path | None, source: str, size: int) -> int:
    """The exit code: 1 when the splits share groups."""
    console = Console(highlight=False)
    dataset, spec = _named(name)
    folder = data_folder(data)
    if source == "real" and not dataset.present(folder):
        raise UserError(f"The real {dataset.name} is not in {folder}. {dataset.obtain()}")
    try:
        ready = prepare(dataset, spec, source, size, {}, folder, cache_folder())
    except SplitError as error:
        console.print(f"[red]error[/red] {escape(str(error))}")
        return 1
    except (NotApplicable, ValueError) as error:
        raise UserError(f"{name} cannot be made ready: {error}") from error
    found = audit(open_splits(ready.folder))
    console.print(f"[bold]{escape(str(spec))}[/bold], {source}, {size} px, digest {ready.digest[:12]}")
    for note in ready.notes:
        console.print(f"note: {escape(note)}", soft_wrap=True)
    for line in _told(found, dataset.classes):
        console.print(escape(line), soft_wrap=True)
    return 0


def _told(found: Audit, classes: Sequence[str]) -> Iterator[str]:
    def named(label: int) -> str:
        return classes[label] if label < len(classes) else str(label)

    for split, counts in found.classes.items():
        told = ", ".join(f"{named(label)} {count}" for label, count in counts.items())
        yield f"{split}: {sum(counts.values())} images of {found.groups[split]} groups ({told})"
    for pair, count in found.shared.items():
        yield f"{pair}: {count} shared groups, {found.exact[pair]} equal and {found.near[pair]} nearly equal images"
    if found.best_shortcut:
        for name, value in sorted(found.shortcuts.items(), key=lambda item: -item[1]):
            yield f"shortcut {name}: separates healthy from diseased test images with {value:.3f}"
        if found.together is not None:
            yield f"all shortcuts together (logistic, fitted on train): AUROC {found.together:.3f}"
    for kind, value in found.split_gap.items():
        yield f"train against test among {kind} images: told apart with AUROC {value:.3f} (0.5: drawn alike)"


def _named(text: str) -> tuple[Dataset, Spec]:
    """The dataset that `NAME[param=value,...]` means."""
    offer, spec = registry().spec("datasets", text)
    try:
        return offer.component(**spec.params), spec
    except (TypeError, ValueError) as error:
        raise UserError(f"{text}: {error}") from error


def _fetchable(name: str) -> Dataset | Metric:
    """The dataset of that name, or the metric."""
    if name in registry().offers("metrics") and name not in registry().offers("datasets"):
        metric: Metric = registry().get("metrics", name).component()
        return metric
    return _named(name)[0]


def _datasets(names: Sequence[str]) -> list[Dataset]:
    """The datasets named, or all that can be made without parameters."""
    if names:
        return [_named(name)[0] for name in names]
    known = [offer.component for offers in registry().offers("datasets").values() for offer in offers]
    found: list[Dataset] = []
    for component in known:
        try:
            found.append(component())
        except TypeError:  # it needs parameters (a path), so it has no one place to look in
            continue
    return found
