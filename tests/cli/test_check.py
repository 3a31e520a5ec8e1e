"""`vaebench check`: which variant was checked, and real images in a folder that is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from click.testing import CliRunner
from PIL import Image

from vaebench.checks import tasks
from vaebench.cli import main
from vaebench.components.registry import registry


def test_a_dataset_of_real_images_alone_is_checked_with_its_parameters(tmp_path: Path) -> None:
    for kind in ("ill", "well"):
        for i in range(10):
            path = tmp_path / "scans" / kind / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.random.default_rng([i, kind == "ill"]).integers(0, 256, (28, 28), np.uint8)).save(path)
    spec = f"folder[path={tmp_path / 'scans'},healthy=well,colour=grey]"
    done = CliRunner().invoke(main, ["check", spec, "--data", str(tmp_path)], env={"COLUMNS": "400"})
    assert done.output.startswith("vaebench:folder[colour=grey,healthy=well,path=")
    assert "passed real-images" in done.output and done.exit_code == 0, done.output
    (tmp_path / "scans/ill/0.png").write_bytes(b"no picture")
    done = CliRunner().invoke(main, ["check", spec, "--data", str(tmp_path)], env={"COLUMNS": "400"})
    assert "failed real-images" in done.output and "1 of 20 pictures cannot be read" in done.output
    assert done.exit_code == 1


def test_real_images_that_are_not_where_the_user_says_are_a_failure(tmp_path: Path) -> None:
    (offer,) = registry().offers("datasets")["knee-kl"]
    for data, status in ((tmp_path, "failed"), (None, "skipped")):
        (task,) = [task for task in tasks(offer, {}, data=data) if task.name == "real-images"]
        outcome = task.run()
        assert outcome.status == status and "kneeKL" in outcome.reason, outcome
