"""The suites that come with vaebench: each .toml file in this folder is a suite."""

from __future__ import annotations

from pathlib import Path

from vaebench import hookimpl


@hookimpl
def vaebench_suites() -> list[Path]:
    return list(Path(__file__).parent.glob("*.toml"))
