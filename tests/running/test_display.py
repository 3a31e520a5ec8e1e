"""How a sweep is shown: a line per trial when piped, time left on a terminal, names never read as markup."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from records_made import record
from rich.console import Console

from vaebench.interfaces import Event
from vaebench.planning.jobs import Job
from vaebench.records.record import Failure
from vaebench.running import display
from vaebench.running.display import Watch, time_words
from vaebench.trial import Settings, Spec, Trial


def job(seed: int = 0) -> Job:
    trial = Trial("lab@1", "tiny", "phantom", Spec("xray"), Spec("vae", {"latent": 4}), Spec("bce"), "all", seed)
    return Job(trial, Settings(8, 10), "", {}, {})


def train(share: float, seed: int = 0, **logs: float) -> Event:
    return Event(
        "progress", job(seed), {"phase": "train", "share": share, "step": 120, "steps": 400, "rate": 95.4, "logs": logs}
    )


def end(seed: int = 0, **changes: Any) -> Event:
    return Event("end", job(seed), {"record": structs.replace(record("vae", cost={"seconds": 2.5}), **changes)})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(display.time, "monotonic", lambda: now[0])
    return now


def watch(terminal: bool = False, seconds: float = 10.0, slots: int = 1) -> tuple[Watch, io.StringIO]:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    return Watch(console, {job(seed).trial.id: seconds for seed in (0, 1)}, slots), out


def test_a_line_per_trial_when_piped() -> None:
    shown, out = watch()
    failure = Failure("oom", "no [bold]room[/bold]")
    with shown:
        for event in (Event("start", job()), train(0.5, loss=1.0), end(), end(1, status="failed", error=failure)):
            shown.hear(event)
    assert out.getvalue().splitlines() == [
        "[1/2] vae[latent=4] + bce on xray, all, seed 0: ok (2.5 s)",
        "[2/2] vae[latent=4] + bce on xray, all, seed 1: failed (oom): no [bold]room[/bold]",
    ]
    assert shown.failed == 1


def test_a_failed_trial_says_where_what_it_printed_is_kept() -> None:
    shown, out = watch()
    failed = structs.replace(record("vae"), status="failed", error=Failure("signal", "died"))
    with shown:
        shown.hear(Event("end", job(), {"record": failed, "output": Path("results/vae-0/output.txt")}))
        shown.hear(Event("end", job(1), {"record": failed, "output": None}))
    first, second = out.getvalue().splitlines()
    assert first.endswith("failed (signal): died; its output is in results/vae-0/output.txt")
    assert second.endswith("failed (signal): died")


def test_a_terminal_shows_the_trials_at_work_and_the_time_left() -> None:
    shown, out = watch(terminal=True)
    with shown:
        for event in (Event("start", job()), train(0.5, loss=1.25), end()):
            shown.hear(event)
            shown.bars.refresh()
    assert "vae[latent=4] xray all 0" in out.getvalue()
    assert "1/2 done" in out.getvalue()
    assert " left" in out.getvalue()
    assert "120/400  95/s  loss 1.25" in out.getvalue()


def test_regime_and_seed_are_kept_where_names_are_long() -> None:
    trial = structs.replace(job(11).trial, model=Spec("soft-intro-vae", {"latent": 128}), regime="healthy")
    told = display.brief(trial)
    assert len(told) == display.BRIEF and told.startswith("soft-intro-vae") and told.endswith("… healthy 11")
    assert display.brief(job().trial) == "vae[latent=4] xray all 0"
    own = structs.replace(trial, model=Spec("vae"), dataset=Spec("folder", {"group": "p", "name": "mine"}))
    assert display.brief(own) == "vae mine healthy 11"


def show_at(widths: Iterable[int]) -> None:
    """Train and measure a trial on the terminal that this process has, which is given these widths in turn."""
    trial = structs.replace(job(11).trial, model=Spec("soft-intro-vae", {"latent": 128}), regime="healthy")
    at_work = Job(trial, Settings(8, 10), "", {}, {})
    logs = {"reconstruction": 123.456, "divergence": 0.001234}
    training = {"phase": "train", "share": 0.5, "step": 12000, "steps": 40000, "rate": 95.4, "logs": logs}
    measuring = {"phase": "measure", "metric": "svc-pixels-grouped-balanced-accuracy", "share": 0.5}
    for width in widths:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
        shown = Watch(Console(), {trial.id: 10.0}, 1)
        with shown:
            for kind, data in (("start", {}), ("progress", training), ("progress", measuring)):
                shown.hear(Event(kind, at_work, data))
                shown.bars.refresh()
        print("END OF", width)


def test_a_terminal_of_any_width_is_used_and_kept_to() -> None:
    """On a pseudo-terminal: every line fits, and regime and seed are there."""
    widths = (80, 120, 200)
    path = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": path}
    environment.pop("COLUMNS", None)
    command = [sys.executable, "-c", f"import test_display; test_display.show_at({widths})"]
    ours, theirs = os.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        told = b""
        with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
            while part := os.read(ours, 65536):
                told += part
    os.close(ours)
    rest = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", told.decode())
    for width in widths:
        shown, found, rest = rest.partition(f"END OF {width}")
        assert found, told
        lines = [line.rstrip() for line in re.split(r"[\r\n]+", shown)]
        at_work = [line for line in lines if "healthy 11" in line]
        assert max(map(len, lines)) <= width
        assert any("12000/40000  95/s" in line for line in at_work), lines
        assert any("95%" in line and "measuring svc-pixels" in line for line in at_work), "measuring is progress"
        assert width < 120 or any("soft-intro-vae[latent=128] xray" in line for line in at_work), "it uses its width"


def test_what_a_trial_remarks_is_a_line_of_its_own() -> None:
    shown, out = watch()
    with shown:
        shown.hear(Event("progress", job(), {"phase": "note", "text": "the [b]checkpoint[/b] is of no use"}))
        shown.hear(Event("progress", job(1), {"phase": "elsewhere"}))
    assert out.getvalue().splitlines() == [
        "vae[latent=4] + bce on xray, all, seed 0: the [b]checkpoint[/b] is of no use",
        "vae[latent=4] + bce on xray, all, seed 1: claimed by another run; rechecked at the end",
    ]


def test_time_left_is_the_estimate_at_first_and_the_pace_seen_later(clock: list[float]) -> None:
    shown, _ = watch(seconds=10.0)
    assert shown.left() == pytest.approx(20.0)
    assert watch(seconds=10.0, slots=2)[0].left() == pytest.approx(10.0)
    shown.hear(Event("start", job()))
    left = [shown.left()]
    for step in range(1, 11):  # it takes twice the time that was estimated
        clock[0] = 2 * step
        shown.hear(train(step / 10))
        left.append(shown.left())
    clock[0] = 20.0
    shown.hear(end())
    assert shown.share() == pytest.approx(0.5)
    assert shown.left() == pytest.approx(15.0), "half by the estimate (10 s), half by the pace (20 s)"
    assert all(value > 0 for value in left)
    clock[0] = 40.0
    shown.hear(end(1))
    assert shown.left() == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.04, "0.0 s"), (9.96, "10.0 s"), (59.4, "59 s"), (60, "1 min"), (3599, "60 min"), (3660, "1 h 1 min")],
)
def test_time_in_words(seconds: float, words: str) -> None:
    assert time_words(seconds) == words
