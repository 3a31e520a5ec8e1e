"""Part `speed`: the card's peak, the harness compared with bare loops, and the effect of each training option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from statistics import median
from typing import Any

import options
import torch
import training
from by_turns import Contender, take_turns, timed
from gpu_parts.subjects import Bench, as_a_worker
from stepping import now
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from vaebench.training.loop import step_once

PRECISIONS = {
    "float32": options.Option(tf32=(False, False)), "TF32": options.Option(tf32=(True, True)),
    "bf16": options.Option(bf16=True),
}  # fmt: skip


def measure(bench: Bench) -> None:
    for name, option in PRECISIONS.items():
        bench.sheet.measure(f"peak, {name}", partial(_peak, bench, option), limit=20)
    rounds = 1 if bench.tiny else 3
    sizes = options.SIZES[:1] if bench.tiny else [(32, 64), (8, 28), (32, 128), (32, 28), (8, 64), (8, 128)]
    for width, side in sizes[:2]:
        _choices(bench, width, side, rounds)
    networks = ["trunk, width 8"] if bench.tiny else ["trunk, width 8", "small conv", "MLP"]
    for network in networks:
        for side in [28] if bench.tiny else training.STEPS:
            work = partial(_beside_others, bench, network, side, rounds)
            bench.sheet.measure(f"{network}, {side} px", work, limit=60, needs=3)
    for width, side in sizes[2:]:
        _choices(bench, width, side, rounds)
    if not bench.tiny:
        compiled = list(options.options_of(bench.device, compiled=True))[-1:]
        bench.sheet.measure("compiled", partial(_options, bench, 32, 64, 1, compiled), limit=90, needs=45)


def _choices(bench: Bench, width: int, side: int, rounds: int) -> None:
    work = partial(_options, bench, width, side, rounds, list(options.options_of(bench.device)))
    bench.sheet.measure(f"options, width {width}, {side} px", work, limit=180, needs=3)


def _options(bench: Bench, width: int, side: int, rounds: int, names: list[str]) -> dict[str, Any]:
    known = options.options_of(bench.device, compiled=True)
    batch = 32 if width == 8 else 64
    turn = (5, 1) if bench.tiny else options.turn_of(side, bench.device)
    with as_a_worker(bench.device):
        contenders = {name: options.contender(known[name], width, side, bench.device, turn) for name in names}
        spent, failed = _together(contenders, rounds, bench.device)
        flops = _flops(bench, known[names[0]], width, side)
    rates = {name: round(batch * turn[1] / median(times), 1) for name, times in spent.items()}
    tera = {name: round(flops / batch * rate / 1e12, 3) for name, rate in rates.items()}
    return {"images/s": rates, "TFLOP/s": tera, "FLOPs of a step": flops, "rounds": spent, "failed": failed}


def _beside_others(bench: Bench, network: str, side: int, rounds: int) -> dict[str, Any]:
    steps = 2 if bench.tiny else training.steps_for(side, bench.device)
    with as_a_worker(bench.device):  # only the harness uses deterministic algorithms; the others use their defaults
        torch.use_deterministic_algorithms(False)
        contenders = {
            who: Contender(partial(training.begin, start, network, side, bench.device, steps))
            for who, start in training.trainers_for(bench.device).items()
        }
        spent, failed = _together(contenders, rounds, bench.device, deterministic=("harness", "harness, graphs"))
    rates = {who: round(steps * training.BATCH / median(times), 1) for who, times in spent.items()}
    return {"images/s": rates, "rounds": spent, "failed": failed}


def _together(
    contenders: Mapping[str, Contender], rounds: int, device: str, deterministic: tuple[str, ...] = ()
) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Time contenders in turns in this process. A contender that fails is dropped; the others continue."""
    failed: dict[str, str] = {}

    def turn(name: str, work: Callable[[], float | None]) -> float:
        if name in failed:
            return float("nan")
        if deterministic:
            torch.use_deterministic_algorithms(device != "cpu" and name in deterministic, warn_only=True)
        try:
            return timed(work, device)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:300]
            return float("nan")

    turns = {}
    for name, contender in contenders.items():
        try:
            turns[name] = partial(turn, name, contender.make())
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"[:300]
    if not turns:
        raise RuntimeError(f"no contender could start: {failed}")
    spent = take_turns(turns, rounds)
    return {name: times for name, times in spent.items() if name not in failed}, failed


def _flops(bench: Bench, option: options.Option, width: int, side: int) -> int:
    course = options.course_with(option, width, side, bench.device)
    course.model.train()
    with FlopCounterMode(display=False) as counter:
        step_once(course.model, course.feed.take(), course.at, course.steppers)
    return int(counter.get_total_flops())


def _peak(bench: Bench, option: options.Option) -> dict[str, Any]:
    """Measure the peak speed of the card with large matrix products and convolutions."""
    n, (batch, channels, side) = (256, (2, 16, 16)) if bench.tiny else (8192, (64, 256, 64))
    kind = torch.bfloat16 if option.bf16 else torch.float32
    a, b = (torch.randn(n, n, device=bench.device, dtype=kind) for _ in range(2))
    x = torch.randn(batch, channels, side, side, device=bench.device, dtype=kind)
    kernel = torch.randn(channels, channels, 3, 3, device=bench.device, dtype=kind)
    last = {"memory_format": torch.channels_last}
    x_last, kernel_last = x.to(**last), kernel.to(**last)
    convolve = torch.nn.functional.conv2d
    works: dict[str, tuple[float, Callable[[], Tensor]]] = {
        "product": (2.0 * n**3, lambda: a @ b),
        "convolution": (2.0 * batch * (channels * side) ** 2 * 9, lambda: convolve(x, kernel, padding=1)),
        "convolution, channels_last": (
            2.0 * batch * (channels * side) ** 2 * 9, lambda: convolve(x_last, kernel_last, padding=1)
        ),
    }  # fmt: skip
    with options.arithmetic(option):
        return {
            f"{name} TFLOP/s": round(flops / _seconds(work, bench) / 1e12, 3) for name, (flops, work) in works.items()
        }


def _seconds(work: Callable[[], Tensor], bench: Bench) -> float:
    rounds = 1 if bench.tiny else 10
    for _ in range(3):
        work()
    started = now(bench.device)
    for _ in range(rounds):
        work()
    return max(now(bench.device) - started, 1e-9) / rounds
