"""The provenance of a record: versions, commit, plugins and device; never a host name, a user name or a path."""

from __future__ import annotations

import platform
import re
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from vaebench.components.discovery import installed
from vaebench.errors import Explained

PACKAGES = ("torch", "numpy", "scikit-learn", "pandas", "torch-fidelity", "pytorch-msssim", "safetensors", "pillow")


def software() -> dict[str, Any]:
    return {
        "vaebench": package_version("vaebench"),
        "python": platform.python_version(),
        **{name: package_version(name) for name in PACKAGES},
        **commit(),
        "plugins": {plugin.distribution: plugin.version for plugin in installed().loaded},
    }


@cache  # since a process does not change the code that it has loaded
def package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def commit() -> dict[str, Any]:
    """Return the commit of a development checkout and whether it was edited; empty for an installed wheel."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return {}
    try:
        head = _git(root, "rev-parse", "HEAD")
        return {"commit": head, "dirty": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):
        return {}


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def device_class(device: str) -> str:
    """Return `cpu` or the kind of GPU: numbers are bit-identical within one class only."""
    return "cpu" if device == "cpu" else re.sub(r"[^a-z0-9]+", "-", f"cuda-{device_name(device)}".lower()).strip("-")


def device_name(device: str) -> str:
    if device == "cpu":
        return _processor()
    import torch

    return torch.cuda.get_device_name(device)


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.machine()
    match = re.search(r"model name\s*:\s*(.+)", text)
    return match[1].strip() if match else platform.machine()


def without_paths(text: str) -> str:
    """Return a text with each path reduced to its last component."""
    for folder in map(str, (Path.cwd(), Path.home())):
        text = text.replace(folder, "/…") if len(folder) > 1 else text
    text = HOME.sub("/…", text)
    for path in PATHS:
        text = path.sub("…/", text)
    return text.replace("/…", "…")


def names_a_path(text: str) -> bool:
    """Return True if the text contains a path on some machine."""
    return any(pattern.search(text) for pattern in (HOME, *PATHS))


START = r"(?:file://|(?<![\w./:]))(?:/(?!/)|[A-Za-z]:[\\/])"
HOME = re.compile(r"(?:/home|/Users|[A-Za-z]:[\\/]Users)[\\/][^\s\\/'\":,()]+")
PATHS = (
    re.compile(rf"(?<=['\"]){START}[^'\"]*[\\/]"),  # in quotes, where a path may contain spaces
    re.compile(rf"{START}(?:[^\s'\":,()]+[\\/])+"),
)
"""Patterns that match all of a path except its last component."""


LONGEST = 5000
"""The number of characters of a message that are searched for paths; a record keeps fewer."""


def message_of(error: Exception) -> str:
    """Return an error's message for a record, without paths of this machine, since records are meant to be
    published."""
    try:
        said = str(error)[:LONGEST]
    except Exception as other:  # __str__ may be a plugin's code
        said = f"its message could not be read ({type(other).__name__})"
    text = said if isinstance(error, Explained) else f"{type(error).__name__}: {said}"
    return without_paths(text.encode(errors="backslashreplace").decode())[:500]
