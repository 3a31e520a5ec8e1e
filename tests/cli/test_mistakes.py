"""A user's mistakes about data: exit code 2, and a message that names the thing and the way out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from vaebench.cli import main

RUN = ("run", "--suite", "smoke", "-m", "mean-image", "--results", "results")
DRY = (*RUN, "--dry-run")
AUDIT, VERIFY = ("data", "audit"), ("data", "verify")


def scans(root: Path, name: str = "scans") -> Path:
    """Five pictures of each of two classes."""
    for kind in "ab":
        for i in range(5):
            path = root / name / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([i, kind == "a"]).integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(path)
    return root / name


def said(root: Path, *words: str) -> tuple[int, str]:
    env = {"VAEBENCH_CACHE": str(root / "cache"), "VAEBENCH_DATA": str(root), "COLUMNS": "400"}
    done = CliRunner().invoke(main, words, env=env)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.stdout + done.stderr


def no_folder(root: Path) -> str:
    return f"folder[path={root / 'none'},healthy=a,name=mine]"


def empty_class(root: Path) -> str:
    (scans(root) / "empty").mkdir()
    return f"folder[path={root / 'scans'},healthy=a,name=mine]"


def no_classes(root: Path) -> str:
    (root / "bare").mkdir()
    return f"folder[path={root / 'bare'},healthy=a,name=mine]"


def unknown_class(root: Path) -> str:
    return f"folder[path={scans(root)},healthy=well,name=mine]"


def no_test_split(root: Path) -> str:
    scans(root, "scans/train")
    return f"folder[path={root / 'scans'},healthy=a,name=mine]"


def no_column(root: Path) -> str:
    (root / "table.csv").write_text("path,label\n")
    return f"folder[path={root / 'table.csv'},healthy=a,name=mine]"


def no_masks(root: Path) -> str:
    return f"folder[path={scans(root)},healthy=a,name=mine,masks=lesions]"


def no_patient(root: Path) -> str:
    return f"folder[path={scans(root)},healthy=a,name=mine,group=(p\\d+)]"


def few_groups(root: Path) -> str:
    return f"folder[path={scans(root)},healthy=a,name=mine,group=(a|b)]"


def table(root: Path, heading: str, *rows: str) -> str:
    scans(root)
    (root / "scans" / "table.csv").write_text("\n".join([heading, *rows]))
    return f"folder[path={root / 'scans' / 'table.csv'},healthy=a,name=mine]"


def lost_file(root: Path) -> str:
    return table(root, "file,label", "a/0.png,a", "a/9.png,a")


def outside(root: Path) -> str:
    return table(root, "file,label", "../scans/a/0.png,a")


def two_minds(root: Path) -> str:
    return table(root, "file,label", "a/0.png,a", "a/0.png,b")


def unknown_split(root: Path) -> str:
    return table(root, "file,label,split", "a/0.png,a,learn")


def half_split(root: Path) -> str:
    return table(root, "file,label,split", "a/0.png,a,train", "b/0.png,b,test", "b/1.png,b,")


def lost_mask(root: Path) -> str:
    return table(root, "file,label,mask", "b/0.png,b,b/0_mask.png")


def large_box(root: Path) -> str:
    return table(root, "file,label,x0,y0,x1,y1", "b/0.png,b,2,2,9,4")


def volumes(root: Path) -> str:
    (scans(root) / "c").mkdir()
    (root / "scans" / "c" / "t1.nii.gz").write_bytes(b"")
    return f"folder[path={root / 'scans'},healthy=a,name=mine]"


def no_volumes(root: Path) -> str:
    return f"folder[path={scans(root)},healthy=a,name=mine,slices=axial]"


def damaged_volume(root: Path) -> str:
    (root / "scans" / "a").mkdir(parents=True)
    (root / "scans" / "a" / "t1.nii").write_bytes(b"no volume")
    return f"folder[path={root / 'scans'},healthy=a,name=mine,slices=axial]"


Mistake = Callable[[Path], str]
TOLD: dict[Mistake, str] = {
    no_folder: "none does not exist. Give the folder",
    empty_class: "empty contains no pictures; add some",
    no_classes: "bare has no class subfolders; make one for each class, or give a CSV",
    unknown_class: "healthy=well: no such class; classes are ['a', 'b']",
    no_test_split: "scans defines splits, but no test split; both train and test are needed",
    no_column: "table.csv has no column 'file'; its columns are ['path', 'label']",
    no_masks: "masks=lesions: ",
    no_patient: "does not match 'a/0.png'; change the pattern or rename the file",
    few_groups: "class 'a' has 1 group, but a split by group needs 5; add pictures",
    lost_file: "table.csv, line 3: ",
    outside: "'../scans/a/0.png' is outside",
    two_minds: "line 3: the label of a/0.png is b here but a above; use one label in both rows",
    unknown_split: "line 2: split 'learn' is not one of train, val, test",
    half_split: "has none; define one for all files or none",
    lost_mask: "0_mask.png does not exist",
    large_box: "does not lie in the picture of 8 x 8 pixels; give x0 < x1",
    volumes: "c contains volumes but no pictures; choose a plane, for example slices=axial",
    no_volumes: "a contains no volumes; add some",
    damaged_volume: "t1.nii: the file is not a NIfTI-1 file with header and voxels; save both in one .nii",
}


@pytest.mark.parametrize("command", [DRY, RUN, AUDIT, VERIFY], ids=["dry", "run", "audit", "verify"])
@pytest.mark.parametrize("mistake", TOLD, ids=lambda mistake: mistake.__name__)
def test_a_mistake_about_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: Mistake, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = mistake(tmp_path)
    code, told = said(tmp_path, *command, *(("-d",) if command in (DRY, RUN) else ()), spec)
    assert code == 2 and TOLD[mistake] in told and "mine" in told, told
    assert not list(tmp_path.glob("results/**/*.json"))


@pytest.mark.parametrize("command", [DRY, AUDIT, VERIFY], ids=["dry", "audit", "verify"])
def test_a_folder_that_may_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """As the system says it of others' folders: tests may run as root, whom nothing is forbidden."""
    root, scandir = scans(tmp_path), os.scandir

    def forbidden(path: str | Path = ".") -> object:
        if Path(path) == root / "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", forbidden)
    spec = f"folder[path={root},healthy=a,name=mine]"
    code, told = said(tmp_path, *command, *(("-d",) if command is DRY else ()), spec)
    assert code == 2 and "b cannot be read (Permission denied); check the path and its permissions" in told, told


