"""Results at a URL: machines without a shared disk end with the same records, whatever fails, and trust no object."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fsspec
import pytest
from msgspec.structs import replace
from records_made import record
from results_at_url import FILES, fetch, held, made, objects, on, upload, write

from vaebench.errors import UserError
from vaebench.records import store, urls
from vaebench.records.record import decode
from vaebench.running import mirrors
from vaebench.running.remote import Unreachable

GOOD, OTHER = made(started="2026-01-01T00:00:00Z"), made(started="2026-01-02T00:00:00Z")
FAILED = record(error=("nan", "diverged"), started="2026-01-03T00:00:00Z")


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"{request.param}://{tmp_path}/bucket/results"


def put(url: str, name: str, content: bytes) -> None:
    files, root = urls.opened(url)
    files.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
    files.pipe_file(f"{root}/{name}", content)


def test_another_machine_gets_records_and_the_files_it_wants(url: str, tmp_path: Path) -> None:
    first = upload(url, tmp_path / "one", GOOD, made(seed=1))
    assert held(fetch(url, tmp_path / "two")) == held(first) != {}
    assert held(fetch(url, tmp_path / "two"), files=True) == {}
    pictures = {n: c for n, c in held(first, files=True).items() if not n.endswith(store.WEIGHTS)}
    second = fetch(url, tmp_path / "two", mirrors.pictures)
    assert held(second, files=True) == pictures and len(pictures) == 4
    with on(tmp_path / "two"):
        for path in store.below(second):
            mirrors.fetch_weights(path)
    assert held(second, files=True) == held(first, files=True)
    assert held(fetch(url, tmp_path / "three", mirrors.everything), files=True) == held(first, files=True)


def test_records_of_a_search_are_shared_too(url: str, tmp_path: Path) -> None:
    """`vaebench tune` keeps them in folders further down."""
    with on(tmp_path / "one"):
        folder = mirrors.folder_of(url)
        with mirrors.Uploads(folder / "tuning" / "demo-for-anomaly") as uploads:
            uploads.add(write(folder / "tuning" / "demo-for-anomaly", GOOD))
    (place,) = held(fetch(url, tmp_path / "two"))
    assert place.startswith("tuning/demo-for-anomaly/demo@1/quick/phantom/cpu/")


def test_objects_are_named_by_their_content_and_stored_once(url: str, tmp_path: Path) -> None:
    upload(url, tmp_path / "one", GOOD, made(seed=1))
    blobs = {name: content for name, content in objects(url).items() if name.startswith("blobs/")}
    assert sorted(blobs.values()) == sorted(FILES.values()), "both records have the same files"
    for name, content in objects(url).items():
        if not name.endswith(".files"):
            assert Path(name).stem.removeprefix("1-") == hashlib.sha256(content).hexdigest()


def test_what_did_not_change_is_not_fetched_again(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload(url, tmp_path / "one", GOOD)
    files = type(urls.opened(url)[0])
    for _ in range(2):
        for machine in ("one", "two"):
            assert held(fetch(url, tmp_path / machine, mirrors.everything), files=True)
        monkeypatch.setattr(files, "cat_file", lambda *_, **__: pytest.fail("it was fetched before"))


@pytest.mark.parametrize("order", list(itertools.permutations([GOOD, OTHER, FAILED])))
def test_machines_that_work_at_once_agree_and_lose_nothing(order: Any, tmp_path: Path) -> None:
    """A good record counts more than a failure, in whichever order they arrive."""
    url = f"memory://{tmp_path}/results"
    machines = [tmp_path / str(number) for number, _ in enumerate(order)]
    for machine, one in zip(machines, order, strict=True):
        with on(machine):
            write(mirrors.folder_of(url), one)
    for machine in machines:
        fetch(url, machine)
    (found,) = {tuple(held(fetch(url, machine)).values()) for machine in (*machines, tmp_path / "late")}
    stored = [content for name, content in objects(url).items() if name.endswith(".json")]
    assert len(stored) == 3 and len(found) == 1 and decode(found[0]).status == "ok"


@pytest.mark.parametrize(
    "order", [(GOOD, OTHER), (OTHER, GOOD), (FAILED, GOOD), (FAILED, replace(FAILED, curve={"a": {}}))]
)
def test_the_last_record_counts_whatever_the_clocks_say(order: Any, tmp_path: Path) -> None:
    url = f"memory://{tmp_path}/results"
    for number, one in enumerate(order):
        fetch(url, tmp_path / str(number))
        upload(url, tmp_path / str(number), one)
    for machine in ("0", "1", "late"):
        (path,) = store.below(fetch(url, tmp_path / machine))
        assert store.read(path) == order[-1]


def test_a_later_failure_of_the_same_machine_does_not_replace_its_good_record(url: str, tmp_path: Path) -> None:
    good = held(upload(url, tmp_path / "one", GOOD))
    assert held(upload(url, tmp_path / "one", FAILED)) == good
    assert held(fetch(url, tmp_path / "two", mirrors.pictures), files=True)


def test_a_record_is_there_only_with_its_files_wherever_an_upload_ends(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = urls.put_if_absent, [0]

    def some(*args: Any) -> None:
        if not left[0]:
            raise ConnectionError("the network is gone")
        left[0] -= 1
        real(*args)

    with on(tmp_path / "one"):
        folder = mirrors.folder_of(url)
        write(folder, GOOD)
        monkeypatch.setattr(urls, "put_if_absent", some)
        for count in range(len(FILES) + 2):
            left[0] = count
            with pytest.warns(UserWarning, match=r"cannot be written: ConnectionError.*are kept in"):
                mirrors.update(folder)
            assert held(folder) and not held(fetch(url, tmp_path / f"after-{count}"))
        left[0] = 99
        mirrors.update(folder)  # no other command is needed
    assert held(fetch(url, tmp_path / "two", mirrors.everything), files=True) == held(folder, files=True)


def test_an_object_that_was_cut_off_is_not_used_and_is_written_again(url: str, tmp_path: Path) -> None:
    folder = upload(url, tmp_path / "one", GOOD)
    (name,) = (name for name in objects(url) if name.endswith(".json"))
    content = objects(url)[name]
    put(url, name, content[:-9])
    with pytest.warns(UserWarning, match="1 invalid record, which vaebench ignores"):
        assert not held(fetch(url, tmp_path / "two"))
    with on(tmp_path / "one"):
        mirrors.Uploads(folder).add(store.below(folder)[0])
        with mirrors.Uploads(folder) as uploads:
            uploads.add(store.below(folder)[0])
    assert objects(url)[name] == content


def test_records_deleted_at_the_url_are_removed_but_not_all_at_once(url: str, tmp_path: Path) -> None:
    upload(url, tmp_path / "one", GOOD, made(seed=1))
    folder = fetch(url, tmp_path / "two", mirrors.everything)
    first, second = (path.relative_to(folder).with_suffix("").as_posix() for path in store.below(folder))
    files, root = urls.opened(url)
    files.rm(f"{root}/{first}", recursive=True)
    assert list(held(fetch(url, tmp_path / "two"))) == [f"{second}.json"]
    assert not (folder / first).exists()
    files.rm(f"{root}/{second}", recursive=True)
    with pytest.raises(UserError, match="no longer has any records"):
        fetch(url, tmp_path / "two")
    assert held(folder)


def test_boards_and_pins_are_shared(url: str, tmp_path: Path) -> None:
    upload(url, tmp_path / "one", GOOD)
    names = ("track.json", "leaderboard.csv", "boards/chest.md", "leaderboard.html")
    for machine, text in (("one", b"first"), ("two", b"second")):
        with on(tmp_path / machine):
            folder = mirrors.folder_of(url)
            mirrors.update(folder)
            track = folder / "demo@1" / "quick" / "phantom"
            for name in names:
                store.write_atomically(track / name, text)
            assert "Uploaded 4 board files" in mirrors.publish(folder)
            assert mirrors.publish(folder) == "", "nothing changed since"
    track = fetch(url, tmp_path / "one") / "demo@1" / "quick" / "phantom"
    assert [(track / name).read_bytes() for name in names] == [b"second"] * 3 + [b"first"], "a page is made anew"


def listing(files: Mapping[str, str]) -> Callable[[dict[str, bytes]], dict[str, bytes]]:
    """Return a change that replaces the lists of records' files by this one, as a stranger might."""

    def change(found: dict[str, bytes]) -> dict[str, bytes]:
        return {name: json.dumps(files).encode() for name in found if name.endswith(".files")}

    return change


