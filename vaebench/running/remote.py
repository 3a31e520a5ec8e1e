"""The objects at the URL of a results folder: their names, and how they are listed, fetched and stored.

    SUITE/PRESET/SOURCE/DEVICE/DATASET/MODEL-ID/N-DIGEST.json    a record, stored last; N is larger in later versions
    SUITE/PRESET/SOURCE/DEVICE/DATASET/MODEL-ID/N-DIGEST.files   the names of its files, and the digest of each
    blobs/DI/DIGEST                                              a file of any record
    SUITE/PRESET/SOURCE/...                                      boards and shared files, as in a folder

Except for boards and shared files, the name of an object contains the SHA-256 of its content. Such an object is never
replaced, machines can write at the same time, and the fetched content can be checked. The objects may come from a
stranger, so names that lead out of a folder are ignored, and sizes are limited.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from msgspec import json as coder

from vaebench.errors import UserError
from vaebench.records import store, urls

BLOBS = "blobs"
LARGEST = 2**26
"""The maximum size in bytes of a file that is neither a record nor a file of weights"""
HEAVIEST = 2**31
"""The maximum size in bytes of a file of weights"""
TOGETHER = 2**30
"""Bytes of memory for the objects that are fetched at once; it limits their number, as each may be of maximum size"""

ABOUT = "about.txt"

PART = r"(?:[A-Za-z0-9@_+-][A-Za-z0-9@._+-]{0,199})"
"""Matches the names that `trial.slug` makes"""
RECORD = re.compile(rf"((?:{PART}/){{5,}}{PART}-[0-9a-f]{{12}})/(\d{{1,9}}-[0-9a-f]{{64}})\.json")
FILE = re.compile(rf"(?:{PART}/)*{PART}")
TRACK = rf"{PART}@\d+/{PART}/{PART}"
SHARED = re.compile(rf"{TRACK}/(?:track|manifest)\.json|{PART}@\d+/{PART}\.(?:toml|json)")
"""The files that a board depends on besides the records: pinned images, tiers, and copies of suites"""
BOARD = re.compile(rf"{TRACK}/(?:leaderboard\.[a-z]+|boards/{PART})")
DIGEST = re.compile(r"[0-9a-f]{64}")
UNWANTED = ("checkpoint",)
"""Files next to a record that belong to one machine"""


class Unreachable(UserError):
    """Raised if the URL cannot be read or written."""


@dataclass(frozen=True)
class Listed:
    """The objects at a URL, apart from the files of records."""

    records: Mapping[str, frozenset[str]]
    """path of a record in the results folder -> the names of its versions, N-DIGEST"""
    plain: Mapping[str, str]
    """name of a board or shared file -> a stamp that changes when the file is replaced"""


class Remote:
    """The results folder at a URL."""

    def __init__(self, url: str) -> None:
        self.url = url

    def check_writable(self) -> None:
        """Store a file that says what the folder is; raise Unreachable if that is impossible."""
        self.put_plain(ABOUT, b"This folder was made by `vaebench run --results URL`.\n")

    def listed(self) -> Listed:
        """List the records and boards."""
        records: dict[str, set[str]] = {}
        plain = {}
        with self._told("read") as (files, root):
            files.invalidate_cache()
            for name, info in _below(files, root):
                if info["size"] == 0:  # some stores refuse to send a range of an empty object
                    continue
                if match := RECORD.fullmatch(name):
                    records.setdefault(f"{match[1]}.json", set()).add(match[2])
                elif SHARED.fullmatch(name) or BOARD.fullmatch(name):
                    plain[name] = _digest(repr(sorted(info.items(), key=str)).encode())
        return Listed({place: frozenset(found) for place, found in records.items()}, plain)

    def records(self, versions: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, bytes]]:
        """Yield (place, version, content) of these versions of records; those that are damaged are left out."""
        asked = list(versions)
        names = [f"{_stem(place)}/{version}.json" for place, version in asked]
        for (place, version), content in zip(asked, self._fetched(names, store.LARGEST), strict=True):
            if content is not None and version.endswith(f"-{_digest(content)}"):
                yield place, version, content

    def files_of(self, versions: Iterable[tuple[str, str]]) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield (place, files) of these versions of records; `files` maps the name of each file to its digest."""
        asked = list(versions)
        names = [f"{_stem(place)}/{version}.files" for place, version in asked]
        for (place, _), content in zip(asked, self._fetched(names, store.LARGEST), strict=True):
            yield place, _files(content or b"")

    def blobs(self, digests: Iterable[str], most: int = LARGEST) -> Iterator[tuple[str, bytes]]:
        """Yield (digest, content) of these files; those that are missing, damaged or larger are left out."""
        asked = list(digests)
        for digest, content in zip(asked, self._fetched(map(_blob, asked), most), strict=True):
            if content is not None and _digest(content) == digest:
                yield digest, content

    def plain(self, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (name, content) of these boards and shared files."""
        asked = list(names)
        for name, content in zip(asked, self._fetched(asked, LARGEST), strict=True):
            if content is not None:
                yield name, content

    def put_record(self, place: str, version: str, content: bytes, files: Mapping[str, bytes]) -> None:
        """Store a version of a record: its files first, the record last."""
        digests = {name: _digest(own) for name, own in files.items()}
        told = json.dumps(digests, indent=0, sort_keys=True).encode()
        objects = [(_blob(digests[name]), own) for name, own in files.items()]
        objects += [(f"{_stem(place)}/{version}.files", told), (f"{_stem(place)}/{version}.json", content)]
        with self._told("written") as (there, root):
            for name, own in objects:
                urls.put_if_absent(there, f"{root}/{name}", own)

    def put_plain(self, name: str, content: bytes) -> None:
        """Store a board or shared file, replacing the previous one."""
        with self._told("written") as (files, root):
            urls.make_parent(files, f"{root}/{name}")
            files.pipe_file(f"{root}/{name}", content)

    def _fetched(self, names: Iterable[str], most: int) -> Iterator[bytes | None]:
        """Yield the content of each object, or None if it is missing or has more than `most` bytes."""
        left, size = list(names), max(1, TOGETHER // most)
        with self._told("read") as (files, root):
            while left:
                batch, left = [f"{root}/{name}" for name in left[:size]], left[size:]
                for content in files.cat_ranges(batch, 0, most + 1, on_error="return"):
                    if isinstance(content, FileNotFoundError):
                        yield None
                    elif isinstance(content, Exception):
                        raise content
                    else:
                        yield content if len(content) <= most else None

    @contextmanager
    def _told(self, how: str) -> Iterator[tuple[Any, str]]:
        """Open the URL; raise Unreachable with the reason if anything fails, as every library has errors of its own."""
        try:
            yield urls.opened(self.url)
        except Exception as error:
            raise Unreachable(f"{self.url} cannot be {how}: {urls.words(error)}") from error


def wanted(name: str) -> bool:
    """Return whether a file next to a record is shared with other machines."""
    return bool(FILE.fullmatch(name)) and name.partition("/")[0] not in UNWANTED


def _below(files: Any, root: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name, relative to the root, and the metadata of every object except the files of records."""
    try:
        top = files.ls(root, detail=True)
    except FileNotFoundError:
        return
    for entry in top:
        if entry["type"] != "directory" or entry["name"].rstrip("/").endswith(f"/{BLOBS}"):
            continue
        for path, info in files.find(entry["name"], detail=True).items():
            if path.startswith(f"{root}/"):
                yield path[len(root) + 1 :], info


def _files(content: bytes) -> dict[str, str]:
    """Return the files in a list that may come from a stranger, without names that lead out of the folder."""
    try:
        listed = coder.decode(content, type=dict[str, str])
    except ValueError:
        return {}
    return {name: digest for name, digest in listed.items() if wanted(name) and DIGEST.fullmatch(digest)}


def _stem(place: str) -> str:
    return place.removesuffix(".json")


def _blob(digest: str) -> str:
    return f"{BLOBS}/{digest[:2]}/{digest}"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
