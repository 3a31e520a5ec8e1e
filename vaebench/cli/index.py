"""`vaebench index`: collect the data that boards need from a large number of records in one file next to the
records."""

from __future__ import annotations

from pathlib import Path

import click

from vaebench.cli.options import RESULTS
from vaebench.errors import UserError


@click.command
@RESULTS
def command(results: Path) -> None:
    """Index the records of every track in a results folder, so that boards are made without reading each record.

    `leaderboard`, `run` and `vaebench.load` use the index for unchanged records, and read new and changed records from
    their files. An outdated index therefore never affects a board. `vaebench status` shows how many records are new or
    changed. An index is worthwhile from about ten thousand records. The index is a Parquet file with a row per record
    and metric; DuckDB, Polars and pandas can also read it. An index is used only by the user account that made it, and
    only in the folder where it was made.

    \b
    Examples:
      vaebench index
      vaebench index --results results/reference
    """
    from vaebench.records import store
    from vaebench.report import index
    from vaebench.running import mirrors

    mirrors.update(results)

    tracks = [path for path in sorted(results.glob("*@*/*/*")) if path.is_dir() and store.places(path)]
    if not tracks:
        raise UserError(f"There are no records in {mirrors.named(results)}.{store.where_reference_is(results)}")
    for track in tracks:
        found = index.write(track)
        size = (track / index.NAME).stat().st_size / 1e6
        told = f"{track.relative_to(results)}: {found.current:,} of {found.records:,} records, {size:.1f} MB"
        click.echo(told + ("" if found.current == found.records else "; the others are read from their files"))
