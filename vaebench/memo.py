"""A memo: what a model answered about the batches of a split, so that no network looks at the same images twice."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from torch import Tensor

from vaebench.interfaces import Gaussian, Model

METHODS = ("encode", "posterior", "rate")
"""Where most of a network's work on an image is done, and whose answers are small."""


class Memo:
    """While a batch is asked about, the model's methods call one another through the memo: `reconstruct` decodes the
    code that `encode` gave before, `rate` reads the posterior that was found with the code."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.known: dict[Hashable, Any] = {}

    @contextmanager
    def about(self, batch: Hashable, x: Tensor) -> Iterator[None]:
        """Meanwhile, `x` is this batch; what the model is asked about other images it answers as ever."""
        own = self.model.__dict__
        before = {name: own[name] for name in METHODS if name in own}
        try:
            own |= {name: partial(self.answer, getattr(self.model, name), (name, batch), x) for name in METHODS}
            yield
        finally:
            for name in METHODS:
                own.pop(name, None)
            own |= before

    def answer(self, ask: Any, key: Hashable, x: Tensor, *given: Any, **named: Any) -> Any:
        if named or len(given) != 1 or given[0] is not x:
            return ask(*given, **named)
        if key not in self.known:
            self.known[key] = ask(x)
        return _copied(self.known[key])


def _copied(answer: Any) -> Any:
    """A copy, because whoever asked may write into it."""
    if isinstance(answer, Tensor):
        return answer.clone()
    if isinstance(answer, Gaussian):
        return replace(answer, mean=answer.mean.clone(), logvar=answer.logvar.clone())
    return answer
