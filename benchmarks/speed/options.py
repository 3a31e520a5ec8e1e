"""What the options of a training engine are worth: steps a second of `vae` on its trunk, in one run.

    OMP_NUM_THREADS=1 python benchmarks/speed/options.py [--device cuda] [--rounds 7] [--compile]

Every column but the first says how many times faster than as it is: with Adam's `foreach` and `fused`, with images and
weights in `channels_last`, with both, and with `torch.compile` (a minute a row) as it comes and with `channels_last`.
Batches of 32 at width 8, as in the preset quick, and of 64 at width 32, as in standard. Contenders take turns; seconds
are those of one CPU thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

import torch
from by_turns import by_turns, times_faster

from vaebench.interfaces import At
from vaebench.training import Stepper, step_once
from vaebench_reconstruction.likelihoods import Gaussian
from vaebench_vaes.vae import VAE

SIZES = [(8, 28), (8, 64), (8, 128), (32, 28), (32, 64), (32, 128)]
STEPS = {28: 16, 64: 6, 128: 2}
OPTIONS: dict[str, dict[str, Any]] = {
    "as it is": {"adam": {"foreach": False}},
    "foreach": {"adam": {"foreach": True}},
    "fused": {"adam": {"fused": True}},
    "channels_last": {"adam": {"foreach": False}, "last": True},
    "fused, channels_last": {"adam": {"fused": True}, "last": True},
}
COMPILED: dict[str, dict[str, Any]] = {
    "compiled": {"adam": {"foreach": False}, "compiled": True},
    "compiled, channels_last": {"adam": {"foreach": False}, "last": True, "compiled": True},
}


def steps(
    width: int,
    side: int,
    device: str,
    adam: Mapping[str, Any],
    last: bool = False,
    compiled: bool = False,
) -> Callable[[], None]:
    """Some training steps as the harness does them."""
    torch.manual_seed(0)
    layout = torch.channels_last if last else torch.contiguous_format
    model = VAE((1, side, side), Gaussian(), width=width).to(device, memory_format=layout)
    if compiled:
        model.encoder.compile()
        model.decoder.compile()
    groups = model.groups()
    for group in groups.values():
        object.__setattr__(group, "options", {**group.options, **adam})
    steppers = {name: Stepper(group) for name, group in groups.items()}
    pixels = torch.randint(0, 256, (32 if width == 8 else 64, 1, side, side), dtype=torch.uint8, device=device)

    def run() -> None:
        for number in range(STEPS[side]):
            x = (pixels.float() / 255).contiguous(memory_format=layout)
            step_once(model, x, At("main", number, STEPS[side]), steppers)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(1)
    options = {**OPTIONS, **(COMPILED if args.compile else {})}
    print(f"{args.device}, torch {torch.__version__}, medians of {args.rounds} rounds\n")
    print("| width | px | steps/s |", " | ".join(list(options)[1:]), "|")
    print("| ---: | ---: | ---: |", " | ".join("---:" for _ in list(options)[1:]), "|")
    for width, side in SIZES:
        runs = {name: steps(width, side, args.device, **option) for name, option in options.items()}
        spent = by_turns(runs, args.rounds, args.device)
        as_it_is = spent.pop("as it is")
        gains = " | ".join(f"{times_faster(times, as_it_is):.2f}" for times in spent.values())
        print(f"| {width} | {side} | {STEPS[side] / median(as_it_is):.1f} | {gains} |", flush=True)


if __name__ == "__main__":
    main()
