"""Downloads from a server on this machine: resumed, checked, and never half there."""

from __future__ import annotations

import errno
import hashlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from vaebench_medical import bounds, fetch

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, np.uint8).tobytes()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Gives CONTENT, as a file called `x.npz`, in the way a test asks for."""

    daemon_threads = True
    breaks_after: int | None = None
    ranges = True
    status = 200
    asked: list[str | None]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/x.npz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append(wanted)
        if server.status != 200:
            self.send_error(server.status)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and server.ranges else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if wanted and server.ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        stop = len(CONTENT) if server.breaks_after is None else start + server.breaks_after
        self.wfile.write(CONTENT[start:stop])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as opened:
        opened.asked = []
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_download_without_end_is_stopped(server, tmp_path, monkeypatch):
    monkeypatch.setattr(bounds, "MAX_DOWNLOAD_BYTES", 1000)
    with pytest.raises(ValueError, match=r"x\.npz sends more than 1,000 bytes"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert names(tmp_path) == ["x.npz.part"] and not (tmp_path / "x.npz.part").stat().st_size


def test_a_file_arrives_once(server, tmp_path):
    target = tmp_path / "deep" / "x.npz"
    fetch.download(server.url, target, MD5)
    fetch.download(server.url, target, MD5)
    assert target.read_bytes() == CONTENT and names(target.parent) == ["x.npz"] and server.asked == [None]


def test_a_broken_connection_is_taken_up_where_it_stopped(server, tmp_path):
    server.breaks_after = 120_000
    fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == CONTENT
    assert server.asked == [None, "bytes=120000-", "bytes=240000-"]


def test_a_later_run_goes_on_from_what_is_there(server, tmp_path):
    (tmp_path / "x.npz.part").write_bytes(CONTENT[:1000])
    fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == CONTENT and server.asked == ["bytes=1000-"]


def test_a_server_without_ranges_starts_anew(server, tmp_path):
    server.ranges = False
    (tmp_path / "x.npz.part").write_bytes(b"?" * 1000)
    fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == CONTENT


def test_a_complete_part_is_only_checked(server, tmp_path):
    (tmp_path / "x.npz.part").write_bytes(CONTENT)
    fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == CONTENT and server.asked == [f"bytes={len(CONTENT)}-"]


def test_a_connection_that_gives_nothing_ends_in_an_error_and_keeps_what_came(server, tmp_path):
    server.breaks_after = 0
    (tmp_path / "x.npz.part").write_bytes(CONTENT[:1000])
    with pytest.raises(
        ValueError,
        match=r"x\.npz cannot be fetched .*after 1000 bytes, the connection broke 4 times in a row.*fetch again",
    ):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert names(tmp_path) == ["x.npz.part"] and len(server.asked) == fetch.TRIES


def test_wrong_bytes_never_get_the_name(server, tmp_path):
    with pytest.raises(ValueError, match=rf"has MD5 {MD5}, not the published {'0' * 32}; fetch again"):
        fetch.download(server.url, tmp_path / "x.npz", "0" * 32)
    assert names(tmp_path) == []


def test_a_wrong_part_does_not_poison_the_next_try(server, tmp_path):
    (tmp_path / "x.npz.part").write_bytes(b"?" * 1000)
    with pytest.raises(ValueError, match="not the published"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == CONTENT


def test_a_file_of_that_name_is_never_overwritten(server, tmp_path):
    (tmp_path / "x.npz").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"x\.npz exists, but is not the published file; move it away"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert (tmp_path / "x.npz").read_bytes() == b"mine" and server.asked == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_told(server, tmp_path, status):
    server.status = status
    with pytest.raises(ValueError, match=rf"x\.npz returns {status} .*try again later"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)


def test_no_server_is_told(tmp_path):
    with pytest.raises(ValueError, match="cannot be fetched"):
        fetch.download("http://127.0.0.1:9/x.npz", tmp_path / "x.npz", MD5)


def test_two_at_once_fetch_once(server, tmp_path):
    errors = []

    def run():
        try:
            fetch.download(server.url, tmp_path / "x.npz", MD5)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [] and server.asked == [None] and (tmp_path / "x.npz").read_bytes() == CONTENT


def test_a_full_disk_is_told_before_and_while_writing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.raises(ValueError, match=r"x\.npz cannot be written: the disk is full; free some space"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    monkeypatch.undo()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "_append", full)
    with pytest.raises(ValueError, match="the disk is full"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)
    assert "x.npz" not in names(tmp_path)


def test_a_folder_that_may_not_be_written_is_told(server, tmp_path, monkeypatch):
    def refuse(path, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ValueError, match=r"x\.npz cannot be written: Permission denied; choose another folder"):
        fetch.download(server.url, tmp_path / "x.npz", MD5)


def test_a_checksum_is_remembered_beyond_the_process(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    assert fetch.md5(path) == MD5
    hashed = []
    monkeypatch.setattr(fetch, "_md5", lambda path: hashed.append(path) or "0" * 32)
    assert fetch.md5(path) == MD5 and not hashed
    for spoilt in (b"", b"\xff" * 80, b"x" * 32):
        path.with_name(".x.md5").write_bytes(spoilt)
        assert fetch.md5(path) == "0" * 32
    assert len(hashed) == 3
    os.utime(path, (0, 0))
    assert fetch.md5(path) == "0" * 32 and len(hashed) == 4


def test_a_checksum_needs_no_writable_folder(tmp_path, monkeypatch):
    path = tmp_path / "x"
    path.write_bytes(CONTENT)
    monkeypatch.setattr(Path, "write_text", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert fetch.md5(path) == fetch.md5(path) == MD5


def test_a_checksum_is_computed_again_when_the_file_changes(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"a")
    first = fetch.md5(path)
    path.write_bytes(b"ab")
    assert (first, fetch.md5(path)) == (hashlib.md5(b"a").hexdigest(), hashlib.md5(b"ab").hexdigest())
