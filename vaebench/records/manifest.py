"""The manifest of a track: which records it holds, the hash of each, and how far each was verified.

`vaebench verify-results --write` writes it, and later runs of `verify-results` read it. A record that it lists and that
is gone was deleted; one with another hash was changed, and its tier no longer counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args

from msgspec import Meta, Struct, to_builtins
from msgspec import json as coder

from vaebench.records.record import BadRecord, dumps
from vaebench.records.store import digest_of, read_bounded, write_atomically

NAME = "manifest.json"
LARGEST = 2**24
"""Bytes; a record takes two hundred."""
Tier = Literal["reported", "re-measured", "reproduced"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""Numbers only; recomputed from the weights beside the record; trained again. Each is worth more than those before."""
Place = Annotated[str, Meta(pattern=r"^([^/.][^/]*/){2}[^/.][^/]*\.json$")]
"""Of a record: its path from the track's folder, with `/`."""


class Listed(Struct, frozen=True, forbid_unknown_fields=True):
    """One record."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    tier: Tier = "reported"


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What the file holds."""

    schema: Literal["vaebench/manifest@1"]
    records: dict[Place, Listed]


def read(track: Path) -> dict[str, Listed]:
    """The records listed for a track; none where it has no manifest. BadRecord says what is wrong with the file."""
    try:
        return coder.decode(read_bounded(track / NAME, LARGEST, "manifest"), type=Manifest).records
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadRecord(f"the manifest cannot be read: {error}") from error


def write(track: Path, records: Mapping[str, Listed]) -> None:
    """One line per record, in order."""
    lines = {place: to_builtins(records[place]) for place in sorted(records)}
    write_atomically(track / NAME, dumps({"schema": "vaebench/manifest@1", "records": lines}).encode())


def place_of(record: Path, track: Path) -> str:
    """The name of a record in the manifest of its track."""
    return record.relative_to(track).as_posix()


def tiers(track: Path) -> dict[Path, Tier]:
    """The tier of each record of a track that is more than *reported* and whose file is what it was when it was
    verified. A manifest that cannot be read gives none."""
    try:
        listed = read(track)
    except BadRecord:
        return {}
    above = {track / place: one for place, one in listed.items() if one.tier != "reported"}
    return {path: one.tier for path, one in above.items() if digest_of(path) == one.sha256}