@pytest.mark.parametrize(
    "command",
    [DRY, RUN, (*AUDIT, "kermany-cxr"), (*VERIFY, "kermany-cxr"), ("data", "status"), ("check", "kermany-cxr"),
     ("score", "--metric", "psnr"), ("verify-results", ".")],
    ids=["dry", "run", "audit", "verify", "status", "check", "score", "verify-results"],
)  # fmt: skip
def test_a_data_folder_that_is_not_there(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, told = said(tmp_path, *command, "--data", str(tmp_path / "lost"))
    assert code == 2 and "lost: there is no such folder. Correct the path, or create the folder." in told, told


@pytest.mark.parametrize("command", [DRY, RUN], ids=["dry", "run"])
def test_a_dataset_that_is_named_never_vanishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """One of two folders is missing: it is told by its own name, and nothing is trained."""
    monkeypatch.chdir(tmp_path)
    good, bad = (f"folder[path={tmp_path / name},healthy=a,name={name}]" for name in (scans(tmp_path).name, "lost"))
    code, told = said(tmp_path, *command, "-d", good, "-d", bad)
    assert (
        code == 2
        and "folder[healthy=a,name=lost]: " in told
        and "Correct or download these, or run without them" in told
    )
    assert not list(tmp_path.glob("results/**/*.json"))
    code, told = said(tmp_path, *command, "-d", good, "-d", "knee-kl")
    assert code == 2 and "knee-kl: " in told and "kneeKL299" in told


def test_a_dataset_of_which_nothing_is_asked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    smoke = Path(__file__).parents[2] / "benchmarks" / "smoke.toml"
    text = smoke.read_text(encoding="utf-8").replace('name = "smoke"', 'name = "ill"')
    (tmp_path / "ill.toml").write_text(text.replace("[headline]", 'regimes = ["healthy"]\n\n[headline]', 1))
    spec = f"folder[path={scans(tmp_path)},name=mine]"
    code, told = said(tmp_path, "run", "--suite", "ill.toml", "-m", "mean-image", "-d", spec)
    assert code == 2 and "name=mine]: the images have no health labels" in told


@pytest.mark.parametrize("command", [DRY, AUDIT, VERIFY], ids=["dry", "audit", "verify"])
def test_a_table_whose_groups_stand_in_both_splits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    root = scans(tmp_path)
    rows = [f"{kind}/{i}.png,{kind},{kind}{i % 4},{'test' if i > 2 else 'train'}" for kind in "ab" for i in range(5)]
    (root / "table.csv").write_text("\n".join(["file,label,group,split", *rows]))
    spec = f"folder[path={root / 'table.csv'},healthy=a,name=mine]"
    code, told = said(tmp_path, *command, *(("-d",) if command is DRY else ()), spec)
    assert code == (1 if command is VERIFY else 0)
    assert told.count("mine: 2 train pictures were left out, because their groups are also in test") == 1


def test_the_count_in_an_error_is_the_folders(tmp_path: Path) -> None:
    root = scans(tmp_path)
    for kind in "ab":
        (root / kind / "0.png").write_bytes(b"no picture")
    code, told = said(tmp_path, *AUDIT, f"folder[path={root},healthy=a,name=mine,colour=grey]")
    assert code == 2 and "2 of 10 pictures cannot be read" in told
    assert f"b{os.sep}0.png" in told
