"""The suites that come with vaebench: every .toml file of this folder is one."""

from __future__ import annotations

from pathlib import Path

from vaebench import hookimpl


@hookimpl
def vaebench_suites() -> list[Path]:
    return list(Path(__file__).parent.glob("*.toml"))
