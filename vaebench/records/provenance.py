"""What ran where: versions, commit, plugins, device. Never a host name, a user name or a path."""

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


@cache  # of the code that this process has loaded
def package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


@cache
def commit() -> dict[str, Any]:
    """The commit of a development checkout and whether it was edited; nothing for an installed wheel."""
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
    """`cpu`, or the kind of GPU: numbers repeat to the bit within one class only."""
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
    """A text in which paths are cut down to their last name."""
    for folder in map(str, (Path.cwd(), Path.home())):
        text = text.replace(folder, "/…") if len(folder) > 1 else text
    text = HOME.sub("/…", text)
    for path in PATHS:
        text = path.sub("…/", text)
    return text.replace("/…", "…")


def names_a_path(text: str) -> bool:
    """Whether a text holds a path of some machine."""
    return any(pattern.search(text) for pattern in (HOME, *PATHS))


START = r"(?:file://|(?<![\w./:]))(?:/(?!/)|[A-Za-z]:[\\/])"
HOME = re.compile(r"(?:/home|/Users|[A-Za-z]:[\\/]Users)[\\/][^\s\\/'\":,()]+")
PATHS = (
    re.compile(rf"(?<=['\"]){START}[^'\"]*[\\/]"),  # in quotes, where it may hold spaces
    re.compile(rf"{START}(?:[^\s'\":,()]+[\\/])+"),
)
"""All of a path but its last name."""


LONGEST = 5000
"""Characters of a message that are looked through for paths; a record keeps fewer."""


def message_of(error: Exception) -> str:
    """An error's message as it stands in a record: one that is made to be published holds no path of this machine."""
    try:
        said = str(error)[:LONGEST]
    except Exception as other:  # it is a plugin's code
        said = f"its message could not be read ({type(other).__name__})"
    text = said if isinstance(error, Explained) else f"{type(error).__name__}: {said}"
    return without_paths(text.encode(errors="backslashreplace").decode())[:500]
