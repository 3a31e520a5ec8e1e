"""What the options of a training engine are worth: steps a second of `vae` on its trunk, in one run.

    OMP_NUM_THREADS=1 python benchmarks/speed/options.py [--device cuda] [--rounds 7] [--compile]

Every column after that says how many times faster: with Adam's `foreach` and `fused`, with weights in `channels_last`,
with the memory settings of the harness's workers, with all of these but `foreach`, and that with `torch.compile`
(a minute a row). Batches of 32 at width 8, as in the preset quick, and of 64 at width 32, as in standard. Contenders
take turns, each in a process of its own; seconds are those of one CPU thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import torch
from by_turns import Contender, Work, by_turns, times_faster

from vaebench.interfaces import At, Images
from vaebench.training.devices import MEMORY
from vaebench.training.loop import step_once
from vaebench.training.stepper import Stepper
from vaebench_reconstruction.likelihoods import Gaussian
from vaebench_vaes.vae import VAE

SIZES = [(8, 28), (8, 64), (8, 128), (32, 28), (32, 64), (32, 128)]
STEPS = {28: 8, 64: 3, 128: 1}
PLAIN = {"adam": {"foreach": False}}
HARNESS = {"adam": {"fused": True}, "last": True}
OPTIONS: dict[str, dict[str, Any]] = {
    "plain": PLAIN,
    "foreach": {"adam": {"foreach": True}},
    "fused": {"adam": {"fused": True}},
    "channels_last": {**PLAIN, "last": True},
    "memory kept": {**PLAIN, "kept": True},
    "all but foreach": {**HARNESS, "kept": True},
}
COMPILED: dict[str, dict[str, Any]] = {"all but foreach, compiled": {**HARNESS, "kept": True, "compiled": True}}


def steps(
    width: int,
    side: int,
    device: str,
    adam: Mapping[str, Any],
    last: bool = False,
    compiled: bool = False,
) -> Work:
    """Some training steps as the harness does them."""
    torch.manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    model = VAE((1, side, side), Gaussian(), width=width).to(device, memory_format=layout)
    if compiled:
        model.encoder.compile()
        model.decoder.compile()
    steppers = {
        name: Stepper(replace(group, options={**group.options, **adam})) for name, group in model.groups().items()
    }
    pixels = torch.randint(0, 256, (32 if width == 8 else 64, 1, side, side), dtype=torch.uint8, device=device)
    images = Images(pixels)

    def run() -> None:
        for number in range(STEPS[side]):
            step_once(model, images[:], At("main", number, STEPS[side]), steppers)

    return run


def contender(width: int, side: int, device: str, kept: bool = False, **option: Any) -> Contender:
    return Contender(partial(steps, width, side, device, **option), MEMORY if kept else {})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--sizes", nargs="+", default=[f"{width}x{side}" for width, side in SIZES], help="width x px")
    args = parser.parse_args()
    options = {**OPTIONS, **(COMPILED if args.compile else {})}
    print(f"{args.device}, torch {torch.__version__}, medians of {args.rounds} rounds\n")
    print("| width | px | steps/s |", " | ".join(list(options)[1:]), "|")
    print("| ---: | ---: | ---: |", " | ".join("---:" for _ in list(options)[1:]), "|")
    for width, side in (map(int, size.split("x")) for size in args.sizes):
        contenders = {name: contender(width, side, args.device, **option) for name, option in options.items()}
        spent = by_turns(contenders, args.rounds, args.device)
        plain = spent.pop("plain")
        gains = " | ".join(f"{times_faster(times, plain):.2f}" for times in spent.values())
        print(f"| {width} | {side} | {STEPS[side] / median(plain):.1f} | {gains} |", flush=True)


if __name__ == "__main__":
    main()
