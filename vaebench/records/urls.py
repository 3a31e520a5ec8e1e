"""Opens URLs with fsspec; no other module opens a URL. Results and checkpoints may be kept at a URL."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit


def is_url(text: str) -> bool:
    return "://" in text


def check(url: str) -> None:
    """Raise a ValueError if no installed library supports the URL, or if it contains a password."""
    from fsspec import get_filesystem_class
    from fsspec.registry import known_implementations

    if urlsplit(url).password:
        raise ValueError(
            "A URL must not contain a password, because URLs are shown and stored. Pass credentials as documented "
            "by the library for this kind of URL; for s3, use environment variables or ~/.aws/credentials."
        )
    scheme = url.partition("://")[0]
    try:
        get_filesystem_class(scheme)
    except (ImportError, ValueError) as error:
        package = known_implementations.get(scheme, {"class": "fsspec"})["class"].partition(".")[0]
        way = f": pip install {package}" if isinstance(error, ImportError) and package != "fsspec" else ""
        raise ValueError(f"{url} cannot be reached: {error}{way}") from error


def opened(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path in it without a slash at its end."""
    from fsspec.core import url_to_fs

    files, root = url_to_fs(url)
    return files, root.rstrip("/")


def make_parent(files: Any, path: str) -> None:
    """Create the folder of a file, if the file system has folders.

    Object stores have no folders. Their paths begin with the name of a bucket, and fsspec would create the bucket even
    if its name is mistyped."""
    if path.startswith("/") or path[1:2] == ":":
        files.makedirs(path.rpartition("/")[0], exist_ok=True)


def put_if_absent(files: Any, path: str, content: bytes) -> None:
    """Store content under a name that is unique to it, such as its digest.

    If two machines store the content at once, both write the same bytes, so no lock is needed. An existing file of a
    different size was cut off and is written again."""
    with suppress(FileNotFoundError):
        if files.info(path)["size"] == len(content):
            return
    make_parent(files, path)
    files.pipe_file(path, content)


def words(error: Exception) -> str:
    """Return an error of any library behind fsspec as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
