"""vaebench: train VAE variants on medical images and judge every checkpoint on four questions."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from vaebench.results import Result

hookimpl = pluggy.HookimplMarker("vaebench")
"""Marks a function of a plugin as the implementation of a hook (see `vaebench.hookspecs`)."""

__all__ = ["hookimpl", "load"]


def load(path: str | PathLike[str]) -> Result | Any:
    """Return the results in a folder as a tidy DataFrame with a row for each trial and metric, or the record in a file
    as a `Result`.

    Records in the subfolder `reference` are left out: load that folder separately."""
    from vaebench import results

    return results.load(path)