SHA = hashlib.sha256(b"weights").hexdigest()
HOSTILE = {
    "a file above": listing({"../../evil": SHA}),
    "an absolute file": listing({"/evil": SHA}),
    "a file of Windows": listing({"C:evil": SHA, "a\\..\\evil": SHA}),
    "a hidden file": listing({".files": SHA, "a/.evil": SHA}),
    "a checkpoint, which would be resumed": listing({"checkpoint": SHA}),
    "a blob elsewhere": listing({"evil": "../" + SHA, "evil2": SHA.upper()}),
    "no digest": listing({"evil": "0" * 64}),
    "no list": lambda found: {name: b"[[" for name in found if name.endswith(".files")},
    "other content": lambda found: {name: b"evil" for name in found if name.startswith("blobs/")},
    "a file grown large": lambda found: {name: b"0" * 999 for name in found if name.startswith("blobs/")},
}


@pytest.mark.parametrize("attack", HOSTILE)
def test_no_file_of_a_stranger_leads_out_of_its_folder(
    attack: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vaebench.running.mirror.LARGEST", 500)
    upload(url, tmp_path / "one", GOOD)
    for name, content in HOSTILE[attack](objects(url)).items():
        put(url, name, content)
    folder = fetch(url, tmp_path / "two", mirrors.everything)
    assert held(folder) and not held(folder, files=True)
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name or path.name == "checkpoint"]


