"""`vaebench data audit`: shared patients, duplicates and shortcuts in a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli.options import DATA
from vaebench.errors import UserError

if TYPE_CHECKING:
    from vaebench.data.audit import Audit


@click.command
@click.argument("name")
@click.option(
    "--source", type=click.Choice(["real", "phantom"]), default="real", show_default=True, help="Which images to audit."
)
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Image size in pixels.")
@DATA
def command(name: str, source: str, size: int, data: Path | None) -> int:
    """Look for flaws that make scores misleading: patients or images in more than one split, and shortcuts (brightness,
    contrast, sharpness, native size) that separate healthy from diseased images without using any anatomy.

    \b
    Examples:
      vaebench data audit kermany-cxr --data xrays
      vaebench data audit kermany-cxr --source phantom
    """
    from vaebench.cli.data.datasets import find_dataset
    from vaebench.data.audit import audit
    from vaebench.data.prepare import cache_folder, data_folder, open_splits, prepare
    from vaebench.data.splits import SplitError
    from vaebench.interfaces import NotApplicable

    console = Console(highlight=False)
    dataset, spec = find_dataset(name)
    folder = data_folder(data)
    if source == "real" and not dataset.present(folder):
        raise UserError(f"The real {dataset.name} is not in {folder}. {dataset.obtain()}")
    try:
        ready = prepare(dataset, spec, source, size, {}, folder, cache_folder())
    except SplitError as error:
        console.print(f"[red]error[/red] {escape(str(error))}")
        return 1
    except (NotApplicable, ValueError) as error:
        raise UserError(f"{name} cannot be prepared: {error}") from error
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
