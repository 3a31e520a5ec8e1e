"""Make all measurements of the harness that need a GPU, and store them in one file.

    python benchmarks/speed/gpu.py [--part NAME ...] [--minutes 8] [--device cuda] [--out gpu.json] [--data FOLDER]
    python benchmarks/speed/gpu.py --table gpu.json     # the tables of docs/speed.md

Parts run in the order of their importance and share the minutes; time that a part does not need goes to the next. Each
measurement is written to the file immediately, with its error if it failed. If the process dies during a measurement, a
new process is started; repeating the command continues with the missing measurements. The output of trials is in a
folder next to the file. `--tiny` does a little of everything, in about a minute on a CPU. Seconds are wall-clock
seconds, measured after waiting for the device; contenders take turns in one process.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # as for the harness's workers; read when CUDA starts

import torch
from gpu_parts import tables
from gpu_parts.sheet import Broken, Sheet
from gpu_parts.supervision import supervise

from vaebench.records import provenance

SHARES = {
    "correctness": 2.6, "launches": 1.2, "speed": 1.8, "slots": 1.5, "memory": 0.3, "trials": 1.0, "run": 1.2
}  # fmt: skip
"""Minutes for each part, in order of importance; they are scaled to the minutes available."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=list(SHARES), default=list(SHARES), metavar="NAME")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--eager", action="store_true", help="leave out CUDA graphs")
    parser.add_argument("--data", type=Path, help="a folder with the images of kermany-cxr")
    parser.add_argument("--table", type=Path, metavar="JSON")
    args = parser.parse_args(arguments)
    if args.table:
        print(tables.all_of(args.table), end="")
        return 0
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.tiny or args.device == "cpu":
        measure(args, 60 * args.minutes)
        return 0
    return supervise(partial(measure, args, supervised=True), 60 * args.minutes)


def measure(args: argparse.Namespace, seconds: float, supervised: bool = False) -> None:
    """Measure all requested parts that are not in the file yet."""
    from gpu_parts import subjects
    from gpu_parts.sweeps import prepare_ahead

    sheet = Sheet(args.out, args.device, seconds, supervised)
    subjects.GRAPHS = subjects.GRAPHS and not args.eager
    sheet.about(
        device=provenance.device_name(args.device),
        software=provenance.software(),
        cuda=torch.version.cuda or "",
        cudnn=torch.backends.cudnn.version(),
        cores=len(os.sched_getaffinity(0)),
        machine=platform.machine(),
        graphs=subjects.GRAPHS,
        tiny=args.tiny,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    folder = args.out.resolve().with_suffix("")
    folder.mkdir(exist_ok=True)
    bench = subjects.Bench(sheet, args.device, folder, args.tiny, args.data and args.data.resolve())
    asked = [part for part in SHARES if part in args.part and not sheet.is_done(part)]
    scale = sheet.left / max(1e-9, sum(SHARES[part] for part in asked))
    sheet.part_ends = time.monotonic()
    if not args.tiny and {"slots", "trials", "run"} & set(asked):
        prepare_ahead(bench)
    for part in asked:
        sheet.part, sheet.part_ends = part, sheet.part_ends + scale * SHARES[part]
        sheet.say(f"{part}: {sheet.part_left:.0f} s")
        try:
            import_module(f"gpu_parts.{part}").measure(bench)
        except Broken:
            raise
        except Exception as error:  # an error outside of any measurement: only this part is lost
            sheet.measure("the part", partial(_raise, error))
        sheet.finish()
    sheet.say(f"all results are in {args.out}")


def _raise(error: Exception) -> dict[str, object]:
    raise error


if __name__ == "__main__":
    sys.exit(main())
