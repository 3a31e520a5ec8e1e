"""What a check is, and what comes of it: passed, failed or skipped, with a reason, and never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from vaebench.errors import Explained, UserError
from vaebench.interfaces import NotApplicable

Check = TypeVar("Check", bound=Callable[[Any], str | None])


@dataclass(frozen=True)
class Outcome:
    """What came of one check."""

    name: str
    status: Literal["passed", "failed", "skipped"]
    reason: str = ""
    """Why it failed or was skipped, or what was found."""
    says: str = ""
    """What the check proves, in a sentence."""


class Broken(AssertionError):
    """A component does not keep its contract; the text says where and what to do."""


def require(kept: bool, complaint: str) -> None:
    """Fail the check with a text for the component's author."""
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
        except UserError:  # the user asked for something that there is not; no fault of the component
            raise
        except Explained as error:
            return Outcome(self.name, "failed", str(error), self.says)
        except (Exception, SystemExit) as error:
            return Outcome(self.name, "failed", f"raised {type(error).__name__}: {error}", self.says)
        return Outcome(self.name, "passed", found, self.says)


class Checklist:
    """Checks in the order in which they are written down."""

    def __init__(self) -> None:
        self.checks: list[tuple[str, str, Callable[[Any], str | None]]] = []

    def add(self, check: Check) -> Check:
        """Decorator: the function's name becomes the check's, its docstring's first paragraph what it proves. It may
        return what it found, in words."""
        name = check.__name__.replace("_", "-")
        says = (check.__doc__ or "").partition("\n\n")[0]
        self.checks.append((name, " ".join(says.split()), check))
        return check

    def tasks(self, case: Any, where: str = "") -> list[Task]:
        """One task per check; `where` tells one case of a component from another."""

        def task(name: str, says: str, check: Callable[[Any], str | None]) -> Task:
            return Task(f"{name} {where}".strip(), says, lambda: check(case))

        return [task(*entry) for entry in self.checks]
