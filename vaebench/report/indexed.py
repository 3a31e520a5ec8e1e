"""The rows of an index: those of `vaebench.load`, and what boards need beside them. It needs pyarrow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import msgpack

from vaebench.leaderboard.runs import Entrant, Measure, Number, Reader, Run
from vaebench.records.record import Record
from vaebench.report.rows import KINDS, rows

if TYPE_CHECKING:
    from pandas import DataFrame

TYPES = {"str": pa.string(), "boolean": pa.bool_(), "Int64": pa.int64(), "float64": pa.float64()}
OF_RECORD = {"track": pa.string(), "stamp": pa.string(), "run": pa.binary(), "measures": pa.binary()}
"""In the first row of each record: `run` is a `Run`, packed. A record without rows of its own has one, without a
status. The first row of a group has the measures that its runs speak of."""
SCHEMA = pa.schema({name: TYPES[kind] for name, kind in KINDS.items()} | OF_RECORD)
TEXTS = [field.name for field in SCHEMA if field.type == pa.string() and field.name != "stamp"]
TOGETHER = 1000
"""Records that are written at once and read at once"""
DRAWN = Number._fields.index("replicates")
ENCODER = msgpack.Encoder(enc_hook=np.ndarray.tobytes)


def write_rows(records: Iterable[tuple[str, str, Record]], file: BinaryIO) -> int:
    """Write the rows of records, which come with place and stamp. Return how many records there were."""
    reader, count, source = Reader(), 0, iter(records)
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=TEXTS) as writer:
        while batch := list(islice(source, TOGETHER)):
            columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
            measures: dict[Measure, int] = {}
            for place, stamp, record in batch:
                told = list(rows(record, place)) or [{"path": place}]
                told[0] |= {"track": record.trial.track, "stamp": stamp, "run": packed(reader.run(record), measures)}
                for name, values in columns.items():
                    values += [row.get(name) for row in told]
            columns["measures"][0] = ENCODER.encode(list(measures))
            writer.write_table(pa.table(columns, SCHEMA))
            count += len(batch)
    return count


class Rows:
    """The rows of an index that belong to records whose stamp is what it was."""

    def __init__(self, content: bytes, fresh: Callable[[str, str], bool]) -> None:
        self._content, self._fresh = content, fresh

    @cached_property
    def current(self) -> set[str]:
        """The places of these records."""
        return {place for heads, _ in self._groups() for place in heads["path"].to_pylist()}

    def runs(self, track: str, reader: Reader) -> Iterator[tuple[str, Run]]:
        """Place and run of each record of a track."""
        for heads, table in self._groups("track", "run", "measures"):
            # without the number of images, which the last field of a measure has on a board
            measures = [reader.measure(*one[:-1]) for one in msgpack.decode(table["measures"][0].as_py())]
            for place, own, run in zip(*(heads[name].to_pylist() for name in ("path", "track", "run")), strict=True):
                if own == track:
                    yield place, unpacked(run, measures, reader)

    def frame(self) -> DataFrame:
        """What `load` shows of them."""
        import pandas as pd

        kinds = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
        tables = []
        for heads, table in self._groups(*KINDS):
            mine = pc.and_(pc.is_in(table["path"], heads["path"]), pc.is_valid(table["status"]))
            tables.append(table.filter(mine).select(list(KINDS)))
        whole = pa.concat_tables(tables) if tables else SCHEMA.empty_table().select(list(KINDS))
        frame: DataFrame = whole.to_pandas(types_mapper=kinds.get)
        return frame

    def _groups(self, *columns: str) -> Iterator[tuple[pa.Table, pa.Table]]:
        """Some rows at a time: the first one of each record that is what it was, and all."""
        file = pq.ParquetFile(pa.BufferReader(self._content))
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["path", "stamp", *columns], use_threads=False)
            heads = table.filter(pc.is_valid(table["stamp"]))
            fresh = map(self._fresh, heads["path"].to_pylist(), heads["stamp"].to_pylist())
            yield heads.filter(pa.array(fresh, pa.bool_())), table


def packed(run: Run, numbers: dict[Measure, int]) -> bytes:
    """A run, in which each measure is the number it has, or gets, among those of its group."""

    def own(one: Number) -> tuple[Any, ...]:
        return numbers.setdefault(one.measure, len(numbers)), *one[1:]

    told = {name: getattr(run, name) for name in Run.__slots__}
    return ENCODER.encode(told | {name: [own(one) for one in told[name]] for name in ("numbers", "costs")})


def unpacked(run: bytes, measures: Sequence[Measure], reader: Reader) -> Run:
    """The run that was packed; what many runs say alike is kept once."""
    told = msgpack.decode(run)
    for name in ("dataset", "regime", "digest", "settings", "device"):
        told[name] = reader.once(told[name])
    for name in ("numbers", "costs"):
        for number in told[name]:
            number[0] = measures[number[0]]
            if (drawn := number[DRAWN]) is not None:
                number[DRAWN] = np.frombuffer(drawn, np.float32)
            number[-2:] = _pairs(number[-2]), _pairs(number[-1])  # follows, beside
        told[name] = tuple(map(Number._make, told[name]))
    told["entrant"], told["versions"] = reader.once(Entrant(*told["entrant"])), reader.once(_pairs(told["versions"]))
    return Run(**told | {"shortcuts": _pairs(told["shortcuts"])})


def _pairs(told: list[list[Any]]) -> tuple[Any, ...]:
    return tuple(map(tuple, told)) if told else ()
