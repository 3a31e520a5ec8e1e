"""Evidence of models whose answers a test prescribes row by row."""

from __future__ import annotations

from vaebench.evidence import Evidence


class AsTold(Evidence):
    """Evidence of a model whose answers depend on the order of rows, so that it cannot be asked about some rows
    again."""

    def _stands_alone(self, *question: object) -> None:
        pass
