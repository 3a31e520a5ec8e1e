"""The single definition of a trial's record.

The JSON schema, the validation, the columns of DataFrames and the reference page in the docs are all derived from these
classes, so a new field takes one line here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, convert, field, to_builtins
from msgspec import json as coder

from vaebench.trial import Direction, Regime, Settings, Trial, Verdict

SCHEMA = "vaebench/record@1"
Scalar = bool | int | float | str | None
Status = Literal["ok", "failed", "timeout"]
Kind = Literal["oom", "nan", "signal", "exception", "timeout", "lost"]
MOST = 2**53
"""The largest integer that every JSON reader represents exactly and that tables can store."""
Whole = Annotated[int, Meta(ge=0, le=MOST)]
Step = Annotated[int, Meta(ge=-MOST, le=MOST)]
Shape = tuple[Whole, Whole, Whole]
Share = Annotated[float, Meta(ge=0, le=1)]


class BadRecord(Exception):
    """Raised for a file that is not a valid record; the message gives the reason and what to do."""


class Failure(Struct, forbid_unknown_fields=True):
    """The reason why a trial has no result."""

    kind: Kind
    message: str


class Part(Struct, forbid_unknown_fields=True):
    """The value of a metric for a part of the images or findings, such as one label or one lesion size."""

    value: float
    error: float | None = None
    n: Whole | None = None


class Cell(Struct):
    """The result of one metric, with the metric's declarations. Fields that no longer exist (such as `primary`, which
    metrics used to declare) are ignored, so that older records stay valid."""

    title: str
    verdict: Verdict
    version: Whole
    better: Direction
    unit: str
    regime: Regime
    value: float | None
    variant: Annotated[str, Meta(description="such as scales or extractor; each variant has its own column")] = ""
    error: Annotated[float | None, Meta(description="standard error from resampling the images")] = None
    n: Whole | None = None
    optimised: Annotated[bool, Meta(description="the model or its loss optimises this metric")] = False
    reason: Annotated[str, Meta(description="why there is no value")] = ""
    patients: Annotated[
        Whole | None,
        Meta(description="number of patients behind the value; with several classes, that of the smallest class"),
    ] = None
    classes: Annotated[Whole, Meta(description="number of classes that the metric compares, or 1")] = 1
    widening: Annotated[
        float,
        Meta(ge=1e-3, le=1e6, description="factor for the resampling variance, which is too small if patients are few"),
    ] = 1.0
    freedom: Annotated[float, Meta(ge=1, le=200, description="degrees of freedom of the resampling variance")] = 200.0
    warning: Annotated[str, Meta(description="why the value should be read with caution")] = ""
    follows: Annotated[
        dict[str, Annotated[float, Meta(ge=-1, le=1)]],
        Meta(description="rank correlation, over images, of each trivial trait with the score behind the value"),
    ] = {}
    beside: Annotated[
        dict[str, float], Meta(description="other numbers of the same model, to be correlated with the value")
    ] = {}
    parts: dict[str, Part] = {}
    replicates: Annotated[
        list[float | None], Meta(description="the value on each resample of the patients; models share resamples")
    ] = []

    def __post_init__(self) -> None:
        if self.value is None and not self.reason:
            raise ValueError("the metric has neither a finite value nor a reason")


USUAL = {"patients": None, "classes": 1, "widening": 1.0, "freedom": 200.0}
"""The defaults of a cell's fields about patients, which older records lack."""
NUMBER_OR_REASON: dict[str, Any] = {
    "anyOf": [
        {"properties": {"value": {"type": "number"}}},
        {"required": ["reason"], "properties": {"reason": {"minLength": 1}, "value": {"type": "null"}}},
    ]
}


class Cost(Struct):
    """The cost of the trial; empty for a trial without a result."""

    train_seconds: float | UnsetType = UNSET
    measure_seconds: float | UnsetType = UNSET
    seconds: Annotated[float | UnsetType, Meta(description="duration of the whole trial")] = UNSET
    images_per_second: float | UnsetType | None = UNSET
    times_resumed: Annotated[Whole | UnsetType, Meta(description="number of resumptions from a checkpoint")] = UNSET
    peak_memory_bytes: Whole | UnsetType = UNSET
    parameters: Whole | UnsetType = UNSET
    parts: Annotated[dict[str, Whole] | UnsetType, Meta(description="parameters of each part of the model")] = UNSET
    code_size: Whole | UnsetType | None = UNSET
    reconstruction_flops: Annotated[
        Whole | UnsetType | None, Meta(description="FLOPs of one reconstruction; a multiply-add counts as two")
    ] = UNSET

    def get(self, name: str) -> Any:
        """Return a cost by its name; None if it is unknown."""
        value = getattr(self, name)
        return None if value is UNSET else value


class Inputs(Struct):
    """The inputs of the trial."""

    data: Annotated[str, Meta(description="SHA-256 of the images")]
    components: Annotated[dict[str, Whole], Meta(description="`model vae` -> version")]
    origin: Annotated[str, Meta(description="source of the images; datasets with the same patients share it")] = ""
    parameters: Annotated[Mapping[str, Scalar], Meta(description="the model's parameters, including defaults")] = {}
    shape: Annotated[Shape | None, Meta(description="channels, height and width of an image")] = None
    shortcuts: Annotated[
        dict[str, Share], Meta(description="AUROC of trivial features of the test images, in the regime `healthy`")
    ] = {}
    twins: Annotated[Whole, Meta(description="number of test images with a twin in train or val")] = 0


