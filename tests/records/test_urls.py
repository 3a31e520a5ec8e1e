"""URLs are opened in one place, which tells what is wrong with them before anything is computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fsspec.registry import known_implementations

from vaebench.records import urls


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("nosuch://bucket", "nosuch://bucket cannot be reached"),
        ("ftp://me:secret@host/results", "must not contain a password"),
        ("absent://bucket", "absent://bucket cannot be reached: Install it: pip install absent_fs"),
    ],
)
def test_a_url_that_cannot_be_used_is_told(url: str, told: str) -> None:
    known = {"class": "absent_fs.AbsentFileSystem", "err": "Install it"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(known_implementations, "absent", known)
        with pytest.raises(ValueError, match=told) as raised:
            urls.check(url)
    assert "secret" not in str(raised.value)


def test_no_bucket_is_made_of_a_mistyped_name(tmp_path: Path) -> None:
    class Store:
        """An object store; it has buckets, and no folders."""

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} is not called")

    urls.make_parent(Store(), "bucket/results/about.txt")
    files, root = urls.opened(f"file://{tmp_path}/results/")
    urls.make_parent(files, f"{root}/one/about.txt")
    assert (tmp_path / "results" / "one").is_dir()


def test_content_is_put_once_and_again_if_it_was_cut_off(tmp_path: Path) -> None:
    files, root = urls.opened(f"file://{tmp_path}/results")
    path = tmp_path / "results" / "blob"
    urls.put_if_absent(files, f"{root}/blob", b"content")
    before = path.stat().st_mtime_ns
    urls.put_if_absent(files, f"{root}/blob", b"content")
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"con")
    urls.put_if_absent(files, f"{root}/blob", b"content")
    assert path.read_bytes() == b"content"
