"""Check that the models of the suite `medical-rate` have similar rates. The script fails if the bits per image of a
model (median over seeds) differ by more than a fifth from the geometric mean of all models.

vaebench run --suite medical-rate && python benchmarks/scripts/matched_rate.py results/medical-rate@1/compact/phantom
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from vaebench.records.record import Record
from vaebench.records.store import BadRecord, scan

METRIC = "bits-per-image"
TOLERANCE = 0.2
"""The largest relative difference of a model's rate from the common rate."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    given = parser.parse_args()
    found = bits(record for _, record in scan(given.track) if not isinstance(record, BadRecord))
    if not found:
        parser.error(f"{given.track} has no record with {METRIC}")
    beyond = False
    for dataset, models in found.items():
        common = shared(models)
        print(f"| {dataset} | bits per image | relative to {common:.1f} |\n| --- | ---: | ---: |")
        for model, rate in sorted(models.items()):
            off = rate / common - 1
            beyond |= abs(off) > TOLERANCE
            print(f"| `{model}` | {rate:.1f} | {off:+.0%}{' (too far)' if abs(off) > TOLERANCE else ''} |")
    sys.exit(f"a rate differs by more than {TOLERANCE:.0%}: change the code size of that model" if beyond else 0)


def bits(records: Iterable[Record]) -> dict[str, dict[str, float]]:
    """Return the median rate over seeds by dataset and model, for models whose code has a rate."""
    told: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        cell = record.metrics.get(METRIC)
        if record.trial.regime == "all" and cell and cell.value is not None:
            told[str(record.trial.dataset)][str(record.trial.model)].append(cell.value)
    return {data: {model: float(np.median(own)) for model, own in models.items()} for data, models in told.items()}


def shared(models: Mapping[str, float]) -> float:
    """Return the common rate of the models."""
    return float(np.exp(np.mean(np.log(list(models.values())))))


if __name__ == "__main__":
    main()
