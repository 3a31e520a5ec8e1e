"""The pretended GPUs of this process: the kernels that each GPU launched, and how often the host waited for it."""

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
    """Raised for an operation that CUDA would refuse; the message names the operation, the tensors and the line of
    code."""


class Card:
    """A simulated GPU: its random-number generator, and a count of its launches and waits."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.launched: Counter[str] = Counter()
        """kernels launched, by operation; views launch none"""
        self.waited: list[str] = []
        """an entry for each time that the host waited for the card: the operation and the line of code"""
        self.noise = torch._C.Generator()

    @property
    def launches(self) -> int:
        return self.launched.total()

    @property
    def waits(self) -> int:
        return len(self.waited)

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw random numbers from the card's own generator inside the context, as on a GPU."""
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
        """True if CUDA graphs do their work at each replay"""
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
        """Return the number of the card that a device names, or None if the device is not a GPU."""
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
        """Run a kernel's work, or record it during a capture; `into` lists the tensors it writes to."""
        self[card].launched[name] += 1
        return work() if self.capture is None else self.capture.record(work, into)

    def wait(self, card: int, name: str) -> None:
        """Record that the host waits for the card; raise Refused if a graph is being captured."""
        if self.capture is not None:
            raise Refused(f"{name} waits for the GPU, which is not permitted while a graph is captured{place()}")
        self[card].waited.append(f"{name}{place()}")


RUNNING: list[Cards] = []
"""The pretended cards in use; the last entry is the current one."""


def place() -> str:
    """Return the line of code outside PyTorch that is being executed, as ", at file.py:3 in function"."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((TORCH, HERE, "<")) and "contextlib" not in name:
            return f", at {Path(name).name}:{frame.f_lineno} in {frame.f_code.co_name}"
        frame = frame.f_back
    return ""
