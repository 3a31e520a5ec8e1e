"""Prepare each dataset in a separate process, so that a crash in its code affects only that dataset."""

from __future__ import annotations

import logging
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from vaebench.components.registry import registry
from vaebench.data.folders import cache_folder
from vaebench.data.prepare import Prepared, about, intact, prepare, ready_folder
from vaebench.data.splits import SplitError
from vaebench.interfaces import NotApplicable
from vaebench.planning.names import Chosen
from vaebench.planning.plan import Plan
from vaebench.running.executors.forked import Forked
from vaebench.running.termination import terminable
from vaebench.trial import Spec, Value

LONGEST = 5000
"""The maximum number of characters of a reason"""


class NotReady(Exception):
    """Raised with the reason why a dataset is left out."""


def made_ready(one: Chosen, plan: Plan, patience: float, tell: Callable[[str], None]) -> Prepared:
    """Return the prepared data of a dataset, preparing it if necessary; raise NotReady if the preparation fails.

    The preparation is stopped if it produces no output, log message or warning for `patience` seconds."""
    request, settings = plan.request, plan.settings
    cache = request.cache or cache_folder()
    what = one.spec, plan.source, settings.size, settings.limit, request.data, cache, request.population
    with _in_words():
        folder = ready_folder(one.dataset, *what)
        if intact(folder):
            return about(folder)
        process = Forked(_prepare, plan.suite.home, one.given, what)
    try:
        answer = _await(process, patience, lambda line: tell(f"{one.spec.name}: {line}"))
    except BaseException:
        process.interrupt()
        raise
    finally:
        process.end()
    if isinstance(answer, NotReady):
        raise answer
    return answer


def _await(process: Forked, patience: float, tell: Callable[[str], None]) -> Prepared | NotReady:
    """Wait for the result of the process; meanwhile, pass each new line that it prints to `tell`."""
    printed, heard = 0, time.monotonic()
    while not process.wait(0.5):
        if process.ends():
            raise NotReady(f"the dataset could not be prepared: {process.fate()}")
        if process.output.length > printed:
            printed, heard = process.output.length, time.monotonic()
            tell(process.output.line())
        if time.monotonic() - heard > patience:
            raise NotReady(
                f"the dataset could not be prepared: no output for {patience:.0f} s. If the preparation takes longer, "
                "increase --patience; output includes log messages and warnings of the dataset's code"
            )
    try:
        answer: Prepared | NotReady = process.ear.recv()
    except (EOFError, OSError) as error:
        raise NotReady(f"the dataset could not be prepared: {process.fate()}") from error
    return answer


def _prepare(home: str | None, given: Mapping[str, Value], what: tuple[Any, ...], mouth: Connection) -> None:
    """Prepare the dataset and send the result; this function is the body of the process."""
    multiprocessing.current_process().daemon = False  # a dataset may start processes
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout, force=True)
    answer: Prepared | NotReady
    with warnings.catch_warnings(record=True) as said, terminable():
        try:
            with _in_words():
                dataset = registry().at(home).create("datasets", Spec(what[0].name, given))
                made = prepare(dataset, *what)
            answer = replace(made, notes=(*made.notes, *(str(one.message) for one in said)))
        except NotReady as reason:
            answer = reason
    mouth.send(answer)


@contextmanager
def _in_words() -> Iterator[None]:
    """Turn the exceptions of a dataset's code into NotReady."""
    try:
        yield
    except (NotApplicable, SplitError, ValueError, OSError) as error:  # its message is meant for the user
        raise NotReady(_text(error)) from error
    except Exception as error:  # a bug in the dataset's code
        raise NotReady(f"the dataset could not be prepared ({type(error).__name__}: {_text(error)})") from error


def _text(error: Exception) -> str:
    try:
        return str(error)[:LONGEST]
    except Exception as other:
        return f"its message could not be read ({type(other).__name__})"
