"""The function that Ray runs on a node.

The function's code is sent to the node, so that even a node without vaebench can run it and report that vaebench is
missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def work(errand: bytes, data: Mapping[str, Sequence[Any]], keep: str) -> Iterator[Any]:
    """Run a trial: yield its messages and, at the end, its results. On an unfit node, yield the reason instead.

    `data` maps the files of the prepared data to their parts in Ray's object store, which are fetched when needed."""
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
    except Exception as error:  # vaebench is missing, or cannot read an errand of this version
        yield unfit(f"it cannot read its task ({type(error).__name__}: {error})")
        return
    try:
        yield from fulfil(read, fetch, keep or None)
    except Unfit as reason:
        yield unfit(reason)
