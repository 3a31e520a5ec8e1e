"""Measure the size and time of a checkpoint: `vae` at width 32 and 64 px with the order of 10,000 images, as in the
preset standard.

OMP_NUM_THREADS=1 python benchmarks/speed/checkpoint.py
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from vaebench.interfaces import Images
from vaebench.training import checkpoint
from vaebench.training.loop import Course
from vaebench.trial import Settings
from vaebench_reconstruction.pixels import Bce
from vaebench_vaes.vae import VAE

ROUNDS = 9


def main() -> None:
    torch.set_num_threads(1)
    model = VAE((1, 64, 64), Bce(), width=32)
    images = Images(torch.randint(0, 256, (10_000, 1, 64, 64), dtype=torch.uint8))
    course = Course(model, images, Settings(size=64, steps=2), torch.Generator())
    course.run(lambda at, values: None)
    record = {field: {} for field in checkpoint.KNOWN}
    spent = []
    with TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"
        for _ in range(ROUNDS):
            started = time.process_time()
            checkpoint.save(path, record, {"course": course.state()})
            spent.append(time.process_time() - started)
        megabytes = path.stat().st_size / 1e6
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters:,} parameters: {megabytes:.1f} MB, CPU seconds {median(spent):.2f}, median of {ROUNDS}")


if __name__ == "__main__":
    main()
