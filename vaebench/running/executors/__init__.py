"""The built-in executors, which run trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Executor


@hookimpl
def vaebench_executors() -> list[type[Executor]]:
    from vaebench.running.executors.local import Local
    from vaebench.running.executors.slurm import Slurm

    return [Local, Slurm]
