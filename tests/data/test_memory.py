"""Preparing takes little more memory than the images, and hardly any when they lie in a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PREPARE = """
import resource, sys
from pathlib import Path
import numpy as np
from vaebench.data.prepare import open_splits, prepare
from vaebench.interfaces import Dataset, Split, Splits
from vaebench.trial import Spec

COUNT, BYTES = 6000, 6000 * 224 * 224  # 287 MiB
folder, mapped, allowed = Path(sys.argv[1]), sys.argv[2] == "mapped", float(sys.argv[3])

class Large(Dataset):
    name, version, classes = "large", 1, ("a", "b")

    def phantom(self, size, limit, seed):
        def split(start, count):
            shape = (count, 1, size, size)
            file = folder / str(start)
            images = np.memmap(file, np.uint8, "w+", shape=shape) if mapped else np.zeros(shape, np.uint8)
            images[:, 0, 0, 0] = np.arange(count) % 251
            return Split(images, np.arange(count) % 2, np.arange(count) + start)
        return Splits(train=split(0, COUNT - 10), test=split(10**6, 10))

data = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmData")) * 1024
limit = data + int(allowed * BYTES) + 48 * 2**20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))  # anonymous memory, however much of the file is in memory
made = prepare(Large(), Spec("large"), "phantom", 224, {}, folder, folder)
assert made.counts == {"train": 5391, "val": 599, "test": 10}, made.counts
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's account of memory")
@pytest.mark.parametrize(("where", "allowed"), [("memory", 1.2), ("mapped", 0.2)])
def test_preparing_copies_no_images(tmp_path, where, allowed):
    script = [sys.executable, "-c", PREPARE, str(tmp_path), where, str(allowed)]
    done = subprocess.run(script, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
