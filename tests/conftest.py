"""The environment of all tests: one thread, and an empty data folder and cache."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from laboratory import Lab

# Numerical libraries read these when they are loaded: results depend on the number of threads, and xdist uses the
# cores.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Replace this machine's data folder and cache by empty ones."""
    root: Path = tmp_path_factory.mktemp("machine")
    os.environ["VAEBENCH_CACHE"] = str(root / "cache")
    os.environ["VAEBENCH_DATA"] = str(root / "data")
    os.environ["COLUMNS"] = "100"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Install the plugin `tests/lab` for one module of tests."""
    import laboratory

    with laboratory.opened(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
