"""Where real data and what is made of them lie on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def data_folder(given: Path | None = None) -> Path:
    """Where real datasets lie: `--data`, else VAEBENCH_DATA, else the platform's data folder."""
    return given or Path(os.environ.get("VAEBENCH_DATA") or platformdirs.user_data_path("vaebench"))


def cache_folder() -> Path:
    """Where ready arrays lie: VAEBENCH_CACHE, else the platform's cache folder."""
    return Path(os.environ.get("VAEBENCH_CACHE") or platformdirs.user_cache_path("vaebench"))
