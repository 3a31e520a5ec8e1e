"""The rows of an index: the rows of `vaebench.load`, and further data that boards need. This module needs pyarrow."""

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

from vaebench.leaderboard.runs import Entrant, Number, Reader, Run
from vaebench.records.record import Record
from vaebench.report.rows import KINDS, rows

if TYPE_CHECKING:
    from pandas import DataFrame

TYPES = {"str": pa.string(), "boolean": pa.bool_(), "Int64": pa.int64(), "float64": pa.float64()}
OF_RECORD = {"track": pa.string(), "stamp": pa.string(), "runs": pa.binary()}
"""Columns that have values only in the first row of each record. A record without metrics and costs gets one row
without a status. `runs` has a value only in the first row of a row group: the packed `Run` of each of its records."""
SCHEMA = pa.schema({name: TYPES[kind] for name, kind in KINDS.items()} | OF_RECORD)
TEXTS = [field.name for field in SCHEMA if field.type == pa.string() and field.name != "stamp"]
TOGETHER = 1000
"""The number of records in a row group, which are written and read together"""
OF_RUN = tuple(name for name in Run.__slots__ if name not in ("numbers", "costs"))
SHARED = ("entrant", "dataset", "regime", "digest", "settings", "versions", "device")
"""Fields of a run whose values are the same in many runs"""
DRAWN = Number._fields.index("replicates")
ENCODER = msgpack.Encoder(enc_hook=np.ndarray.tobytes)


def write_rows(records: Iterable[tuple[str, str, Record]], file: BinaryIO) -> int:
    """Write the rows of records, each given as (place, stamp, record). Return the number of records."""
    reader, count, source = Reader(), 0, iter(records)
    with pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=TEXTS) as writer:
        while batch := list(islice(source, TOGETHER)):
            columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
            for place, stamp, record in batch:
                told = list(rows(record, place)) or [{"path": place}]
                told[0] |= {"track": record.trial.track, "stamp": stamp}
                for name, values in columns.items():
                    values += [row.get(name) for row in told]
            columns["runs"][0] = packed([reader.run(record) for *_, record in batch])
            writer.write_table(pa.table(columns, SCHEMA))
            count += len(batch)
    return count


class Rows:
    """The rows of an index, without those of records that have changed since they were indexed."""

    def __init__(self, content: bytes, fresh: Callable[[str, str], bool]) -> None:
        self._content, self._fresh = content, fresh

    @cached_property
    def current(self) -> set[str]:
        """The places of the unchanged records."""
        return {place for heads, _ in self._groups() for place in heads["path"].to_pylist()}

    def runs(self, track: str, reader: Reader) -> Iterator[tuple[str, Run]]:
        """Yield the place of each unchanged record of a track, and the Run that was made from the record."""
        for heads, table in self._groups("track", "runs"):
            fresh = set(heads.filter(pc.equal(heads["track"], track))["path"].to_pylist())
            places = table.filter(pc.is_valid(table["stamp"]))["path"].to_pylist()
            for place, run in zip(places, unpacked(table["runs"][0].as_py(), reader), strict=True):
                if place in fresh:
                    yield place, run

    def frame(self) -> DataFrame:
        """Return the unchanged records as a table like that of `vaebench.load`."""
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
        """Yield, for each row group, the first row of each unchanged record, and all rows of the group."""
        file = pq.ParquetFile(pa.BufferReader(self._content))
        for number in range(file.num_row_groups):
            table = file.read_row_group(number, columns=["path", "stamp", *columns], use_threads=False)
            heads = table.filter(pc.is_valid(table["stamp"]))
            fresh = map(self._fresh, heads["path"].to_pylist(), heads["stamp"].to_pylist())
            yield heads.filter(pa.array(fresh, pa.bool_())), table


def packed(runs: Sequence[Run]) -> bytes:
    """Pack runs column by column, since columns are read much faster than single runs. Values that occur in several
    runs are stored only once."""
    numbers = [number for run in runs for number in (*run.numbers, *run.costs)]
    measures, *others = zip(*numbers, strict=True) if numbers else [()] * len(Number._fields)
    told = {
        "runs": {name: coded([getattr(run, name) for run in runs]) for name in OF_RUN},
        "sizes": [(len(run.numbers), len(run.costs)) for run in runs],
        "measures": coded(measures),
        "numbers": others,
    }
    return ENCODER.encode(told)


def unpacked(packed: bytes, reader: Reader) -> Iterator[Run]:
    """Yield the packed runs in order. Values that many runs share are kept in memory only once."""
    told = msgpack.decode(packed)
    shapes: dict[str, Callable[[list[Any]], tuple[Any, ...]]] = {
        "entrant": Entrant._make,
        "versions": _pairs,
        "shortcuts": _pairs,
    }
    columns = []
    for name, (values, places) in told["runs"].items():
        shaped = list(map(shapes[name], values)) if name in shapes else values
        known = list(map(reader.once, shaped)) if name in SHARED else shaped
        columns.append([known[place] for place in places])
    # the last field of a measure, its least number of images, is set only on boards
    declared, places = [reader.measure(*one[:-1]) for one in told["measures"][0]], told["measures"][1]
    fields = [[declared[place] for place in places], *told["numbers"]]
    fields[DRAWN] = [one if one is None else np.frombuffer(one, np.float32) for one in fields[DRAWN]]
    fields[-2:] = [list(map(_pairs, own)) for own in fields[-2:]]  # follows, beside
    numbers = map(Number._make, zip(*fields, strict=True))
    for (count, costs), *values in zip(told["sizes"], *columns, strict=True):
        own = dict(zip(told["runs"], values, strict=True))
        yield Run(**own, numbers=tuple(islice(numbers, count)), costs=tuple(islice(numbers, costs)))


def coded(values: Iterable[Any]) -> tuple[list[Any], list[int]]:
    """Return the distinct values, and for each of the given values its position among them."""
    places: dict[Any, int] = {}
    numbers = [places.setdefault(value, len(places)) for value in values]
    return list(places), numbers


def _pairs(told: list[list[Any]]) -> tuple[Any, ...]:
    return tuple(map(tuple, told)) if told else ()
