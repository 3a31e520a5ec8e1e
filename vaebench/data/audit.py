"""The audit of a dataset before any training: shared patients, twins, and shortcuts to its labels."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from vaebench import twins
from vaebench.data import leaks, shortcuts
from vaebench.data.leaks import Leaks, Pair
from vaebench.data.prepare import Prepared, open_splits
from vaebench.interfaces import Splits
from vaebench.records.store import write_atomically

KEPT = "audit.json"
"""The file in a prepared folder that stores its audit."""


@dataclass(frozen=True)
class Audit:
    """The findings of an audit."""

    classes: dict[str, dict[int, int]]
    """split -> label -> number of images"""
    groups: dict[str, int]
    """split -> number of groups"""
    shared: dict[str, int]
    """`train and test` -> number of groups that are in both"""
    leaks: Leaks
    """twins, within and across splits"""
    native: dict[str, tuple[float, float]]
    """split -> median height and width of its images before resizing, if the dataset provides them"""
    native_gap: dict[str, float]
    """native size, aspect ratio -> how well this property alone separates train from test: max(AUROC, 1 - AUROC)"""
    shortcuts: dict[str, float]
    """feature -> how well this feature alone separates healthy from diseased test images: max(AUROC, 1 - AUROC)"""
    together: float | None
    """test AUROC of a logistic regression on all shortcuts, fitted on train"""
    split_gap: dict[str, float]
    """healthy, diseased -> how well shortcuts and thumbnails together separate train from test: cross-validated
    AUROC"""

    @property
    def across(self) -> list[Pair]:
        """Twins in different splits."""
        return [pair for pair in self.leaks.pairs if pair.across]

    @property
    def conflicts(self) -> list[Pair]:
        """Twins that have different labels: one of the two labels is wrong."""
        return [pair for pair in self.leaks.pairs if pair.label != pair.label_b]


def audit(splits: Splits) -> Audit:
    """Return the audit of a dataset's splits."""
    named = dict(splits.items())
    names = list(named)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    alone, together = shortcuts.shortcut_baselines(splits)
    return Audit(
        classes={name: _counts(split.labels) for name, split in named.items()},
        groups={name: len(np.unique(split.groups)) for name, split in named.items()},
        shared={f"{a} and {b}": len(np.intersect1d(named[a].groups, named[b].groups)) for a, b in pairs},
        leaks=leaks.leaks(splits),
        native=shortcuts.native_sizes(splits),
        native_gap=shortcuts.native_gap(splits),
        shortcuts=alone,
        together=together,
        split_gap=shortcuts.split_gap(splits),
    )


def audited(ready: Prepared) -> Audit:
    """Return the audit of a prepared dataset. The audit is stored in the dataset's folder, and repeated only if the
    code of the audit changes."""
    path = ready.folder / KEPT
    sources = (__file__, leaks.__file__, shortcuts.__file__, twins.__file__)
    code = hashlib.sha256(b"".join(Path(source).read_bytes() for source in sources)).hexdigest()
    with suppress(OSError, ValueError):  # msgspec's own errors are ValueErrors
        known, found = msgspec.json.decode(path.read_bytes(), type=tuple[str, Audit])
        if known == code:
            return found
    found = audit(open_splits(ready.folder))
    with suppress(OSError):  # in a read-only folder, the audit is repeated each time
        write_atomically(path, msgspec.json.encode((code, found)))
    return found


def _counts(labels: np.ndarray) -> dict[int, int]:
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))
