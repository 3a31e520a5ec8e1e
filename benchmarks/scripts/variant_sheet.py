"""Draw one picture of all variants on one dataset: originals, reconstructions, residuals and samples from the prior.

python benchmarks/scripts/variant_sheet.py results/medical@1/quick/phantom --dataset kermany-cxr --to docs/variants.png
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from vaebench.records.store import BadRecord, artifacts_of, scan

HEIGHT, GAP, LABEL = 150, 8, 14


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("track", type=Path)
    parser.add_argument("--dataset", default="kermany-cxr")
    parser.add_argument("--few", action="store_true", help="16 small images of each model instead of 49")
    parser.add_argument("--to", type=Path, required=True)
    given = parser.parse_args()
    panels = []
    for path, record in scan(given.track):
        if isinstance(record, BadRecord) or record.error:
            continue
        trial = record.trial
        if (str(trial.dataset), trial.regime, trial.seed) == (given.dataset, "all", 0):
            panels.append(panel(str(trial.model), artifacts_of(path), given.few))
    if not panels:
        parser.error(f"{given.track} has no successful record on {given.dataset} with its pictures next to it")
    columns = 3 if given.few else 2
    rows = -(-len(panels) // columns)
    width = max(p.width for p in panels)
    sheet = Image.new("L", (columns * (width + GAP), rows * (HEIGHT + LABEL + GAP)), 255)
    for number, picture in enumerate(panels):
        sheet.paste(picture, ((number % columns) * (width + GAP), number // columns * (HEIGHT + LABEL + GAP)))
    sheet.save(given.to, optimize=True)


def panel(name: str, folder: Path, few: bool) -> Image.Image:
    """Return a panel with a model's name above its reconstructions and samples."""
    shares = ((0.5, 1.0), (0.4, 0.4)) if few else ((1.0, 1.0), (1.0, 1.0))  # 4 of 8 columns; 2 of 5 columns and rows
    parts = [
        scaled(folder / f"{kind}.png", share)
        for kind, share in zip(("reconstructions", "samples"), shares, strict=True)
    ]
    shown = [part for part in parts if part]
    picture = Image.new("L", (sum(p.width + GAP for p in shown), HEIGHT + LABEL), 255)
    ImageDraw.Draw(picture).text((2, 1), name if all(parts) else f"{name} (no prior to sample from)", fill=0)
    left = 0
    for part in shown:
        picture.paste(part, (left, LABEL))
        left += part.width + GAP
    return picture


def scaled(path: Path, share: tuple[float, float]) -> Image.Image | None:
    """Return the upper left part of a picture, as a share of (width, height), scaled to the height of a panel."""
    if not path.exists():
        return None
    picture = Image.open(path).convert("L")
    picture = picture.crop((0, 0, round(picture.width * share[0]), round(picture.height * share[1])))
    return picture.resize((round(picture.width * HEIGHT / picture.height), HEIGHT), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    main()
