"""The index of a track: boards and tables are what they are without it; nothing out of date or strange is used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner
from page_made import field, lay_down, track
from records_made import EVIL, everything, metric, record

import vaebench
from vaebench.cli import main
from vaebench.leaderboard.runs import Run
from vaebench.records import store
from vaebench.records.record import Failure, Record
from vaebench.report import index
from vaebench.trial import Spec

pytestmark = pytest.mark.integrations
LONG_AGO = -(10**18)


def evil() -> list[Record]:
    """Records in which a stranger wrote what he liked, and some that an index cannot hold."""
    made = [
        record(
            Spec(text, {"latent": 4}),
            {"svc": metric("svc", 0.5, title=text, unit=text, variant=text), text: metric(text, None, text)},
            components={text: 1}, device=f"cpu-{number}", seed=number, cost={"parameters": 2**53, "train_seconds": 0.1},
        )
        for number, text in enumerate(EVIL)
    ]  # fmt: skip
    both = record("both", {"svc": 0.5})
    both.error = Failure("nan", "and yet it is ok")
    cell = metric("kid", 1e300, warning="w", patients=7, classes=3, widening=2.5, freedom=3.0, optimised=True)
    cell |= {"follows": {"b": -0.25, "a": 1.0}, "beside": {"z": 3.0}, "replicates": [0.1, None, 1e-30, 1e300]}
    full = [record("full", {"kid": cell}, shortcuts={"x": 0.5}, seed=seed) for seed in (0, 1)]
    return [*made, both, record("bare", cost={}), *full]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results whose records count as settled, and its index."""
    monkeypatch.setattr(index, "SETTLED", LONG_AGO)
    lay_down(tmp_path / "results", [*everything(), *field()])
    index.write(track_of(tmp_path / "results"))
    return tmp_path / "results"


def track_of(results: Path) -> Path:
    return results / "demo@1" / "quick" / "phantom"


def without(results: Path, do: Callable[[], Any]) -> Any:
    """What comes of it where there is no index."""
    path = track_of(results) / index.NAME
    path.rename(aside := results / "aside")
    try:
        return do()
    finally:
        aside.rename(path)


def told(runs: list[tuple[str, Run]]) -> list[Any]:
    """Runs as values that can be compared, numbers and all."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(plain(one) for one in value)
        return (value.dtype, value.tobytes()) if hasattr(value, "tobytes") else (type(value), value)

    return [(path, plain(tuple(getattr(run, name) for name in run.__slots__))) for path, run in runs]


def seen(results: Path) -> tuple[list[Any], list[Any]]:
    frame = vaebench.load(results)
    return told(track(results).runs), [
        frame.dtypes.to_dict(),
        frame.astype(object).where(frame.notna(), None).values.tolist(),
    ]


def unread(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the records that are read from their files."""
    names: list[str] = []
    read = store.read
    monkeypatch.setattr(store, "read", lambda path: names.append(path.name) or read(path))
    return names


def test_boards_and_tables_are_the_same_and_no_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = without(folder, lambda: seen(folder))
    names = unread(monkeypatch)
    assert seen(folder) == plain and names == []
    assert len(plain[0]) == len(store.places(track_of(folder))) > 60


def test_whatever_a_record_says_the_index_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "SETTLED", LONG_AGO)
    lay_down(tmp_path, evil())
    turned = next(tmp_path.rglob("full-*.json"))
    told = json.loads(turned.read_text())
    told["metrics"] = {"svc": metric("svc", 0.5), **told["metrics"]}
    turned.write_text(json.dumps(told))
    found = index.write(track_of(tmp_path))
    assert found.current == found.records > 50
    assert seen(tmp_path) == without(tmp_path, lambda: seen(tmp_path))


def edit(path: Path) -> None:
    """Another value of the same size, with the time of writing restored."""
    text, before = path.read_text(), path.stat()
    changed = text.replace('"n": 100', '"n": 999')
    assert changed != text
    path.write_text(changed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def swap(path: Path) -> None:
    """A file from elsewhere, older than the index, takes its place."""
    before, other = path.stat(), path.parents[5] / "older"
    other.write_text(path.read_text().replace('"n": 100', '"n": 999'))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)


def link(path: Path) -> None:
    path.replace(other := path.parents[5] / "linked")
    path.symlink_to(other)


CHANGES: dict[str, Callable[[Path], object]] = {
    "edited": edit,
    "swapped": swap,
    "a link now": link,
    "deleted": Path.unlink,
    "spoilt": lambda path: path.write_text("{"),
    "renamed": lambda path: path.rename(path.with_name(f"x{path.name}")),
}


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.filterwarnings("ignore:.*is not a valid record")
def test_a_changed_record_is_never_served_from_the_index(
    folder: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = next(path for path in sorted(folder.rglob("vae-*.json")) if '"n": 100' in path.read_text())
    was = seen(folder)
    CHANGES[how](path)
    now = without(folder, lambda: seen(folder))
    names = unread(monkeypatch)
    assert seen(folder) == now and (now == was) == (how == "a link now")
    assert len(set(names)) == (how != "deleted"), "all others come from the index"


def test_a_new_record_is_read_beside_the_index(folder: Path) -> None:
    lay_down(folder, [record("new", {"svc": 0.5})])
    assert "new" in {run.entrant.model for _, run in track(folder).runs} & set(vaebench.load(folder).model)
    assert index.current(track_of(folder)) == (len(track(folder).runs) - 1, len(track(folder).runs))


def test_what_changed_a_moment_ago_is_not_indexed(tmp_path: Path) -> None:
    """A second edit might get the same time."""
    lay_down(tmp_path, [record("vae", {"svc": 0.5})])
    assert index.write(track_of(tmp_path)) == (0, 1)
    assert len(track(tmp_path).runs) == 1


@pytest.mark.parametrize("whose", ["a copied folder", "another account", "a changed file", "a cut file"])
def test_a_strangers_index_is_not_even_parsed(
    folder: Path, tmp_path: Path, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = track_of(folder) / index.NAME
    if whose == "a copied folder":
        shutil.copytree(folder, tmp_path / "copy")
        folder = tmp_path / "copy"
    elif whose == "another account":
        monkeypatch.setenv("VAEBENCH_CACHE", str(tmp_path / "cache"))
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-1] if whose == "a cut file" else content[:-1] + b"x")
    from vaebench.report import indexed

    monkeypatch.setattr(indexed, "Rows", lambda *_: pytest.fail("it was parsed"))
    assert seen(folder) == without(folder, lambda: seen(folder))
    assert index.current(track_of(folder)) is None


def test_a_kill_leaves_no_half_of_an_index(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = without(folder, lambda: seen(folder))
    lay_down(folder, [record("new", {"svc": 0.5})])

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", kill)
        index.write(track_of(folder))
    assert [path.name for path in track_of(folder).iterdir() if path.is_file()] == [index.NAME]
    assert len(seen(folder)[0]) == len(plain[0]) + 1


def test_the_commands(folder: Path) -> None:
    def run(*words: str) -> str:
        said = CliRunner().invoke(main, [*words, "--results", str(folder)])
        assert said.exit_code == 0, said.output
        return said.output

    count = len(track(folder).runs)
    assert f"{count} of {count} records" in run("index")
    assert f"all {count} records are in the index" in run("status")
    lay_down(folder, [record("new", {"svc": 0.5})])
    assert f"1 of {count + 1} records are not in the index" in run("status")
    frame = pd.read_parquet(track_of(folder) / index.NAME)
    assert {"model", "metric", "value"} < set(frame.columns)
    assert frame[frame.metric == "ms-ssim"].value.dtype == "float64"
