"""The pretended GPUs of this process: what each was asked to do, and how often the host waited for it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from vaebench.errors import Explained

Call = Callable[..., Any]
TORCH, HERE = str(Path(torch.__file__).parent), str(Path(__file__).parent)


class Refused(Explained, RuntimeError):
    """What CUDA would refuse; the text says which operation, which tensors, and where."""


class Card:
    """One pretended GPU: its random numbers, and a count of what it was asked."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.launched: Counter[str] = Counter()
        """kernels launched, by operation; views launch none"""
        self.waited: list[str] = []
        """each time that the host waited for the card: the operation, and where"""
        self.noise = torch._C.Generator()

    @property
    def launches(self) -> int:
        return self.launched.total()

    @property
    def waits(self) -> int:
        return len(self.waited)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Random numbers come from the card's own generator meanwhile, as on a GPU."""
        host = torch.default_generator
        before = host.get_state()
        host.set_state(self.noise.get_state())
        try:
            yield
        finally:
            self.noise.set_state(host.get_state())
            host.set_state(before)


class Capture(Protocol):
    """A graph that is being captured."""

    def record(self, work: Call, into: Sequence[Tensor]) -> Any: ...


class Cards:
    """The pretended GPUs of this process."""

    def __init__(self, count: int, replays: bool = False) -> None:
        self.cards = [Card(number) for number in range(count)]
        self.current = 0
        self.replays = replays
        """whether a CUDA graph does its work when it is replayed"""
        self.capture: Capture | None = None
        self.graphs: list[Any] = []
        """all graphs that were captured"""
        self.pinned: dict[int, Any] = {}
        """storages in pinned memory, by address"""
        self.seed(torch.initial_seed())

    def __getitem__(self, number: int) -> Card:
        return self.cards[number]

    def __len__(self) -> int:
        return len(self.cards)

    @property
    def launches(self) -> int:
        return sum(card.launches for card in self.cards)

    @property
    def waits(self) -> int:
        return sum(card.waits for card in self.cards)

    def seed(self, seed: int) -> None:
        for card in self.cards:
            card.noise.manual_seed(seed)

    def number(self, device: Any) -> int | None:
        """The card that a device means; None for one that is no GPU."""
        if device is None:
            return None
        if not isinstance(device, int):
            found = torch.device(device)
            if found.type != "cuda":
                return None
            device = self.current if found.index is None else found.index
        if not 0 <= device < len(self):
            raise Refused(f"there is no cuda:{device}: this machine pretends to have {len(self)} GPUs{place()}")
        return int(device)

    def launch(self, card: int, name: str, work: Call, into: Sequence[Tensor] = ()) -> Any:
        """Do the work of a kernel; `into` are the tensors it writes to."""
        self[card].launched[name] += 1
        return work() if self.capture is None else self.capture.record(work, into)

    def wait(self, card: int, name: str) -> None:
        """The host waits for the card, which it may not while a graph is captured."""
        if self.capture is not None:
            raise Refused(f"{name} waits for the GPU, which is not permitted while a graph is captured{place()}")
        self[card].waited.append(f"{name}{place()}")


RUNNING: list[Cards] = []
"""The pretended cards, while there are any; the last ones count."""


def place() -> str:
    """The line outside of PyTorch that is being done, as ", at file.py:3 in function"."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((TORCH, HERE, "<")) and "contextlib" not in name:
            return f", at {Path(name).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""
