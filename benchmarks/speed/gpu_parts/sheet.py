"""The sheet: a JSON file with all measurements, each written as soon as it is made."""

from __future__ import annotations

import faulthandler
import json
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

OUT_OF_TIME = "out of time"
CUT = "did not end: the process was killed in it"
DEAF = 15.0
"""Seconds after which a process that was asked to stop, but hangs in the card's driver, is killed."""


class TooLong(BaseException):
    """Raised if a measurement exceeds its time limit; not an Exception, which a trial would catch and record."""


class Broken(Exception):
    """Raised if the card no longer responds in this process, so that a new process must continue."""


class Sheet:
    """Measurements by part and name.

    No measurement in the file is repeated, so a run that was killed continues where it stopped."""

    def __init__(self, path: Path, device: str, seconds: float, supervised: bool = False) -> None:
        self.path, self.device, self.supervised = path, device, supervised
        self.started = time.monotonic()
        self.ends = self.part_ends = self.started + seconds
        self.part = ""
        self.content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        self.content.setdefault("measured", {})

    @property
    def left(self) -> float:
        """Return the seconds left of the whole run."""
        return self.ends - time.monotonic()

    @property
    def part_left(self) -> float:
        return self.part_ends - time.monotonic()

    def seconds(self, least: float, most: float) -> float:
        """Return the time limit of a long measurement: the part's time, within the given bounds.

        The measurement ends at least 15 seconds before the run, so that it can be stopped properly."""
        return max(1.0, min(max(least, self.part_left), most, self.left - 15.0))

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.started:6.1f} s] {text}", flush=True)

    def about(self, **facts: Any) -> None:
        self.content["about"] = {**self.content.get("about", {}), **facts}
        self._write()

    def is_done(self, part: str) -> bool:
        """Return whether the part is complete, with no measurement skipped for lack of time."""
        found = self.content["measured"].get(part, {}).values()
        return part in self.content.get("done", []) and not any(one.get("not measured") == OUT_OF_TIME for one in found)

    def finish(self) -> None:
        self.content["done"] = sorted({*self.content.get("done", []), self.part})
        self._write()

    def get(self, part: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.content["measured"].get(part, {}).get(name, {})
        return found

    def measure(
        self, name: str, work: Callable[[], Mapping[str, Any]], limit: float = 60.0, needs: float = 0.0
    ) -> dict[str, Any]:
        """Do the work and store its result, or the reason why there is none.

        The work may take at most `limit` seconds, and does not begin if less than `needs` seconds of the part are left.
        """
        known = self.get(self.part, name)
        if known and known.get("not measured") != OUT_OF_TIME:
            return known
        if self.part_left <= needs:
            return self._keep(name, {"not measured": OUT_OF_TIME})
        self._keep(name, {"error": CUT}, quiet=True)
        started = time.monotonic()
        try:
            with _at_most(max(1.0, min(limit, self.left)), self.supervised):
                result = dict(work())
        except TooLong:
            result = {"error": f"stopped after {time.monotonic() - started:.0f} s"}
        except Exception as error:
            trace = re.sub(r'File ".*/', 'File "', "".join(traceback.format_exception(error)))  # without local paths
            lines = trace.strip().splitlines()
            result = {"error": f"{type(error).__name__}: {error}"[:500], "trace": lines[-12:]}
        result["seconds"] = round(time.monotonic() - started, 2)
        kept = self._keep(name, result)
        if (kept.get("error") or kept.get("failed")) and self.device != "cpu":
            _ask_the_card()
        return kept

    def _keep(self, name: str, result: Mapping[str, Any], quiet: bool = False) -> dict[str, Any]:
        kept = dict(result)
        self.content["measured"].setdefault(self.part, {})[name] = kept
        self._write()
        if not quiet:
            shown = {key: value for key, value in kept.items() if key != "trace"}
            self.say(f"{self.part} {name}: {json.dumps(shown, default=str)[:300]}")
        return kept

    def _write(self) -> None:
        beside = self.path.with_name(f".{self.path.name}.tmp")
        beside.write_text(json.dumps(self.content, indent=1, default=str) + "\n")
        beside.replace(self.path)


@contextmanager
def _at_most(seconds: float, supervised: bool) -> Iterator[None]:
    """Raise TooLong after some seconds. A process that does not react ends soon after, and its supervisor continues."""

    def stop(number: int, frame: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    if supervised:
        faulthandler.dump_traceback_later(seconds + DEAF, exit=True)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if supervised:
            faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, before)


def _ask_the_card() -> None:
    """Check the card after an error: some errors (an illegal address, a half-captured graph) make it unusable."""
    try:
        torch.cuda.synchronize()
        torch.zeros(8, device="cuda").sum().item()
        torch.cuda.empty_cache()
    except Exception as error:
        raise Broken(f"{error}") from error
