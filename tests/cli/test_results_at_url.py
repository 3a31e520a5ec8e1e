"""Commands that accept a URL in place of a results folder, as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from results_at_url import made, objects, on, said, upload

import vaebench

SUITE = str(Path(__file__).with_name("demo.toml"))


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A URL with the records of three models; all commands are given on another machine."""
    url = f"memory://{tmp_path}/results"
    upload(url, tmp_path / "one", *(made(model=model, seed=seed) for model in ("vae", "pca", "ae") for seed in (0, 1)))
    return url


def test_records_at_a_url_are_read(url: str, tmp_path: Path) -> None:
    two = tmp_path / "two"
    assert "demo@1/quick/phantom: 6 good" in said(two, "status", "--results", url)
    upload(f"{url}-2", tmp_path / "one", made(model="vae", seed=7))
    assert f"Only in {url}-2: demo@1" in said(two, "compare", url, f"{url}-2")
    board = said(two, "leaderboard", "--suite", SUITE, "--results", url, "--with", f"{url}-2", "--format", "csv")
    assert "vae" in board and not any("leaderboard" in name for name in objects(url)), "it includes others' records"
    with on(two):
        frame = vaebench.load(url)
        assert sorted(set(frame["model"])) == ["ae", "pca", "vae"] and Path(frame["path"][0]).is_file()


def test_boards_are_written_to_the_url(url: str, tmp_path: Path) -> None:
    assert f"board files to {url}" in said(tmp_path / "two", "leaderboard", "--suite", SUITE, "--results", url)
    assert {"leaderboard.csv", "leaderboard.html", "chest.md"} <= {name.rpartition("/")[2] for name in objects(url)}


@pytest.mark.parametrize("command", ["run", "leaderboard", "status", "index"])
@pytest.mark.parametrize(
    ("bad", "told"),
    [("nosuch://bucket", "nosuch://bucket cannot be reached"), ("memory://a:b@c/d", "must not contain a password")],
)
def test_a_url_that_cannot_be_used_ends_the_command(command: str, bad: str, told: str, tmp_path: Path) -> None:
    assert told in said(tmp_path, command, "--results", bad, code=2)


@pytest.mark.parametrize("command", ["leaderboard", "status", "index"])
def test_a_url_without_records_is_named(command: str, tmp_path: Path) -> None:
    assert f"memory://{tmp_path}/none" in said(tmp_path, command, "--results", f"memory://{tmp_path}/none", code=2)
