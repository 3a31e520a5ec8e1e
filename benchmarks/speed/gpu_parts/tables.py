"""The tables of docs/speed.md from the file of a run; missing values are shown as "not measured"."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

NOT = "not measured"
LOOPS = ("bare", "fused", "channels_last", "both")
Found = Mapping[str, Mapping[str, Any]]
"""Name of a measurement -> its result."""


def all_of(path: Path) -> str:
    """Return all tables of a file; without a file, all values are "not measured"."""
    content = json.loads(path.read_text()) if path.exists() else {}
    measured = content.get("measured", {})
    parts = [f"### {title}\n\n{draw(measured.get(part, {}))}" for title, part, draw in TABLES]
    return "\n\n".join([_device(content.get("about", {})), *parts]) + "\n"


def _device(about: Mapping[str, Any]) -> str:
    if not about:
        return f"Device: {NOT}."
    software = about.get("software", {})
    torch = software.get("packages", {}).get("torch") or software.get("torch", "?")
    what = f"Device: {about['device']}, {about['cores']} cores; torch {torch}, CUDA {about['cuda']}"
    return f"{what}, cuDNN {about.get('cudnn')}; {about['started'][:10]}."


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with the first column left-aligned and the others right-aligned."""
    rows = rows or [[NOT] * len(header)]
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [header, rule, *rows])


def number(value: Any, digits: int = 1) -> str:
    """Return a number in readable form."""
    if value is None or value != value:
        return NOT
    return f"{value:,.{digits}f}"


def times(one: Any, other: Any) -> str:
    return number(one / other, 2) if one and other else NOT


def correctness(found: Found) -> str:
    kinds = ("again", "resumed", "graphs", "graphs again", "graphs resumed")
    names = list(dict.fromkeys(name.partition(":")[0] for name in found))
    rows = []
    for name in names:
        first = found.get(f"{name}: first", {})
        ops = first.get("nondeterministic")
        told = first.get("error") or first.get("status") or NOT
        cells = [_equal(found.get(f"{name}: {kind}", {})) for kind in kinds]
        listed = NOT if ops is None else ", ".join(f"`{op}`" for op in ops) or "none"
        rows.append([name, _cell(told), str(first.get("metrics", NOT)), *cells, listed])
    return table(["model", "trial", "metrics", *kinds, "non-deterministic operations"], rows)


def _equal(found: Mapping[str, Any]) -> str:
    if found.get("error"):
        return _cell(found["error"])
    if "equal" not in found:
        return NOT
    if found["equal"]:
        return "equal"
    apart = found.get("largest relative difference of a loss")
    return f"differs, losses by {apart:.1e}" if apart is not None else "differs"


def _cell(text: str) -> str:
    """Return the text in a form that is safe in a table cell."""
    return " ".join(str(text).split()).replace("|", "/")[:80]


def launches(found: Found) -> str:
    header = ["model, preset, stage", "launches", "waits", "ms", "GPU busy", "launches, graphs", "ms, graphs", "faster"]
    rows = []
    for name, eager in found.items():
        if name.endswith(", graphs"):
            continue
        captured = found.get(f"{name}, graphs", {}).get("stages", {})
        if "stages" not in eager:
            rows.append([name, _cell(eager.get("error", NOT)), *[NOT] * 6])
        for stage, one in eager.get("stages", {}).items():
            other = captured.get(stage, {})
            all_launches = other["launches"] + other["graph launches"] if "launches" in other else None
            busy = one.get("busy")
            rows.append(
                [
                    f"{name}, {stage}",
                    number(one.get("launches"), 0),
                    number(one.get("waits")),
                    number(one.get("ms"), 2),
                    NOT if busy is None else f"{100 * busy:.0f} %",
                    number(all_launches, 0),
                    number(other.get("ms"), 2),
                    times(one.get("ms"), other.get("ms")),
                ]
            )
    return table(header, rows)


def peaks(found: Found) -> str:
    kinds = ("product", "convolution", "convolution, channels_last")
    rows = [
        [name.removeprefix("peak, "), *(number(one.get(f"{kind} TFLOP/s"), 0) for kind in kinds)]
        for name, one in found.items()
        if name.startswith("peak")
    ]
    return table(["TFLOP/s", *kinds], rows)


