"""`vaebench data audit`: find shared patients, twins and shortcuts in a dataset."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.markup import escape

from vaebench.cli import completion
from vaebench.cli.options import DATA
from vaebench.errors import UserError
from vaebench.records.clean import clean_lines

if TYPE_CHECKING:
    from vaebench.data.audit import Audit
    from vaebench.data.leaks import Pair

LISTED = 20
"""The number of pairs of each kind that the table lists"""


@click.command
@click.argument("name", shell_complete=completion.names("datasets"))
@click.option("--source", type=click.Choice(["real", "phantom"]), default="real", show_default=True,
              help="Source of the images to audit.")  # fmt: skip
@click.option("--size", type=click.IntRange(min=8), default=64, show_default=True, help="Image size in pixels.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True,
              help="Output format: json contains everything, csv contains a row for each pair of twins.")  # fmt: skip
@DATA
def command(name: str, source: str, size: int, form: str, data: Path | None) -> int:
    """Look for three flaws that make scores misleading: patients in more than one split, twins and shortcuts. Twins are
    nearly identical images, possibly mirrored; they are listed with their file names and any conflicting labels.
    Shortcuts are image properties (brightness, contrast, sharpness, native size) that separate healthy from diseased
    images without regard to anatomy. The result is cached.

    \b
    Examples:
      vaebench data audit kermany-cxr --data xrays
      vaebench data audit kermany-cxr --format csv > twins.csv
      vaebench data audit kermany-cxr --source phantom
    """
    from vaebench.cli.data.datasets import find_dataset
    from vaebench.data.audit import audited
    from vaebench.data.folders import cache_folder, data_folder
    from vaebench.data.prepare import prepare
    from vaebench.data.splits import SplitError
    from vaebench.interfaces import NotApplicable

    console = Console(highlight=False, soft_wrap=True)
    dataset, spec = find_dataset(name)
    folder = data_folder(data)
    if source == "real" and not dataset.present(folder):
        raise UserError(f"The real images of {dataset.name} are not in {folder}. {dataset.obtain()}")
    try:
        ready = prepare(dataset, spec, source, size, {}, folder, cache_folder())
    except (NotApplicable, SplitError, ValueError) as error:
        raise UserError(f"{dataset.name} cannot be prepared: {error}") from error
    found = audited(ready)
    if form == "json":
        about = {"dataset": dataset.name, "source": source, "size": size, "digest": ready.digest}
        click.echo(_json(found, {**about, "names": dataset.classes, "notes": ready.notes}))
    elif form == "csv":
        _write_pairs(found, dataset.classes)
    else:
        console.print(f"[bold]{escape(str(spec))}[/bold], {source}, {size} px, digest {ready.digest[:12]}")
        for line in (*(f"note: {note}" for note in ready.notes), *_told(found, dataset.classes)):
            console.print(escape(clean_lines(line)))
    return 0


def _json(found: Audit, about: Mapping[str, Any]) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode({**about, **msgspec.to_builtins(found)}), indent=1).decode()


def _write_pairs(found: Audit, classes: Sequence[str]) -> None:
    table = csv.writer(sys.stdout)
    table.writerow(["split_a", "file_a", "class_a", "split_b", "file_b", "class_b", "correlation", "mirrored", "equal"])
    for pair in found.leaks.pairs:
        ends = (pair.split, pair.file, pair.label), (pair.split_b, pair.file_b, pair.label_b)
        told = [(split, file, _named(label, classes)) for split, file, label in ends]
        table.writerow([*told[0], *told[1], pair.correlation, int(pair.mirrored), int(pair.equal)])


def _named(label: int, classes: Sequence[str]) -> str:
    return classes[label] if label < len(classes) else str(label)


def _told(found: Audit, classes: Sequence[str]) -> Iterator[str]:
    for split, counts in found.classes.items():
        told = ", ".join(f"{_named(label, classes)} {count}" for label, count in counts.items())
        yield f"{split}: {sum(counts.values())} images of {found.groups[split]} groups ({told})"
    for pair, count in found.shared.items():
        yield f"{pair}: {count} shared groups"
    yield from _twins(found, classes)
    for split, (height, width) in found.native.items():
        yield f"{split}: original size {height:g} x {width:g} pixels (medians of height and width)"
    for name, value in found.native_gap.items():
        yield f"train against test: {name} alone separates them with AUROC {value:.3f} (0.5: no difference)"
    for name, value in sorted(found.shortcuts.items(), key=lambda item: -item[1]):
        yield f"shortcut {name}: separates healthy from diseased test images with AUROC {value:.3f}"
    if found.together is not None:
        yield f"all shortcuts together (logistic, fitted on train): AUROC {found.together:.3f}"
    for kind, value in found.split_gap.items():
        yield f"train against test: {kind} images are separated with AUROC {value:.3f} (0.5: no difference)"


def _twins(found: Audit, classes: Sequence[str]) -> Iterator[str]:
    """Yield the lines about twins: the number of pairs, the groups that they form, and their files."""
    leaks, all_of = found.leaks, "" if found.leaks.complete else "at least "
    yield (
        f"twins: {all_of}{len(leaks.pairs)} pairs in {leaks.groups} groups; the largest group has "
        f"{leaks.largest_size} of {leaks.images} images"
    )
    if leaks.suspicious:
        yield "  check whether the images of the largest group are twins or merely similar. Some of its files:"
        yield from (f"    {file}" for file in leaks.largest[:LISTED])
    across = found.across
    for one, two in dict.fromkeys((pair.split, pair.split_b) for pair in across):
        here = [pair for pair in across if (pair.split, pair.split_b) == (one, two)]
        seen, equal = len({p.file_b for p in here}), len({p.file_b for p in here if p.equal})
        yield f"{one} and {two}: {all_of}{seen} {two} images have a twin in {one}, {equal} of them pixel-identical"
    kinds = {
        "across splits": across,
        "within a split": [pair for pair in leaks.pairs if not pair.across],
        "with different labels": found.conflicts,
    }
    for kind, pairs in kinds.items():
        if pairs:
            yield f"pairs {kind}: {all_of}{len(pairs)}"
            yield from (f"  {_pair(pair, classes)}" for pair in pairs[:LISTED])
            if len(pairs) > LISTED:
                yield f"  and {len(pairs) - LISTED} more, which --format csv lists"


def _pair(pair: Pair, classes: Sequence[str]) -> str:
    a, b = (f"{split} {file}" for split, file in ((pair.split, pair.file), (pair.split_b, pair.file_b)))
    how = "equal" if pair.equal else f"{pair.correlation:.4f}{', mirrored' if pair.mirrored else ''}"
    labels = "" if pair.label == pair.label_b else (
        f", {_named(pair.label, classes)} and {_named(pair.label_b, classes)}"
    )  # fmt: skip
    return f"{a} and {b} ({how}{labels})"
