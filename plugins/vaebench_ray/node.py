"""What runs on a node. It is sent there by value: a node without vaebench, or with another one, can say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def work(errand: bytes, data: Mapping[str, Sequence[Any]], keep: str) -> Iterator[Any]:
    """The body of a task: yields what the trial tells, and at last what it left. A node that is not fit tells that.

    `data` has the files of the ready data, each as parts in Ray's object store; they travel when they are asked for."""
    import pickle

    import ray

    def fetch(folder: Path) -> None:
        for name, parts in data.items():
            with (folder / name).open("wb") as file:
                for part in parts:
                    file.write(ray.get(part))

    def unfit(reason: object) -> Mapping[str, str]:
        return {"phase": "unfit", "node": ray.get_runtime_context().get_node_id(), "why": str(reason)}

    try:
        from vaebench.executing import Unfit, fulfil

        read = pickle.loads(errand)
    except Exception as error:  # of a vaebench that is not there, or does not know what it reads
        yield unfit(f"it cannot read what it is to do ({type(error).__name__}: {error})")
        return
    try:
        yield from fulfil(read, fetch, keep or None)
    except Unfit as reason:
        yield unfit(reason)
