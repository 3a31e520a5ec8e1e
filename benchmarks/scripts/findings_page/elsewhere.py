"""The parts of docs/findings.md that do not come from records: published results, the effect of twins, and gaps."""

from __future__ import annotations

from pathlib import Path

from .quoted import Part, Quoted, listed

PUBLISHED = {"ae": "85.9 ±0.3", "vae": "85.3 ±0.4"}
DATASETS = "docs/datasets.md"
TWINS = ("published", "published-clean", "grouped")
"""Rows of the table of twins in docs/datasets.md. PCA-64 is the last column, and PCA-16 the third from the end."""
MISSING = {
    "medical-real@1/study/real/*/brain-mri": "**Longer training.** The preset `study` has been run on "
    "`kermany-cxr` only.",
    "medical@1/standard/real": "**Training on a GPU.** No records of the preset `standard` are committed yet.",
}


def published(parts: list[Part], root: Path) -> tuple[str, list[Quoted]]:
    """Return the comparison with published results, and the effect of twins from the table in docs/datasets.md."""
    lines = (root / DATASETS).read_text(encoding="utf-8").splitlines()
    rows = {
        one.split("`")[1]: [cell.strip() for cell in one.split("|")[1:-1]] for one in lines if one.startswith("| `")
    }
    quoted = [Quoted(told, "published", who=model) for model, told in PUBLISHED.items()]

    def quote(name: str, number: str) -> str:
        quoted.append(Quoted(number, DATASETS, kind="row", who=name))
        return number

    table = [
        "| split of `brain-mri` | healthy test images | with a twin in the training split | PCA-16 | PCA-64 |",
        "| --- " * 5 + "|",
    ]
    for name in TWINS:
        healthy, twins = (rows[name][column].split(", ")[1] for column in (1, 3))
        numbers = (quote(name, number) for number in (healthy, twins, rows[name][-3], rows[name][-1]))
        table.append(f"| `{name}` | {' | '.join(numbers)} |")
    known, new = (quote(name, rows[name][-1]) for name in ("published", "grouped"))
    plain, variational = PUBLISHED["ae"], PUBLISHED["vae"]
    ours = [told for part in parts if part.dataset == "brain-mri" and (told := measured(part))]
    compared = (
        f"In our records, without twins and with all tumours, the AUROC of the raw residual is {', and '.join(ours)}."
    )
    texts = [
        "## Comparison with published numbers, with and without twins",
        f"For a brain MRI collection of the same origin as `brain-mri`, published AUROCs are {plain} % for an "
        f"autoencoder and {variational} % for a VAE, both trained on healthy images only. The models separate normal "
        "images from images with glioma or meningioma (64 px, codes of 16 numbers). Image size, code size and dataset "
        "are the defaults in the code of [MedIAnomaly](https://arxiv.org/abs/2404.04518), which trains on this dataset "
        "for far longer than the presets on this page. The paper could not be accessed when this page was made, so "
        "check the two numbers before you quote them. "
        + (compared if ours else "There are no committed records of brain MRI to compare with yet."),
        "Published results may be inflated by twins: test images that are near-duplicates of training images. The "
        "table shows how much twins can change the AUROC with which the PCA residual separates healthy images from "
        "tumours:",
        "\n".join(table),
        "    python benchmarks/scripts/twins.py DIR",
        f"Without twins, the AUROC of PCA-64 {'falls' if float(new) < float(known) else 'changes'} from {known} to "
        f"{new} ([more](datasets.md#brain-mri-and-its-published-split)). "
        + ("" if ours else "It is not known yet whether autoencoders lose as much."),
    ]
    return "\n\n".join(texts).rstrip(), quoted


def measured(part: Part) -> str:
    """Return the AUROC of the raw residual of the same two models in our records, in words."""
    column = part.column("anomaly-auroc")
    found = {e.model: e for e in part.board.entrants if e.model in PUBLISHED}
    if not column or not found:
        return ""
    told = listed([f"{part.number(column, entrant)} for `{model}`" for model, entrant in sorted(found.items())])
    return f"{told} (preset `{part.board.preset}`)"


def still_open(parts: list[Part], reference: Path) -> str:
    told = [text for pattern, text in MISSING.items() if not list(reference.glob(pattern))]
    seen = {part.dataset for part in parts}
    if left := [
        f"`{name}`" for name in dict.fromkeys(n for part in parts for n in part.board.expected) if name not in seen
    ]:
        told.append(f"**Other images.** There are no records for the real images of {listed(left)}.")
    told.append(
        "**Phantoms** show whether a method works, not how well it works on patients. Boards of phantoms are not used "
        "on this page."
    )
    return "## Open questions\n\n" + "\n".join(f"- {one}" for one in told)
