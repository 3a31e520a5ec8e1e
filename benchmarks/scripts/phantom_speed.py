"""Print how many phantoms one core draws per second, as a Markdown table.

    python benchmarks/scripts/phantom_speed.py [--size 64]

Times are CPU times of one thread, best of five rounds; each picture is drawn with its healthy counterpart, mask and
factors.
"""

from __future__ import annotations

import argparse
import os
import time
from importlib import import_module

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # read when NumPy is imported

import numpy as np

MODALITIES = ("chest", "fundus", "gland", "mammogram", "knee", "brain")


def speed(modality: str, size: int, n: int, rounds: int = 5) -> float:
    module = import_module(f"vaebench_medical.phantoms.{modality}")
    index = np.arange(n)
    took = []
    for seed in range(rounds):
        start = time.process_time()
        module.draw(seed, index, index % len(module.CLASSES), size)
        took.append(time.process_time() - start)
    return n / min(took)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--images", type=int, default=256)
    chosen = parser.parse_args()
    print(f"| phantom | images/s at {chosen.size} px |\n|---|---|")
    for modality in MODALITIES:
        print(f"| {modality} | {speed(modality, chosen.size, chosen.images):.0f} |", flush=True)