@pytest.mark.parametrize("attack", ["another trial", "no JSON", "large", "another digest", "up", "hidden", "odd"])
def test_no_record_of_a_stranger_is_believed_unread(attack: str, url: str, tmp_path: Path) -> None:
    upload(url, tmp_path / "one", GOOD)
    ((name, content),) = ((n, c) for n, c in objects(url).items() if n.endswith(".json"))
    stem, track = name.rpartition("/")[0], "demo@1/quick/phantom/cpu/chest"
    text = {"no JSON": b"{", "large": content + b" " * store.LARGEST}.get(attack, content)
    digest = "0" * 64 if attack == "another digest" else hashlib.sha256(text).hexdigest()
    places = {
        "another trial": f"{track}/vae-0123456789ab", "up": f"{track}/../../evil-0123456789ab",
        "hidden": f"{track}/.evil-0123456789ab", "odd": f"{track}/e vil-0123456789ab",
    }  # fmt: skip
    put(url, f"{places.get(attack, stem)}/2-{digest}.json", text)
    if attack in ("another trial", "no JSON", "another digest", "large"):
        with pytest.warns(UserWarning, match="1 invalid record, which vaebench ignores"):
            folder = fetch(url, tmp_path / "two")
    else:
        folder = fetch(url, tmp_path / "two")
    assert list(held(folder).values()) == [content]
    assert not [path for path in (tmp_path / "two").rglob("*") if "vil" in path.name]


def test_a_url_that_cannot_be_read_or_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"file://{tmp_path}/bucket"
    folder = upload(url, tmp_path / "one", GOOD)

    def denied(*_: Any, **__: Any) -> None:
        raise PermissionError("Access Denied")

    with on(tmp_path / "one"), monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("file")), "pipe_file", denied)
        with pytest.raises(Unreachable, match="cannot be written: PermissionError: Access Denied"):
            mirrors.check_writable(folder)
    with on(tmp_path / "one"), monkeypatch.context() as patch:
        patch.setattr(type(fsspec.filesystem("file")), "ls", denied)
        with pytest.raises(Unreachable, match="cannot be read: PermissionError: Access Denied"):
            mirrors.update(folder)
        with pytest.warns(UserWarning, match=r"are kept in .*; repeat the command to upload them"):
            mirrors.update_after_run(folder)


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    before = sorted(tmp_path.rglob("*"))
    for do in (mirrors.update, mirrors.check_writable, mirrors.publish, mirrors.update_after_run):
        do(tmp_path)
    with mirrors.Uploads(tmp_path) as uploads:
        uploads.add(store.below(tmp_path)[0])
    assert sorted(tmp_path.rglob("*")) == before and mirrors.named(tmp_path) == str(tmp_path)