class Device(Struct):
    """The device that the trial ran on; numbers are bit-identical within one class."""

    kind: str = field(name="class")
    name: str = ""
    threads: Whole = 1
    precision: Annotated[str, Meta(description="precision of training; evaluation uses full float32")] = "float32"
    layout: Annotated[str, Meta(description="memory layout of weights; missing in older records")] = ""
    fused: Annotated[bool | None, Meta(description="whether PyTorch's fused Adam was used")] = None
    graphs: Annotated[bool | None, Meta(description="whether training steps were replayed as CUDA graphs")] = None


class Record(Struct):
    """The record of one trial of vaebench."""

    schema: Literal["vaebench/record@1"]
    id: Annotated[
        str,
        Meta(pattern="^[0-9a-f]{12}$", description="first 12 hex digits of SHA-256 over the trial's canonical JSON"),
    ]
    trial: Trial
    settings: Annotated[Settings, Meta(description="the preset's settings for each trial")]
    status: Status
    metrics: dict[str, Annotated[Cell, Meta(extra_json_schema=NUMBER_OR_REASON)]]
    cost: Cost
    curve: Annotated[
        dict[str, dict[str, list[Step | float]]],
        Meta(description="stage -> name -> values, with their steps as `step`"),
    ]
    inputs: Inputs
    device: Device
    software: Annotated[
        dict[str, Scalar | dict[str, Scalar]], Meta(description="versions of vaebench, Python, packages and plugins")
    ]
    started: Annotated[str, Meta(description="start time in UTC, ISO 8601")]
    error: Failure | None = None
    weights: Annotated[str, Meta(description="SHA-256 of the weights that are stored with the record")] = ""
    facts: Annotated[
        dict[str, float], Meta(description="numbers about the trained model: effective beta, variance of a pixel, …")
    ] = {}

    def __post_init__(self) -> None:
        if self.status != "ok" and self.error is None:
            raise ValueError("a record whose status is not ok needs `error`, with kind and message")
        if abs(self.trial.seed) > MOST:
            raise ValueError(f"field 'trial.seed' is not between -{MOST} and {MOST}")
        if self.trial.id != self.id:
            raise ValueError(f"the record's id {self.id} does not belong to its trial ({self.trial.id})")


def decode(content: bytes) -> Record:
    """Parse and validate a record in one pass; raise a BadRecord that names the field if one is invalid."""
    try:
        return _DECODER.decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        with suppress(ValueError, RecursionError):  # parse again in the slow way, which names the metric
            from_json(json.loads(content))
        raise BadRecord(_in_words(error)) from error


def from_json(data: Any) -> Record:
    """Return the record that plain JSON values describe."""
    try:
        return convert(data, Record)
    except (ValueError, RecursionError) as error:
        raise BadRecord(_in_words(error, _bad_metric(data))) from error


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain JSON values, without fields that are empty or have their usual values."""
    data: dict[str, Any] = to_builtins(record)
    data = {name: data[name] for name in ORDER} | {"settings": record.settings.to_json()}
    data["inputs"]["shape"] = list(record.inputs.shape or ())
    for name in ("weights", "facts"):
        if not data[name]:
            del data[name]
    for name in ("origin", "shape", "shortcuts", "twins"):
        if not data["inputs"][name]:
            del data["inputs"][name]
    for cell in data["metrics"].values():
        unsaid = ("reason",) if cell["value"] is not None else ("variant", "error", "n")
        empty = (name for name in ("optimised", "follows", "beside", "parts", "replicates") if not cell[name])
        usual = (name for name in ("patients", "classes", "widening", "freedom") if cell[name] == USUAL[name])
        for name in (*unsaid, *empty, *usual):
            del cell[name]
    return data


def dumps(data: Mapping[str, Any]) -> str:
    """Return JSON with one line per field and per metric (in a manifest, per record), so that diffs are short; equal
    data give equal bytes."""

    def line(value: Any) -> str:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)

    def block(value: Mapping[str, Any]) -> str:
        return "{\n" + ",\n".join(f"  {line(k)}: {line(v)}" for k, v in sorted(value.items())) + "\n }"

    fields = (f" {line(k)}: {block(v) if k in BY_LINE and v else line(v)}" for k, v in data.items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def json_schema() -> dict[str, Any]:
    """Return the published schema (`vaebench show record`)."""
    made = coder.schema(Record)
    root: dict[str, Any] = made["$defs"].pop("Record")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **root,
        "if": {"properties": {"status": {"const": "ok"}}},
        "else": {"required": ["error"], "properties": {"error": {"$ref": "#/$defs/Failure"}}},
        "$defs": made["$defs"],
    }


ORDER = (
    *("schema", "id", "trial", "settings", "status", "error", "metrics", "cost", "curve", "inputs"),
    *("device", "software", "started", "facts", "weights"),
)
"""The order of the fields in a record's file, chosen for human readers."""
BY_LINE = ("metrics", "records")
_DECODER = coder.Decoder(Record)


def _in_words(error: Exception, metric: str = "") -> str:
    """Return msgspec's message with the field in front: `$.trial.seed` becomes `trial.seed`. `metric` is the name of
    the metric, which msgspec's message lacks."""
    what, _, place = str(error).partition(" - at `$.")
    if not place:
        return what
    field = place[:-1].replace("metrics[...]", f"metrics.{metric}") if metric else place[:-1]
    return f"field {field!r}: {what}"


def _bad_metric(data: Any) -> str:
    """Return the name of the first metric whose cell is invalid."""
    metrics = data.get("metrics") if isinstance(data, dict) else None
    for name, cell in metrics.items() if isinstance(metrics, dict) else ():
        try:
            convert(cell, Cell)
        except ValueError:
            return str(name)
    return ""
