"""Commands that accept a URL in place of a results folder, as a user types them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from laboratory import Lab
from results_at_url import fetch, held, made, on, upload

import vaebench
from vaebench.cli import main
from vaebench.records import store, urls

SUITE = str(Path(__file__).with_name("demo.toml"))


def said(machine: Path, *words: str, code: int = 0) -> str:
    """What a command printed on a machine, without line breaks."""
    with on(machine):
        done = CliRunner().invoke(main, words, env={"COLUMNS": "300"})
    told = " ".join((done.stdout + done.stderr).split())
    assert done.exit_code == code and "Traceback" not in told, f"{told}{done.exception!r}"
    return told


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A URL with the records of three models; all commands are given on another machine."""
    url = f"memory://{tmp_path}/results"
    upload(url, tmp_path / "one", *(made(model=model, seed=seed) for model in ("vae", "pca", "ae") for seed in (0, 1)))
    return url


def test_records_at_a_url_are_read(url: str, tmp_path: Path) -> None:
    two = tmp_path / "two"
    assert "demo@1/quick/phantom: 6 good" in said(two, "status", "--results", url)
    board = said(two, "leaderboard", "--suite", SUITE, "--results", url)
    assert "Uploaded" in board and url in board
    assert "leaderboard.html" in str(urls.opened(url)[0].find(urls.opened(url)[1]))
    assert "vae" in said(two, "compare", "vae", "pca", "--suite", SUITE, "--results", url)
    upload(f"{url}-2", tmp_path / "one", made(model="vae", seed=7))
    both = said(
        two, "leaderboard", "--suite", SUITE, "--results", url, "--with", f"{url}-2", "--all", "--format", "csv"
    )
    assert "7" in both
    assert f"Only in {url}-2: demo@1" in said(two, "compare", url, f"{url}-2")
    assert "6 records" in said(two, "verify-results", url, "--suite", SUITE, code=1)  # the records are made up
    with on(two):
        frame = vaebench.load(url)
        assert sorted(set(frame["model"])) == ["ae", "pca", "vae"] and store.read(Path(frame["path"][0])).seed == 0


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


RUN = ("run", "--suite", "lab", "-m", "steady", "-d", "lab-xray", "--seeds", "0", "--preset", "tiny")


def test_a_run_uploads_its_trials_and_another_machine_repeats_none(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"memory://{tmp_path}/results"
    with monkeypatch.context() as patch:
        patch.setattr(urls, "make_parent", lambda *_: (_ for _ in ()).throw(PermissionError("Access Denied")))
        told = said(tmp_path / "one", *RUN, "--results", url, code=2)
        assert "cannot be written: PermissionError: Access Denied" in told and not lab.trained()
    with monkeypatch.context() as patch:
        patch.setattr(urls, "put_if_absent", lambda *_: (_ for _ in ()).throw(ConnectionError("the network is gone")))
        told = said(tmp_path / "one", *RUN, "--results", url)
        assert "ConnectionError: the network is gone" in told and "are kept in" in told
    trained = lab.trained()
    assert trained and not held(fetch(url, tmp_path / "two"))
    assert "Nothing to train" in said(tmp_path / "one", *RUN, "--results", url)
    first = fetch(url, tmp_path / "one")
    assert "Nothing to train" in said(tmp_path / "two", *RUN, "--results", url)
    assert lab.trained() == trained
    second = fetch(url, tmp_path / "two")
    assert held(second) == held(first)
    assert not any(store.weights_of(path).exists() for path in store.below(second)), "they are fetched when needed"
    assert "are only measured again" in said(
        tmp_path / "two", "score", "--suite", "lab", "--preset", "tiny", "--metric", "psnr", "--results", url
    )
