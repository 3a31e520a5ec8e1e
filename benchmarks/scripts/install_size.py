"""Print the size of an installation: the files that pip installed for vaebench and its requirements.

python benchmarks/scripts/install_size.py
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path


def required(name: str, found: dict[str, float]) -> dict[str, float]:
    """Return the size on disk in MB of the named distribution and of each of its requirements, without extras."""
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return found
    try:
        own = distribution(name)
    except PackageNotFoundError:  # for another platform or version of Python
        return found
    paths = (Path(str(own.locate_file(file))) for file in own.files or ())
    found[key] = sum(path.stat().st_size for path in paths if path.is_file()) / 1e6
    for line in own.requires or ():
        if "extra ==" not in line:
            required(re.split(r"[<>=!~;\[\s(]", line)[0], found)
    return found


def main() -> None:
    found = required("vaebench", {})
    for name, size in sorted(found.items(), key=lambda item: -item[1])[:8]:
        print(f"{size:8.0f} MB  {name}")
    print(f"{sum(found.values()):8.0f} MB  all {len(found)} distributions, torch {distribution('torch').version}")


if __name__ == "__main__":
    main()
