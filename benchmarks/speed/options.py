"""Measure the effect of training options on the steps per second of `vae` with its trunk, in one run.

    OMP_NUM_THREADS=1 python benchmarks/speed/options.py [--device cuda] [--rounds 7] [--compile]

The first column is steps per second, and all others are speed-ups. Every setting in `vaebench/training/devices.py` has
a column, and the last columns combine all settings of the harness, without and with `torch.compile` (which takes a
minute per row). The batch size is 32 at width 8, as in the preset quick, and 64 at width 32, as in standard. Contenders
take turns. On a CPU, each is a separate process, and seconds are CPU seconds of one thread; on a GPU, all run in one
process, and seconds are wall-clock seconds.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from types import MethodType
from typing import Any

import torch
from by_turns import Contender, Work, by_turns, times_faster
from gpu_parts.subjects import GRAPHS, new_course
from stepping import Drive

from vaebench.interfaces import At, Images, Model
from vaebench.training.devices import MEMORY, choices
from vaebench.training.loop import Course
from vaebench.trial import Settings
from vaebench_reconstruction.likelihoods import Gaussian
from vaebench_vaes.vae import VAE

SIZES = [(8, 28), (8, 64), (8, 128), (32, 28), (32, 64), (32, 128)]
LOOP, FOREACH = {"foreach": False, "capturable": False}, {"foreach": True, "capturable": False}
FUSED, CAPTURABLE = {"fused": True, "capturable": False}, {"fused": True, "capturable": True}
STEPS = {28: 8, 64: 3, 128: 1}
"""Steps in a turn on a CPU, by image side."""

ON_GPU = (12, 40)
"""The numbers of steps in a turn on a GPU: uncounted steps, in which a graph is captured, and counted steps."""


@dataclass(frozen=True)
class Option:
    """The training options of a contender."""

    adam: Mapping[str, Any] = field(default_factory=lambda: LOOP)
    last: bool = False
    """Store weights in `channels_last`."""
    kept: bool = False
    """Use the glibc memory settings of the harness's workers."""
    tf32: tuple[bool, bool] = (True, False)
    """Use TF32 in convolutions and in matrix products; the default is PyTorch's."""
    bf16: bool = False
    """Use autocast to bfloat16."""
    deterministic: bool = False
    graphs: bool = False
    compiled: bool = False


def _shipped(device: str) -> Option:
    """Return the harness's default options for a kind of device, from the table in `vaebench/training/devices.py`."""
    last = choices(device)["layout"] == "channels_last"
    return Option({}, last, kept=device == "cpu", deterministic=device != "cpu")


PLAIN = Option()
HARNESS = {kind: _shipped(kind) for kind in ("cpu", "cuda")}
OPTIONS: dict[str, dict[str, Option]] = {
    "cpu": {
        "plain": PLAIN,
        "foreach": Option(FOREACH),
        "fused": Option(FUSED),
        "channels_last": Option(last=True),
        "memory kept": Option(kept=True),
        "all but foreach": HARNESS["cpu"],
    },
    "cuda": {
        "plain": Option(FOREACH),
        "Adam in a loop": PLAIN,
        "fused": Option(FUSED),
        "fused, capturable": Option(CAPTURABLE),
        "channels_last": Option(FOREACH, last=True),
        "no TF32": Option(FOREACH, tf32=(False, False)),
        "TF32 in products, too": Option(FOREACH, tf32=(True, True)),
        "bf16": Option(FOREACH, bf16=True),
        "deterministic": Option(FOREACH, deterministic=True),
        "as shipped": HARNESS["cuda"],
        "fused, deterministic": Option(FUSED, deterministic=True),
    },
}
CAPTURED = {
    "graphs": Option(CAPTURABLE, deterministic=True, graphs=True),
    "graphs, channels_last": Option(CAPTURABLE, last=True, deterministic=True, graphs=True),
    "graphs, bf16": Option(CAPTURABLE, deterministic=True, graphs=True, bf16=True),
    "as shipped, graphs": replace(HARNESS["cuda"], graphs=True),
}
if GRAPHS:
    OPTIONS["cuda"] |= CAPTURED


