"""Archives of a user's download: unpacked inside their folder, whole, or refused."""

from __future__ import annotations

import errno
import re
import stat
import threading
import zipfile

import pytest

from vaebench.interfaces import NotApplicable
from vaebench_medical import archive
from vaebench_medical.kermany import KermanyCxr


def packed(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def names(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file() and p.name[0] != ".")


def test_what_is_wanted_is_unpacked(tmp_path):
    path = packed(tmp_path / "x.zip", {"a/1.txt": "1", "b/2.txt": "2", "c.txt": "3"})
    archive.unpack(path, tmp_path / "all")
    assert names(tmp_path / "all") == ["a/1.txt", "b/2.txt", "c.txt"]
    archive.unpack(path, tmp_path / "some", re.compile("^a/"))
    assert names(tmp_path / "some") == ["a/1.txt"] and (tmp_path / "some/a/1.txt").read_text() == "1"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "a\\..\\..\\evil"])
def test_names_that_lead_out_are_refused_before_anything_is_written(tmp_path, name):
    path = packed(tmp_path / "x.zip", {"good.txt": "1"})
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(zipfile.ZipInfo(name), "evil")
    with pytest.raises(ValueError, match=r"x\.zip: the member .*evil.*outside the folder"):
        archive.unpack(path, tmp_path / "inside")
    assert names(tmp_path) == ["x.zip"]


def test_links_are_refused(tmp_path):
    path = packed(tmp_path / "x.zip", {})
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match=r"x\.zip: the archive contains the link 'link'"):
        archive.unpack(path, tmp_path / "inside")
    assert names(tmp_path) == ["x.zip"]


def test_damage_leaves_nothing(tmp_path):
    path = packed(tmp_path / "x.zip", {"a/1.txt": "1" * 1000, "a/2.txt": "hello" * 100})
    whole = bytearray(path.read_bytes())
    whole[45] ^= 255  # inside the first member
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"x\.zip cannot be unpacked or is damaged.*download or copy it again"):
        archive.unpack(path, tmp_path / "inside")
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match=r"x\.zip .*is damaged"):
        archive.unpack(path, tmp_path / "inside")
    assert names(tmp_path / "inside") == []


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    path = packed(tmp_path / "x.zip", {"a/1.txt": "1", "a/2.txt": "2"})
    with monkeypatch.context() as patch:
        patch.setattr(archive.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1}))
        with pytest.raises(ValueError, match=r"x\.zip: unpacking needs .* left; free some space"):
            archive.unpack(path, tmp_path / "inside")

    def full(self, member, *args):
        if member.filename == "a/2.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return zipfile.ZipFile._extract_member(self, member, *args, None)

    monkeypatch.setattr(zipfile.ZipFile, "extract", full)
    with pytest.raises(ValueError, match=r"x\.zip cannot be unpacked .*No space left"):
        archive.unpack(path, tmp_path / "inside")
    assert names(tmp_path / "inside") == []


def test_two_at_once_do_no_harm(tmp_path):
    path = packed(tmp_path / "x.zip", {f"a/{i}.txt": str(i) for i in range(50)})
    threads = [threading.Thread(target=archive.unpack, args=(path, tmp_path / "inside")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(tmp_path / "inside")) == 50


def test_preparing_a_dataset_unpacks_what_the_user_downloaded(trees):
    tree = trees.pictures(
        {
            "train/NORMAL": ["NORMAL-1-0001.jpeg"],
            "train/PNEUMONIA": ["VIRUS-2-0001.jpeg"],
            "test/NORMAL": ["NORMAL-3-0001.jpeg"],
            "test/PNEUMONIA": ["BACTERIA-4-0001.jpeg"],
        }
    )
    members = {f"CellData/chest_xray/{p.relative_to(tree).as_posix()}": p.read_bytes() for p in tree.rglob("*.jpeg")}
    extra = {"CellData/OCT/train/CNV/CNV-1-1.jpeg": b"large", "__MACOSX/._x": b"", "CellData/chest_xray/.DS_Store": b""}
    data = tree / "data"
    with pytest.raises(NotApplicable, match=r"ZhangLabData\.zip"):
        KermanyCxr().prepare(data)
    packed(data / "kermany-cxr/ZhangLabData.zip", members | extra)
    assert not KermanyCxr().present(data)
    KermanyCxr().prepare(data)
    KermanyCxr().prepare(data)
    assert KermanyCxr().present(data) and len(KermanyCxr().load(data, 28, {}).train) == 2
    assert not (data / "kermany-cxr/CellData/OCT").exists()


def test_an_archive_of_something_else_is_told(tmp_path):
    packed(tmp_path / "kermany-cxr/other.zip", {"x.txt": "1"})
    with pytest.raises(ValueError, match="kermany-cxr: no images were found below"):
        KermanyCxr().prepare(tmp_path)
