"""Results at a URL for tests: machines that share nothing else, and records with files for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from records_made import record

from vaebench.cli import main
from vaebench.records import store, urls
from vaebench.records.record import Record
from vaebench.running import mirrors

FILES = {"weights.safetensors": b"weights", "pictures.json": b"{}", "plots/roc.png": b"a picture"}


@contextmanager
def on(machine: Path) -> Iterator[None]:
    """Whatever is cached meanwhile is this machine's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VAEBENCH_CACHE", str(machine))
        yield


def said(machine: Path, *words: str, code: int = 0) -> str:
    """Run a command on a machine, and return its output without line breaks."""
    with on(machine):
        done = CliRunner().invoke(main, words, env={"COLUMNS": "300"})
    told = " ".join((done.stdout + done.stderr).split())
    assert done.exit_code == code and "Traceback" not in told, f"{told}{done.exception!r}"
    return told


def made(**given: Any) -> Record:
    """A record of no component, so that installed versions do not matter."""
    one = record(metrics={"psnr": 20.0}, **given)
    return replace(one, inputs=replace(one.inputs, components={}))


def write(results: Path, one: Record, files: Mapping[str, bytes] = FILES) -> Path:
    """Write a record and its files as a worker does."""
    path = store.path_of(results, one.trial, one.device.kind)
    for name, content in files.items():
        store.write_atomically(store.artifacts_of(path) / name, content)
    store.write(path, one)
    return path


def held(results: Path, files: bool = False) -> dict[str, bytes]:
    """The content of each record in a folder, or of the files beside the records, by place."""
    paths = store.below(results)
    paths = [path for record in paths for _, path in store.files_beside(record)] if files else paths
    return {path.relative_to(results).as_posix(): path.read_bytes() for path in paths}


def upload(url: str, machine: Path, *records: Record, files: Mapping[str, bytes] = FILES) -> Path:
    """Write records on a machine and upload them; return its folder of results."""
    with on(machine):
        folder = mirrors.folder_of(url)
        for one in records:
            write(folder, one, files)
        mirrors.update(folder)
        return folder


def fetch(url: str, machine: Path, wants: mirrors.Wants | None = None) -> Path:
    """Bring a machine's mirror up to date and return its folder."""
    with on(machine):
        folder = mirrors.folder_of(url)
        mirrors.update(folder, wants)
        return folder


def objects(url: str) -> dict[str, bytes]:
    """Everything at a URL, by name."""
    files, root = urls.opened(url)
    return {path.removeprefix(f"{root}/"): files.cat_file(path) for path in files.find(root)}