def contenders(found: Found) -> str:
    who = ("harness", "harness, graphs", *LOOPS, "pythae")
    rows = []
    for name, one in found.items():
        if name.endswith(" px") and not name.startswith("options"):
            rates = one.get("images/s", {})
            ours = rates.get("harness, graphs", rates.get("harness"))
            best = max((rates[key] for key in LOOPS if key in rates), default=None)
            numbers = [number(rates.get(key), 0) for key in who]
            rows.append([name, *numbers, times(ours, best), times(ours, rates.get("pythae"))])
    return table(["network", *who, "harness with graphs / best loop", "harness with graphs / pythae"], rows)


def choices(found: Found) -> str:
    """Return a row per option and a column per size: images per second of the first, multiples for the others."""
    sizes = {name.removeprefix("options, "): one for name, one in found.items() if name.startswith("options")}
    options = list(dict.fromkeys(option for one in sizes.values() for option in one.get("images/s", {})))
    rows = []
    for option in options:
        cells = []
        for one in sizes.values():
            rates = one.get("images/s", {})
            first = next(iter(options))
            cells.append(
                f"{number(rates.get(first), 0)} images/s"
                if option == first
                else times(rates.get(option), rates.get(first))
            )
        rows.append([option, *cells])
    peak = found.get("peak, TF32", {}).get("convolution, channels_last TFLOP/s")
    if peak:
        best = [max(one.get("TFLOP/s", {0: 0.0}).values()) for one in sizes.values()]
        what = "throughput of the fastest option, as a share of the peak for TF32 convolutions"
        rows.append([what, *(f"{100 * b / peak:.1f} %" for b in best)])
    return table(["option", *(sizes or ["images/s"])], rows)


def slots(found: Found) -> str:
    rows = [
        [name, number(one.get("trials an hour"), 0), str(one.get("trials", NOT)), number(one.get("span s"), 0)]
        for name, one in sorted(found.items(), key=lambda item: int(item[0]) if item[0].isdecimal() else 0)
    ]
    return table(["slots", "trials an hour", "trials", "s"], rows)


def memory(found: Found) -> str:
    rows = [
        [name, number(one.get("parameters"), 0), number(one.get("MB"), 0), number(one.get("MB reserved"), 0),
         number(found.get(f"{name}, graphs", {}).get("MB"), 0)]
        for name, one in found.items() if not name.endswith(", graphs")
    ]  # fmt: skip
    return table(["model", "parameters", "MB", "MB reserved", "MB, graphs"], rows)


def trials(found: Found) -> str:
    one = found.get("standard", {})
    rows = [
        [name, number(one.get("models", {}).get(name, {}).get("measure_seconds")), number(spent, 0)]
        for name, spent in one.get("seconds of a whole trial", {}).items()
    ]
    whole = f"all {one['trials of the suite']} trials, {one['slots']} at once" if "hours of the suite" in one else ""
    if whole:
        rows.append([whole, "", f"{number(one['hours of the suite'])} hours"])
    return table(["model", "measuring, s", "a whole trial, s"], rows)


def run(found: Found) -> str:
    rows = [
        [f"`{one.get('command', name)}`", str(one.get("trials", NOT)), str(len(one.get("failed", []))),
         number(one.get("wall s"), 0), number(one.get("trials an hour"), 0)]
        for name, one in found.items()
    ]  # fmt: skip
    return table(["command", "trials", "failed", "s", "trials an hour"], rows)


TABLES: list[tuple[str, str, Callable[[Found], str]]] = [
    ("Does every model train, with bit-identical results?", "correctness", correctness),
    ("Launches and time of a training step", "launches", launches),
    ("The card's peak", "speed", peaks),
    ("Compared with a bare loop and pythae, images/s", "speed", contenders),
    ("Effect of each option on a GPU", "speed", choices),
    ("Trials at once", "slots", slots),
    ("Memory of the card", "memory", memory),
    ("The preset standard, projected", "trials", trials),
    ("A real run", "run", run),
]
"""Title, part, and the function that makes the table."""
