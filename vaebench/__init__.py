"""vaebench: train VAE variants on medical images and judge every checkpoint on four questions."""

import pluggy

hookimpl = pluggy.HookimplMarker("vaebench")
"""Marks a function of a plugin as the implementation of a hook (see `vaebench.hookspecs`)."""

__all__ = ["hookimpl"]
