"""The rows of an index: those of `vaebench.load`, with what boards need beside them. It needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice, pairwise
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import json as coder

from vaebench.leaderboard.runs import COSTS, Entrant, Number, Reader, Run, machine_of
from vaebench.records.record import Record
from vaebench.report.rows import KINDS, rows

TEXT = pa.string()
TYPES = {"str": TEXT, "boolean": pa.bool_(), "Int64": pa.int64(), "float64": pa.float64()}
OF_RECORD = ("track", "stamp", "kind", "data", "settings", "components", "started", "machine", "shortcuts")
"""What a board needs of a record, and `load` does not show; lists and tables as JSON"""
OF_CELL = ("title", "follows", "beside")
SCHEMA = pa.schema(
    {name: TYPES[kind] for name, kind in KINDS.items()}
    | dict.fromkeys((*OF_RECORD, *OF_CELL), TEXT)
    | {"replicates": pa.list_(pa.float32())}
)
TEXTS = [field.name for field in SCHEMA if field.type == TEXT]
TOGETHER = 1000
"""Records that are written at once and read at once"""
PAIRS = coder.Decoder(tuple[tuple[str, float], ...])
VERSIONS = coder.Decoder(tuple[tuple[str, int], ...])


def write_rows(records: Iterable[tuple[str, str, Record]], file: BinaryIO) -> int:
    """Write the rows of records, which come with place and stamp. Return how many records there were."""
    reader, count, source = Reader(), 0, iter(records)
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=TEXTS) as writer:
        while batch := list(islice(source, TOGETHER)):
            columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
            kept = sum(_add(columns, reader, *one) for one in batch)
            writer.write_table(pa.table(columns, SCHEMA))
            count += kept
    return count


def _add(columns: dict[str, list[Any]], reader: Reader, place: str, stamp: str, record: Record) -> bool:
    """Add the rows of a record; of one from whose rows it could not be told again what a board needs, none."""
    told, ordered = list(rows(record, place)), sorted(record.metrics) == list(record.metrics)
    if not told or not ordered or (record.status == "ok") != (record.error is None):
        return False
    run = reader.run(record)
    shared = {
        "track": record.trial.track,
        "stamp": stamp,
        "kind": run.kind,
        "data": run.digest,
        "settings": run.settings,
        "components": _json(run.versions),
        "started": run.started,
        "machine": machine_of(record.device),
        "shortcuts": _json(run.shortcuts),
    }
    for name in KINDS:
        columns[name] += [row.get(name) for row in told]
    for name, value in shared.items():
        columns[name] += [value] * len(told)
    cells = [] if record.error else list(record.metrics.values())
    none = [None] * (len(told) - len(cells))
    columns["title"] += [cell.title for cell in cells] + none
    columns["follows"] += [_json(cell.follows.items()) for cell in cells] + none
    columns["beside"] += [_json(cell.beside.items()) for cell in cells] + none
    columns["replicates"] += [
        np.array(cell.replicates, np.float32) if cell.replicates else None for cell in cells
    ] + none
    return True


def _json(pairs: Iterable[tuple[str, float]]) -> str | None:
    """None for none."""
    told = list(pairs)
    return coder.encode(told).decode() if told else None


class Rows:
    """The rows of an index that belong to records whose stamp is what it was."""

    def __init__(self, content: bytes, fresh: Callable[[str, str], bool]) -> None:
        self._content, self._fresh = content, fresh

    @cached_property
    def current(self) -> set[str]:
        """The places of these records."""
        groups = (group.heads for group in self._groups("path", "stamp"))
        told = ((place, stamp) for heads in groups for place, stamp in heads.lists("path", "stamp"))
        return {place for place, stamp in told if self._fresh(place, stamp)}

    def runs(self, track: str, reader: Reader) -> Iterator[tuple[str, Run]]:
        """Place and run of each record of a track."""
        for group in self._groups(*SCHEMA.names):
            group = group.where([t == track and p in self.current for t, p in group.heads.lists("track", "path")])
            numbers, costs = _numbers(group, reader), _costs(group, reader)
            yield from zip(group.heads.texts("path"), _runs(group.heads, reader, numbers, costs), strict=True)

    def columns(self) -> dict[str, list[Any]]:
        """All that `load` shows of them."""
        found: dict[str, list[Any]] = {name: [] for name in KINDS}
        for group in self._groups(*KINDS):
            group = group.where([place in self.current for place in group.heads.texts("path")])
            for name, values in found.items():
                values += group.column(name)
        return found

    def _groups(self, *columns: str) -> Iterator[Group]:
        file = pq.ParquetFile(pa.BufferReader(self._content), read_dictionary=TEXTS)
        for number in range(file.num_row_groups):
            if (table := file.read_row_group(number, columns=list(columns))).num_rows:
                yield Group(table)


class Group:
    """Some rows, as Python values."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table.combine_chunks()

    @cached_property
    def starts(self) -> np.ndarray:
        """The first row of each record."""
        codes = self._chunk("path").indices.to_numpy(zero_copy_only=False)
        return np.flatnonzero(np.diff(codes, prepend=-1))

    @property
    def owners(self) -> np.ndarray:
        """The number of the record that each row belongs to."""
        return np.repeat(np.arange(len(self.starts)), np.diff(self.starts, append=self.table.num_rows))

    @cached_property
    def heads(self) -> Group:
        return Group(self.table.take(pa.array(self.starts)))

    def where(self, records: Sequence[bool]) -> Group:
        return self.rows(np.array(records, bool)[self.owners])

    def rows(self, chosen: np.ndarray) -> Group:
        return self if chosen.all() else Group(self.table.filter(pa.array(chosen)))

    def lists(self, *names: str) -> Iterator[tuple[Any, ...]]:
        return zip(*map(self.column, names), strict=True)

    def column(self, name: str) -> list[Any]:
        return self.texts(name) if name in TEXTS else self.values(name)

    def texts(self, name: str) -> list[Any]:
        if (chunk := self._chunk(name)) is None:
            return []
        known = [*chunk.dictionary.to_pylist(), None]
        return [known[code] for code in chunk.indices.fill_null(len(known) - 1).to_numpy(zero_copy_only=False).tolist()]

    def values(self, name: str) -> list[Any]:
        """Numbers or booleans; None where there are none."""
        if (chunk := self._chunk(name)) is None:
            return []
        missing = chunk.is_null().to_numpy(zero_copy_only=False)
        filled = chunk.fill_null(pa.scalar(0).cast(chunk.type)).to_numpy(zero_copy_only=False).astype(object)
        filled[missing] = None
        return filled.tolist()

    def replicates(self) -> list[np.ndarray | None]:
        if (chunk := self._chunk("replicates")) is None:
            return []
        values, ends = chunk.values.to_numpy(zero_copy_only=False), chunk.offsets.to_numpy().tolist()
        return [values[start:end] if end > start else None for start, end in pairwise(ends)]

    def _chunk(self, name: str) -> Any:
        chunks = self.table.column(name).chunks
        return chunks[0] if chunks else None


