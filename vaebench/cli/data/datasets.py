"""Look up datasets by name."""

from __future__ import annotations

from collections.abc import Sequence

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.interfaces import Dataset
from vaebench.trial import Spec


def find_dataset(text: str) -> tuple[Dataset, Spec]:
    """Return the dataset that `NAME[param=value,...]` describes, and its spec."""
    offer, spec = registry().spec("datasets", text)
    try:
        return offer.component(**spec.params), spec
    except (TypeError, ValueError) as error:
        raise UserError(f"{text}: {error}") from error


def find_datasets(names: Sequence[str] = ()) -> list[Dataset]:
    """Return the named datasets or, without names, all datasets that need no parameters."""
    if names:
        return [find_dataset(name)[0] for name in names]
    known = [offer.component for offers in registry().offers("datasets").values() for offer in offers]
    found: list[Dataset] = []
    for component in known:
        try:
            found.append(component())
        except TypeError:  # the dataset needs parameters (a path), so it has no fixed location
            continue
    return found
