"""The part of `torch.cuda` that does not concern tensors: devices, random states, streams, events and graphs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from vaebench.checks.pretended_cuda.cards import RUNNING, Cards, Refused, place
from vaebench.checks.pretended_cuda.rules import flat

NAME = "Pretended GPU"
MEMORY = 80 * 2**30


class Stream:
    """A stream that has always finished all its work, since nothing is asynchronous."""

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        self.device = torch.device("cuda", _card(device))

    def synchronize(self) -> None:
        RUNNING[-1].wait(_card(self.device), "Stream.synchronize")

    def query(self) -> bool:
        return True

    def is_capturing(self) -> bool:
        return RUNNING[-1].capture is not None

    def wait_stream(self, stream: Stream) -> None:
        pass

    def wait_event(self, event: Event) -> None:
        pass

    def record_event(self, event: Event | None = None) -> Event:
        event = event or Event()
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Event:
    """An event that records the time on the host's clock."""

    def __init__(self, enable_timing: bool = False, **kwargs: Any) -> None:
        self.at: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        self.at = time.perf_counter()

    def synchronize(self) -> None:
        RUNNING[-1].wait(RUNNING[-1].current, "Event.synchronize")

    def wait(self, stream: Stream | None = None) -> None:
        pass

    def query(self) -> bool:
        return True

    def elapsed_time(self, end: Event) -> float:
        if self.at is None or end.at is None:
            raise Refused(f"elapsed_time() was called for an event that was not recorded{place()}")
        return (end.at - self.at) * 1000


class CUDAGraph:
    """A graph that counts its captures and replays.

    With `replays`, capturing a step changes nothing, and each replay runs the step in the same memory, as on a GPU;
    otherwise capturing runs the step, and a replay does nothing."""

    def __init__(self, keep_graph: bool = False) -> None:
        self.captures = self.replays = 0
        self.work: list[tuple[Callable[[], Any], list[Tensor]]] = []
        self.before: dict[int, tuple[Any, Any]] = {}

    def capture_begin(self, pool: Any = None, capture_error_mode: str = "global") -> None:
        self.captures += 1
        self.work, self.before = [], {}
        self.noise = [card.noise.get_state() for card in RUNNING[-1].cards]
        RUNNING[-1].capture = self

    def capture_end(self) -> None:
        cards = RUNNING[-1]
        cards.capture = None
        cards.graphs.append(self)
        if cards.replays:
            for storage, content in self.before.values():
                storage.copy_(content)
            for card, state in zip(cards.cards, self.noise, strict=True):
                card.noise.set_state(state)

    def record(self, work: Callable[[], Any], into: Sequence[Tensor]) -> Any:
        """Run a kernel's work, and keep it for replays."""
        if not RUNNING[-1].replays:
            return work()
        for tensor in into:
            storage = tensor.untyped_storage()
            self.before.setdefault(storage.data_ptr(), (storage, storage.clone()))
        out = work()
        self.work.append((work, [one for one in flat([out]) if isinstance(one, Tensor)]))
        return out

    def replay(self) -> None:
        self.replays += 1
        RUNNING[-1][RUNNING[-1].current].launched["graph replay"] += 1
        for work, out in self.work:
            for old, new in zip(out, (one for one in flat([work()]) if isinstance(one, Tensor)), strict=True):
                if new is not old:
                    old.copy_(new)

    def reset(self) -> None:
        self.work = []

    def pool(self) -> tuple[int, int]:
        return (0, 0)


@contextmanager
def graph(cuda_graph: CUDAGraph, pool: Any = None, stream: Any = None, capture_error_mode: str = "") -> Iterator[None]:
    """The replacement of `torch.cuda.graph`."""
    cuda_graph.capture_begin()
    try:
        yield
    finally:
        cuda_graph.capture_end()


@contextmanager
def device(which: Any) -> Iterator[None]:
    """The replacement of `torch.cuda.device`: it sets the card that "cuda" means."""
    cards = RUNNING[-1]
    before, cards.current = cards.current, _card(which)
    try:
        yield
    finally:
        cards.current = before


@contextmanager
def stream(which: Any) -> Iterator[None]:
    """The replacement of `torch.cuda.stream`, which has no effect."""
    yield


def stubs(cards: Cards) -> dict[str, Any]:
    """Return the replacements in `torch.cuda`, by name."""

    def set_device(which: Any) -> None:
        cards.current = _card(which)

    def set_rng_state(state: Tensor, device: Any = "cuda") -> None:
        cards[_card(device)].noise.set_state(state)

    def seed(value: int) -> None:
        cards[cards.current].noise.manual_seed(value)

    def synchronize(device: Any = None) -> None:
        cards.wait(_card(device), "synchronize")

    def nothing(*args: Any, **kwargs: Any) -> None:
        pass

    def always(answer: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: answer

    about = SimpleNamespace(name=NAME, total_memory=MEMORY, major=9, minor=0, multi_processor_count=132)
    return {
        "_lazy_init": nothing,
        "init": nothing,
        "is_available": always(True),
        "is_initialized": always(True),
        "is_bf16_supported": always(True),
        "is_current_stream_capturing": lambda: cards.capture is not None,
        "device_count": lambda: len(cards),
        "current_device": lambda: cards.current,
        "set_device": set_device,
        "device": device,
        "get_device_name": lambda device=None: f"{NAME}" if _card(device) >= 0 else "",
        "get_device_properties": lambda device=None: about if _card(device) >= 0 else None,
        "get_device_capability": always((about.major, about.minor)),
        "synchronize": synchronize,
        "max_memory_allocated": lambda device=None: MEMORY // 1024 if _card(device) >= 0 else 0,
        "memory_allocated": always(MEMORY // 1024),
        "max_memory_reserved": always(MEMORY // 1024),
        "memory_reserved": always(MEMORY // 1024),
        "reset_peak_memory_stats": nothing,
        "mem_get_info": always((MEMORY // 2, MEMORY)),
        "empty_cache": nothing,
        "manual_seed": seed,
        "manual_seed_all": cards.seed,
        "get_rng_state": lambda device="cuda": cards[_card(device)].noise.get_state(),
        "set_rng_state": set_rng_state,
        "get_rng_state_all": lambda: [card.noise.get_state() for card in cards.cards],
        "Stream": Stream,
        "Event": Event,
        "stream": stream,
        "current_stream": Stream,
        "default_stream": Stream,
        "CUDAGraph": CUDAGraph,
        "graph": graph,
        "graph_pool_handle": always((0, 0)),
    }


def accelerator(cards: Cards) -> dict[str, Any]:
    """Return the replacements in `torch.accelerator`, by name; optimisers use these functions."""
    cuda = stubs(cards)
    return {
        "is_available": cuda["is_available"],
        "device_count": cuda["device_count"],
        "current_accelerator": lambda check_available=False: torch.device("cuda"),
        "current_device_index": cuda["current_device"],
        "set_device_index": cuda["set_device"],
        "current_stream": Stream,
        "synchronize": cuda["synchronize"],
    }


def _card(device: Any) -> int:
    number = RUNNING[-1].number("cuda" if device is None else device)
    if number is None:
        raise Refused(f"{device} is not a GPU{place()}")
    return number
