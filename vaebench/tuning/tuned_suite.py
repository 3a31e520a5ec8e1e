"""The results of a search: a suite file with the chosen parameters, and a table of all trials."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vaebench.components.registry import registry
from vaebench.errors import UserError
from vaebench.planning.suite import NAME, load
from vaebench.planning.suite_writer import written
from vaebench.records.clean import clean
from vaebench.records.store import write_atomically
from vaebench.trial import Spec, Value, plain
from vaebench.tuning.question import Question
from vaebench.tuning.search import Result

MARK = "Written by `vaebench tune`"


def refuse_foreign(path: Path) -> None:
    """Raise a UserError, before the search, if the tuned suite could not be written to this path afterwards."""
    if path.suffix != ".toml" or not NAME.fullmatch(path.stem):
        raise UserError(
            f"--to {path}: give a .toml file whose name begins with a letter or digit and contains only letters, "
            "digits, and - + . _"
        )
    if not path.absolute().parent.is_dir():
        raise UserError(f"--to {path}: there is no folder {path.parent}")
    ours = path.exists() and path.read_text(encoding="utf-8", errors="replace").startswith(f"# {MARK}")
    for file in (path, path.with_suffix(".md")):
        if file.exists() and not ours:
            raise UserError(f"--to {path}: {file} was not written by `vaebench tune`; choose another file.")


def write(asked: Question, results: Sequence[Result], budget: int, path: Path) -> list[Path]:
    """Write the suite file, and the table next to it; return their paths."""
    table = path.with_suffix(".md")
    texts = {str(one.contender): _text(asked, one.best.model, one.contender.loss) for one in results}
    notes = {texts[str(one.contender)]: note(asked, one) for one in results}
    head = f"{MARK}. All trials: {table.name}"
    data = _suite(asked, texts, budget, path.stem)
    write_atomically(path, written(data, notes, head).encode())
    load(path)  # raises an error now if the file cannot be read
    write_atomically(table, "\n".join(_table(asked, results, f"{asked.suite}, tuned {data['tuned']}")).encode())
    return [path, table]


def _suite(asked: Question, chosen: Mapping[str, str], budget: int, name: str) -> dict[str, Any]:
    """Return the user's suite with the chosen parameters, reduced to one preset, one regime and the tuned headline."""
    suite, plan, own = asked.suite, asked.plan, tomllib.loads(asked.suite.text)
    preset = {key: value for key, value in own["presets"][plan.preset].items() if key not in ("models", "datasets")}
    preset.pop("regimes", None)
    metrics = preset.pop("metrics", own["metrics"])
    floors = [one for one in suite.verdicts.floor_models if one in suite.presets[plan.preset].models]
    entrants = {f"{t.model} + {t.loss}" if t.loss else str(t.model): t for t in plan.trials}
    models = [chosen.get(who) or _text(asked, t.model, t.loss) for who, t in entrants.items()]
    datasets = list(dict.fromkeys(str(_public(asked, "datasets", one.spec)) for one in plan.datasets))
    said = {
        "models": floors,
        "untrained": [one for one in suite.verdicts.untrained if one in floors],
        asked.verdict: [one for one in suite.verdicts.floor_metrics.get(asked.verdict, ()) if one in metrics],
    }
    prices = [one for one in suite.verdicts.prices.get(asked.verdict, ()) if one in metrics]
    margins = {one: margin for one, margin in suite.verdicts.margins.items() if one in metrics}
    steps = plan.settings.steps
    trials = f"{budget} trial{'s' * (budget > 1)} of {steps} step{'s' * (steps > 1)}"
    where = ", ".join(one.spec.name for one in plan.datasets)
    made = {
        "name": name,
        "version": 1,
        "title": f"Models of {suite.name}, tuned for {asked.verdict}",
        "tuned": f"for {asked.verdict} with {trials} on validation images of {where}",
        "datasets": datasets,
        "models": list(dict.fromkeys([*models, *floors])),
        "metrics": metrics,
        "regimes": [asked.regime],
        "summary": [one for one in suite.verdicts.summary if one in metrics],
        "headline": {asked.verdict: asked.metric},
        "floors": {key: names for key, names in said.items() if names},
        "margins": margins,
        "prices": {asked.verdict: prices} if prices else {},
        "presets": {plan.preset: preset},
    }
    return {key: value for key, value in made.items() if value or key == "version"}


def _public(asked: Question, kind: str, spec: Spec) -> Spec:
    """Return a spec that is valid in any suite, with its distribution's prefix if other suites need the prefix."""
    offer = registry().at(asked.suite.home).get(kind, spec.name)
    return Spec(registry().canonical(kind, offer), spec.params)


def _text(asked: Question, model: Spec, loss: Spec | None) -> str:
    """Return a model as a suite names it, with its loss unless that is the model's default."""
    default = registry().at(asked.suite.home).get("models", model.name).component.default_loss
    params: dict[str, Value] = dict(model.params)
    if loss is not None and str(loss) != default:
        params["loss"] = str(loss)
    return str(_public(asked, "models", Spec(model.name, params)))


def note(asked: Question, result: Result) -> str:
    """Return the result of the search in one line."""
    best, default = result.best, result.tried[0]
    if best.outcome.value is None:
        return f"tuning failed: {clean(best.outcome.reason, 200)}"
    if default.outcome.value is None:
        before = "no value by default, because the trial failed"
    else:
        before = f"{default.outcome.value:.4g} by default"
    if best is default:
        return f"{asked.metric} on validation images: {before}; none of {len(result.tried)} trials was better"
    return f"{asked.metric} on validation images: {before}, {best.outcome.value:.4g} with these parameters"


def _table(asked: Question, results: Sequence[Result], title: str) -> Iterator[str]:
    yield f"# {clean(title, 400)}"
    yield ""
    better = f"{asked.metric} ({asked.better} is better)"
    mean = ", averaged over datasets," if len(asked.plan.ready) > 1 else ""
    yield (
        "Every method had the same number of trials, the first with its default parameters. The tables show "
        f"{better}{mean} on validation images; no test image was read. The chosen trial is bold."
    )
    for result in results:
        yield from _rows(asked, result)
    yield ""


def _rows(asked: Question, result: Result) -> Iterator[str]:
    names, datasets = list(result.contender.ranges), list(asked.plan.ready) if len(asked.plan.ready) > 1 else []
    yield ""
    yield f"## {clean(str(result.contender), 200)}"
    yield ""
    head = ["trial", *names, asked.metric, *datasets, "note"]
    yield f"| {' | '.join(map(_cell, head))} |"
    yield "|---" * len(head) + "|"
    for number, one in enumerate(result.tried):
        values = one.model.params if number else result.contender.defaults
        shown = [plain(values[name]) if name in values else "—" for name in names]
        value = f"{one.outcome.value:.4g}" if one.outcome.value is not None else "—"
        parts = [f"{one.outcome.values[name]:.4g}" if name in one.outcome.values else "—" for name in datasets]
        chosen = one is result.best and one.outcome.value is not None
        note = one.outcome.reason or ("" if number else "default")
        cells = [str(number), *shown, f"**{value}**" if chosen else value, *parts, note]
        yield f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    return clean(text, 300).replace("|", "\\|")