def _numbers(group: Group, reader: Reader) -> list[list[Number]]:
    """The numbers of each record that its regime is asked for, in the order of their metrics."""
    found: list[list[Number]] = [[] for _ in group.starts]
    asked = [mine == own for mine, own in group.lists("regime", "metric_regime")]
    rows, owners = group.rows(chosen := np.array(asked, bool)), group.owners[chosen].tolist()
    declared = rows.lists("metric", "metric_version", "better", "unit", "metric_regime", "verdict", "title")
    simple = rows.lists("value", "reason", "variant", "error", "n")
    patients = rows.lists("optimised", "patients", "classes", "widening", "freedom", "warning")
    watched = rows.lists("follows", "beside")
    for at, what, (value, reason, *how), drawn, (optimised, *who), watching in zip(
        owners, declared, simple, rows.replicates(), patients, watched, strict=True
    ):
        measure = reader.measure(*what)
        if value is None:
            found[at].append(Number(measure, None, reason))
        else:
            follows, beside = (PAIRS.decode(text) if text else () for text in watching)
            said = (measure, value, "", *how, drawn, optimised, *who, follows, beside)
            found[at].append(Number(*said))
    return found


def _costs(group: Group, reader: Reader) -> list[list[Number]]:
    """The costs of each record of a model that saw all images."""
    found: list[list[Number]] = [[] for _ in group.starts]
    told = group.lists("metric", "metric_regime", "regime")
    costs = np.array([bool(name) and asked is None and seen == "all" for name, asked, seen in told], bool)
    rows, owners = group.rows(costs), group.owners[costs].tolist()
    for at, (name, better, unit, value, machine) in zip(
        owners, rows.lists("metric", "better", "unit", "value", "machine"), strict=True
    ):
        title, *_, local = COSTS[name]
        measure = reader.measure(name, 1, better, unit, "all", "cost", title)
        found[at].append(Number(measure, value, variant=machine if local else ""))
    return found


def _runs(heads: Group, reader: Reader, numbers: list[list[Number]], costs: list[list[Number]]) -> Iterator[Run]:
    names = ("id", "model", "loss", "dataset", "regime", "seed", "status", "kind", "reason", "data", "settings")
    more = ("components", "device", "started", "shortcuts")
    for own, cost, (id_, model, loss, dataset, regime, seed, status, kind, reason, data, settings), (
        components, device, started, shortcuts,
    ) in zip(numbers, costs, heads.lists(*names), heads.lists(*more), strict=True):  # fmt: skip
        yield Run(
            id=id_,
            entrant=reader.once(Entrant(model, loss)),
            dataset=dataset,
            regime=regime,
            seed=seed,
            status=status if kind else "ok",
            kind=kind,
            message=reason if kind else "",
            digest=data,
            settings=settings,
            versions=reader.once(VERSIONS.decode(components)) if components else (),
            device=device,
            started=started,
            numbers=(*own, *(number for number in cost if not number.variant)),
            costs=tuple(number for number in cost if number.variant),
            shortcuts=PAIRS.decode(shortcuts) if shortcuts else (),
        )
