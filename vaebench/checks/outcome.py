"""Checks and their outcomes: passed, failed or skipped, with a reason and never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from vaebench.errors import Explained, UserError
from vaebench.interfaces import NotApplicable

Check = TypeVar("Check", bound=Callable[[Any], str | None])


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    reason: str = ""
    """Why the check failed or was skipped, or what it found"""
    says: str = ""
    """What the check proves, in one sentence"""


class Broken(AssertionError):
    """Raised if a component breaks its contract; the message says where, and what to do."""


def require(kept: bool, complaint: str) -> None:
    """Fail the check unless `kept`; `complaint` tells the component's author what is wrong."""
    if not kept:
        raise Broken(complaint)


@dataclass(frozen=True)
class Task:
    """One check on one case of one component, ready to run."""

    name: str
    says: str
    work: Callable[[], str | None]

    def run(self) -> Outcome:
        try:
            found = self.work() or ""
        except NotApplicable as reason:
            return Outcome(self.name, "skipped", str(reason) or "not applicable, without a reason", self.says)
        except Broken as complaint:
            return Outcome(self.name, "failed", str(complaint), self.says)
        except UserError:  # the user asked for something that does not exist, which is not the component's fault
            raise
        except Explained as error:
            return Outcome(self.name, "failed", str(error), self.says)
        except (Exception, SystemExit) as error:
            return Outcome(self.name, "failed", f"raised {type(error).__name__}: {error}", self.says)
        return Outcome(self.name, "passed", found, self.says)


class Checklist:
    """The checks of one kind of component, in the order in which they are defined."""

    def __init__(self) -> None:
        self.checks: list[tuple[str, str, Callable[[Any], str | None]]] = []

    def add(self, check: Check) -> Check:
        """Add a check; used as a decorator.

        The function's name becomes the check's name, and the first paragraph of its docstring states what the check
        proves. The function may return a text that describes what it found."""
        name = check.__name__.replace("_", "-")
        says = (check.__doc__ or "").partition("\n\n")[0]
        self.checks.append((name, " ".join(says.split()), check))
        return check

    def tasks(self, case: Any, where: str = "") -> list[Task]:
        """Return one task per check; `where` distinguishes the cases of a component."""

        def task(name: str, says: str, check: Callable[[Any], str | None]) -> Task:
            return Task(f"{name} {where}".strip(), says, lambda: check(case))

        return [task(*entry) for entry in self.checks]
