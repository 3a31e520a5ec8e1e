"""Run the conformance checks on a class that no plugin offers."""

from __future__ import annotations

import pytest

from vaebench.checks import run_checks
from vaebench.components.discovery import Plugin
from vaebench.components.registry import Offer


@pytest.fixture
def verdicts(monkeypatch):
    """Return a function that maps a component to {check: reasons of its failures}, at one image size only; check names
    do not include the size."""
    monkeypatch.setattr("vaebench.checks.FULL", ((1, 28, 28),))
    monkeypatch.setattr("vaebench.checks.STEP", ((1, 64, 64),))
    monkeypatch.setattr("vaebench.checks.PHANTOMS", (28,))

    def run(component: type, status: str = "failed") -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for outcome in run_checks(Offer(component, Plugin("tests", "0", "main", ()))):
            if outcome.status == status:
                found.setdefault(outcome.name.partition(" ")[0], []).append(outcome.reason)
        return found

    return run
