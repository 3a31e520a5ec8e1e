"""Results and checkpoints in a bucket: a run on one machine, and on another one that shares nothing but the bucket.

Run before a release: `pip install ".[test,s3]" "moto[server]"`, then `pytest -m long tests/integrations/test_s3.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from laboratory import Lab, answers, job
from results_at_url import fetch, held, made, on, said, upload

from vaebench.records import store, urls
from vaebench.running import mirrors
from vaebench.running.keeper import keeper_at
from vaebench.running.remote import Unreachable
from vaebench.running.worker import blank

pytestmark = [pytest.mark.integrations, pytest.mark.long]
RUN = ("run", "--suite", "lab", "-m", "steady", "-d", "lab-xray", "--seeds", "0", "--preset", "tiny")


@pytest.fixture(scope="module", autouse=True)
def server() -> Iterator[str]:
    """The address of a server that speaks S3, with an empty bucket."""
    import s3fs
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(port=0)
    running.start()
    host, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "key")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("bucket")
        yield host
    running.stop()


def test_machines_share_records_and_files(tmp_path: Path) -> None:
    url = "s3://bucket/shared"
    first = upload(url, tmp_path / "one", *(made(seed=seed) for seed in range(3)))
    second = fetch(url, tmp_path / "two", mirrors.everything)
    assert held(second) == held(first) and held(second, files=True) == held(first, files=True) != {}
    upload(url, tmp_path / "two", made(seed=3))
    assert len(held(fetch(url, tmp_path / "one"))) == 4


def test_a_mistyped_bucket_is_told_and_not_made(tmp_path: Path) -> None:
    with on(tmp_path):
        folder = mirrors.folder_of("s3://bukcet/results")
        for _ in range(2):
            with pytest.raises(Unreachable, match=r"s3://bukcet/results cannot be written: FileNotFoundError"):
                mirrors.check_writable(folder)


def test_checkpoints_are_kept_in_a_bucket(lab: Lab, tmp_path: Path) -> None:
    record = blank(job(tmp_path).job, "cpu")
    one, two = (keeper_at("s3://bucket/kept", tmp_path / name, "cpu", 0.0, False) for name in ("one", "two"))
    assert two.load(record) is None
    for step in (1, 2):
        one.save(record, {"step": step})
    assert two.load(record) == {"step": 2}
    two.drop(record.trial)
    assert one.load(record) is None


RUN = ("run", "--suite", "lab", "-m", "steady", "-d", "lab-xray", "--seeds", "0", "--preset", "tiny")


def test_a_run_uploads_its_trials_and_another_machine_repeats_none(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "s3://bucket/results"
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
    told = said(tmp_path / "two", "score", "--suite", "lab", "--preset", "tiny", "--metric", "psnr", "--results", url)
    assert "2 checkpoints to measure" in told and lab.trained() == trained
    with on(tmp_path / "one"):
        mirrors.update(first, mirrors.everything)
    assert answers(first) == answers(second)
    assert all("psnr" in store.read(path).metrics for path in store.below(first))