def options_of(device: str, compiled: bool = False) -> dict[str, Option]:
    """Return the columns for a device; the others are compared with the first."""
    kind = device.partition(":")[0]
    return OPTIONS[kind] | ({"as shipped, compiled": replace(HARNESS[kind], compiled=True)} if compiled else {})


def course_with(option: Option, width: int, side: int, device: str) -> Course:
    """Return a course of `vae` with the given options."""
    torch.manual_seed(0)
    layout = torch.channels_last if option.last else torch.contiguous_format
    model: Model = VAE((1, side, side), Gaussian(), width=width).to(device, memory_format=layout)
    if option.compiled:
        model.encoder.compile()
        model.decoder.compile()
    groups = {name: replace(group, options={**group.options, **option.adam}) for name, group in model.groups().items()}
    model.groups = lambda: groups  # type: ignore[method-assign]
    if option.bf16:
        model.objectives = MethodType(_in_bf16, model)  # type: ignore[method-assign]
    batch = 32 if width == 8 else 64
    pixels = torch.randint(0, 256, (4 * batch, 1, side, side), dtype=torch.uint8, device=device)
    settings = Settings(size=side, steps=5000, batch=batch)
    return new_course(model, Images(pixels), settings, option.graphs)


def turn_of(side: int, device: str) -> tuple[int, int]:
    """Return the numbers of uncounted and of counted steps in a turn."""
    return (0, STEPS[side]) if device == "cpu" else ON_GPU


def steps(option: Option, width: int, side: int, device: str, turn: tuple[int, int]) -> Work:
    """Return work that does some training steps with the harness's own loop."""
    course = course_with(option, width, side, device)
    warm, counted = turn
    drive = Drive(course, warm, counted)

    def run() -> float:
        with arithmetic(option):
            return sum(drive.run().values()) * counted

    return run


def contender(option: Option, width: int, side: int, device: str, turn: tuple[int, int]) -> Contender:
    return Contender(partial(steps, option, width, side, device, turn), MEMORY if option.kept else {})


@contextmanager
def arithmetic(option: Option) -> Iterator[None]:
    """Set the global switches of torch to those of an option, and restore them at the end."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.allow_tf32, matmul.allow_tf32, torch.are_deterministic_algorithms_enabled()
    with ExitStack() as after:
        after.callback(torch.use_deterministic_algorithms, before[2], warn_only=True)
        after.callback(setattr, matmul, "allow_tf32", before[1])
        after.callback(setattr, cudnn, "allow_tf32", before[0])
        cudnn.allow_tf32, matmul.allow_tf32 = option.tf32
        torch.use_deterministic_algorithms(option.deterministic, warn_only=True)
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010 (as in the worker)
        yield


def _in_bf16(model: Model, x: torch.Tensor, at: At) -> Iterator[Mapping[str, Any]]:
    with torch.autocast(x.device.type, torch.bfloat16, cache_enabled=False):
        yield from type(model).objectives(model, x, at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--sizes", nargs="+", default=[f"{width}x{side}" for width, side in SIZES], help="width x px")
    args = parser.parse_args()
    options = options_of(args.device, args.compile)
    first, *others = options
    print(f"{args.device}, torch {torch.__version__}, medians of {args.rounds} rounds\n")
    print("| width | px | steps/s |", " | ".join(others), "|")
    print("| ---: | ---: | ---: |", " | ".join("---:" for _ in others), "|")
    for width, side in (map(int, size.split("x")) for size in args.sizes):
        turn = turn_of(side, args.device)
        contenders = {name: contender(option, width, side, args.device, turn) for name, option in options.items()}
        spent = by_turns(contenders, args.rounds, args.device)
        plain = spent.pop(first)
        gains = " | ".join(f"{times_faster(times, plain):.2f}" for times in spent.values())
        print(f"| {width} | {side} | {turn[1] / median(plain):.1f} | {gains} |", flush=True)


if __name__ == "__main__":
    main()
