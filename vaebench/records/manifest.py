"""The manifest of a track: a list of its records with the hash of each and the level to which it was verified.

`vaebench verify-results --write` writes the manifest, and later runs of `verify-results` read it. A listed record that
is missing was deleted; a record with a different hash was changed, and its tier no longer counts.
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
"""The largest size of a manifest in bytes; each record takes about two hundred bytes."""
Tier = Literal["reported", "re-measured", "reproduced"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""The tiers, from lowest to highest: only reported; re-measured from the stored weights; reproduced by training
again."""
Place = Annotated[str, Meta(pattern=r"^([^/.][^/]*/){2}[^/.][^/]*\.json$")]
"""The path of a record, relative to the track's folder, with `/` as separator."""


class Listed(Struct, frozen=True, forbid_unknown_fields=True):
    """The entry of one record in a manifest."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    tier: Tier = "reported"


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a manifest."""

    schema: Literal["vaebench/manifest@1"]
    records: dict[Place, Listed]


def read(track: Path) -> dict[str, Listed]:
    """Return the records listed in a track's manifest, or none if there is no manifest; raise a BadRecord if the
    manifest is faulty."""
    try:
        return coder.decode(read_bounded(track / NAME, LARGEST, "manifest"), type=Manifest).records
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BadRecord(f"the manifest cannot be read: {error}") from error


def write(track: Path, records: Mapping[str, Listed]) -> None:
    """Write a manifest with one line per record, sorted."""
    lines = {place: to_builtins(records[place]) for place in sorted(records)}
    write_atomically(track / NAME, dumps({"schema": "vaebench/manifest@1", "records": lines}).encode())


def place_of(record: Path, track: Path) -> str:
    """Return the name of a record in the manifest of its track."""
    return record.relative_to(track).as_posix()


def tiers(track: Path) -> dict[Path, Tier]:
    """Return the tiers above *reported* of those records of a track that have not changed since they were verified. If
    the manifest cannot be read, return no tiers."""
    try:
        listed = read(track)
    except BadRecord:
        return {}
    above = {track / place: one for place, one in listed.items() if one.tier != "reported"}
    return {path: one.tier for path, one in above.items() if digest_of(path) == one.sha256}
