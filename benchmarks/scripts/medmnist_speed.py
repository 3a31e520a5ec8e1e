"""Compare reading a MedMNIST file at 224 px in one thread, as in earlier versions, with reading it in several threads.

    python benchmarks/scripts/medmnist_speed.py [--images 2000] [--rounds 5]

The file is synthetic: smooth pictures with a little noise, which compress about as well as radiographs. Both methods
take turns in one process, and the ratio of their times is printed.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

import numpy as np

from vaebench_medical import medmnist, npz

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


def make(path: Path, images: int) -> None:
    generator, x = np.random.default_rng(0), np.linspace(0, 3, 224)
    arrays = {}
    for split, share in SHARES.items():
        n = round(images * share)
        waves = np.sin(x[:, None] * generator.uniform(1, 3, (n, 1, 1))) * np.cos(x * generator.uniform(1, 3, (n, 1, 1)))
        noise = generator.normal(0, 2, (n, 224, 224))
        arrays[f"{split}_images"] = (128 + 100 * waves + noise).clip(0, 255).astype(np.uint8)
        arrays[f"{split}_labels"] = generator.integers(0, 2, (n, 1), dtype=np.uint8)
    path.parent.mkdir()
    np.savez_compressed(path, **arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    dataset = next(one for one in medmnist.DATASETS if one.name == "pneumoniamnist")(side=224, verify=False)
    times: dict[str, list[float]] = {"one thread": [], "threads": []}
    with TemporaryDirectory() as place:
        make(Path(place) / "medmnist" / "pneumoniamnist_224.npz", asked.images)
        for _ in range(asked.rounds):
            for way, each in times.items():
                alone = way == "one thread"
                with (
                    patch.object(medmnist, "ThreadPoolExecutor", partial(ThreadPoolExecutor, 1 if alone else None)),
                    patch.object(npz.Rows, "ahead", npz.Rows.__iter__ if alone else npz.Rows.ahead),
                ):
                    started = time.perf_counter()
                    dataset.load(Path(place), 128, {})
                    each.append(time.perf_counter() - started)
    for way, each in times.items():
        print(f"{way:10} median {median(each):6.2f} s, from {min(each):.2f} to {max(each):.2f}")
    ratios = [before / now for before, now in zip(*times.values(), strict=True)]
    print(f"{median(ratios):.2f} times as fast, median of {asked.rounds} pairs of {asked.images} images")


if __name__ == "__main__":
    main()
