"""The folders of real and prepared data on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder(given: Path | None = None) -> Path:
    """Return the folder of real datasets: `--data`, else VAEBENCH_DATA, else the platform's data folder."""
    return given or Path(os.environ.get("VAEBENCH_DATA") or platformdirs.user_data_path("vaebench"))


def cache_folder() -> Path:
    """Return the folder of prepared arrays: VAEBENCH_CACHE, else the platform's cache folder."""
    return Path(os.environ.get("VAEBENCH_CACHE") or platformdirs.user_cache_path("vaebench"))
