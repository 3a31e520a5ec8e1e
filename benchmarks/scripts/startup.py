"""Time `vaebench --help`, which may take at most twice as long as `python -c "import click, pluggy"`.

    python benchmarks/scripts/startup.py [ROUNDS]

The two commands take turns, so that other work on the machine slows both equally; their medians are compared.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ALLOWED = 2.0
COMMANDS = {
    'python -c "import click, pluggy"': [sys.executable, "-c", "import click, pluggy"],
    "vaebench --help": [str(Path(sys.executable).parent / "vaebench"), "--help"],
}


def main(rounds: int) -> int:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
            times[name].append(time.perf_counter() - started)
    floor, ours = (median(times[name]) for name in COMMANDS)
    for name, each in times.items():
        print(f"{name:34} median {1000 * median(each):6.1f} ms, from {1000 * min(each):.1f} to {1000 * max(each):.1f}")
    print(f"{ours / floor:.2f} times, at most {ALLOWED} allowed, {rounds} rounds")
    return 0 if ours <= ALLOWED * floor else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
