"""Evidence of models that a test has scripted row by row."""

from __future__ import annotations

from vaebench.evidence import Evidence


class AsTold(Evidence):
    """Of a model that answers by the order of the rows, and so cannot be asked about a few of them again."""

    def _stands_alone(self, *question: object) -> None:
        pass
