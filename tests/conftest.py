"""What every test gets: one thread, a data folder and a cache of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from laboratory import Lab

# Read when numerical libraries load: results depend on the number of threads, and xdist uses the cores.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees this machine's data or cache."""
    root: Path = tmp_path_factory.mktemp("machine")
    os.environ["VAEBENCH_CACHE"] = str(root / "cache")
    os.environ["VAEBENCH_DATA"] = str(root / "data")
    os.environ["COLUMNS"] = "100"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The plugin `tests/lab`, for one module of tests."""
    import laboratory

    with laboratory.opened(tmp_path_factory.mktemp("lab")) as lab:
        yield lab
