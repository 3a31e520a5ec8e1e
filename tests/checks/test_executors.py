"""The kit finds each fault that is put into an executor, by the check that is meant for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from vaebench.checks import executors
from vaebench.checks.outcome import Broken
from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.executing import Local, Outbox
from vaebench.interfaces import Executor


@pytest.fixture(autouse=True)
def light(lab, monkeypatch):
    """Trials of milliseconds."""
    monkeypatch.setattr(executors, "_model", lambda: registry().get("models", "steady"))
    monkeypatch.setattr(executors, "_metric", lambda: registry().get("metrics", "lab-residual"))
    monkeypatch.setattr(executors, "_alone", lambda kind: [registry().get("datasets", "lab-xray")])


class Honest(Local):
    name = "honest"


class Idle(Honest):
    """Says that all is done, and does nothing."""

    def run(self, jobs, site, stop_on_failure=False):
        yield from ()


class Forgetful(Honest):
    """Does again what is done."""

    def run(self, jobs, site, stop_on_failure=False):
        from vaebench.records import store

        for job in jobs:
            path = site.sink.path(job.trial)
            yield from super().run([replace(job, replaces=store.digest_of(path))], site)


class Other(Honest):
    """Draws more samples than it is asked to."""

    def run(self, jobs, site, stop_on_failure=False):
        from msgspec import structs

        longer = [replace(job, settings=structs.replace(job.settings, samples=9)) for job in jobs]
        yield from super().run(longer, site)


class Fragile(Honest):
    """Gives up at the first failure, though it is not asked to."""

    def run(self, jobs, site, stop_on_failure=False):
        yield from super().run(jobs, replace(site, slots=1), stop_on_failure=True)


class Clinging(Honest):
    """Leaves the claims of trials that it does not end."""

    def run(self, jobs, site, stop_on_failure=False):
        outbox = Outbox(jobs, site)
        yield from outbox.take()
        time.sleep(600)


def test_an_honest_executor_passes_everything(verdicts):
    assert verdicts(Honest) == {}


@pytest.mark.parametrize(
    ("broken", "check"),
    [
        (Idle, executors.events),
        (Forgetful, executors.done_once),
        (Other, executors.equals_local),
        (Fragile, executors.failures),
        (Clinging, executors.closing),
    ],
)
def test_each_fault_is_found(broken: type[Executor], check: Callable[[executors.Sent], None]):
    with pytest.raises(Broken):
        check(executors.Sent(broken, {}))


def test_one_that_cannot_run_here_is_not_checked(verdicts):
    class Missing(Honest):
        @classmethod
        def missing(cls):
            return 'pip install "vaebench[cluster]"'

    with pytest.raises(UserError, match=r'The executor honest cannot be checked: pip install "vaebench\[cluster\]"'):
        verdicts(Missing)
