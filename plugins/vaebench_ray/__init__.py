"""Trials on a Ray cluster: `--executor 'ray[address=host:6379]'`.

pip install "vaebench[ray]"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vaebench import hookimpl

if TYPE_CHECKING:
    from vaebench.interfaces import Executor


@hookimpl
def vaebench_executors() -> list[type[Executor]]:
    from vaebench_ray.executor import Ray

    return [Ray]
