"""A query source: one SELECT (DuckDB) over other sources and outputs, which it names as tables.

Parquet inputs are views, so that only the needed columns and row groups are read. Inputs from other files are
kept in memory while they are small. The rest become tables in memory, within the query's limit. Nothing is
spilled to disk. Inputs that are declared sources are checked as ``inputs`` says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import duck, select
from kronkers_batch.data.sources import casting, parquet
from kronkers_batch.data.sources.inputs import Inputs
from kronkers_batch.data.sources.output import OutputReader, reader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import within
from kronkers_batch.data.timelimit import TimeIsUp, shown
from kronkers_batch.data.window import Window
from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import duckdb

_TYPES = {
    ColumnType.FLOAT: "DOUBLE",
    ColumnType.FLOAT32: "FLOAT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.INT32: "INTEGER",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIMESTAMP: "TIMESTAMP",
    ColumnType.STRING: "VARCHAR",
    ColumnType.CATEGORY: "VARCHAR",
}


def read(
    source: SourceSpec, window: Window, rows: int, outputs: OutputReader | None, inputs: Inputs
) -> Iterator[pl.DataFrame]:
    """Typed frames of the query's result. Raises SourceError, and CheckFailed for an input.

    Args:
        inputs: Reads and checks the inputs that are declared sources.
    """
    import duckdb

    place = Place.of(source)
    try:
        with (
            inputs.opened(),
            duck.connect(_allowed(inputs), source.memory) as connection,
            duck.timed(connection, source.time_limit),
        ):
            for name, ref in source.inputs.items():
                if ref.output:
                    frames = reader(outputs, source)(ref.output, window)
                    _as_table(connection, name, frames, None, place.at(f"input {name}"))
                else:
                    _input(connection, name, inputs, place)
            relation = connection.sql(_statement(connection, source, window, place))
            yield from _results(relation, source, window, rows, place)
            inputs.settle()
    except TimeIsUp:
        raise place.error(
            f"it took longer than {shown(source.time_limit)}",
            "Make `query:` of the source cheaper, or raise `time_limit:`.",
        ) from None
    except duckdb.OutOfMemoryException:
        raise place.error(
            f"the query needs more than the {source.memory // 2**20} MB it may use",
            "Raise `memory:` in the source's file, or read less (fewer columns, a filter, Parquet inputs).",
        ) from None
    except duckdb.Error as error:
        raise place.error(
            f"the query failed: {duck.scrubbed(error, source.query)}",
            "Correct `query:` of the source.",
            str(error),
        ) from None


def _allowed(inputs: Inputs) -> list[Path]:
    """The files that the inputs are views of, under the names that lead to the opened ones alone."""
    return [Path(file.reading) for found in inputs.files.values() for file, _ in found]


def _input(connection: duckdb.DuckDBPyConnection, name: str, inputs: Inputs, place: Place) -> None:
    source = inputs.source(name)
    if name not in inputs.files:
        frames = inputs.open(name)
        if isinstance(frames, list):
            # Read where it lies: held rows are not copied for every query.
            connection.register(name, _plain(pl.concat(frames)).to_arrow())
        else:
            _as_table(connection, name, frames, source.schema, place.at(f"input {name}"))
        return
    inputs.check(name)
    parts = []
    for file, there in inputs.files[name]:
        found = parquet.schema(file, source, there)
        columns = ", ".join(_view_column(c.name, c.type, found[c.name]) for c in source.schema)
        parts.append(f"SELECT {columns} FROM read_parquet({duck.quoted_text(file.reading)})")  # noqa: S608 - names and paths of the configuration, quoted
    connection.execute(f"CREATE VIEW {duck.quoted_name(name)} AS {' UNION ALL '.join(parts)}")


def _view_column(name: str, declared: ColumnType, found: pl.DataType) -> str:
    quoted = duck.quoted_name(name)
    if isinstance(found, pl.Datetime) and found.time_zone and declared is ColumnType.TIMESTAMP:
        return f"timezone('UTC', {quoted}) AS {quoted}"
    return f"CAST({quoted} AS {_TYPES[declared]}) AS {quoted}"


def _as_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    frames: Iterator[pl.DataFrame],
    schema: Schema | None,
    place: Place,
) -> None:
    """Fills a table chunk by chunk, so that an input's size is bounded by the query's limit alone."""
    made = False
    table = duck.quoted_name(name)
    if schema is not None:
        columns = ", ".join(f"{duck.quoted_name(c.name)} {_TYPES[c.type]}" for c in schema)
        connection.execute(f"CREATE TABLE {table} ({columns})")
        made = True
    for frame in frames:
        connection.register("kronkers_chunk", _plain(frame).to_arrow())
        verb = f"INSERT INTO {table}" if made else f"CREATE TABLE {table} AS"
        connection.execute(f"{verb} SELECT * FROM kronkers_chunk")  # noqa: S608 - a quoted name
        connection.unregister("kronkers_chunk")
        made = True
    if not made:
        raise place.error(
            "there is nothing to read", "Run the model whose output it is for these dates first."
        )


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Timestamps are plain UTC in SQL, so that functions need no time zone extension."""
    return frame.with_columns(pl.col(pl.Datetime("us", "UTC")).dt.replace_time_zone(None))


def _statement(
    connection: duckdb.DuckDBPyConnection, source: SourceSpec, window: Window, place: Place
) -> str:
    query = source.query.strip().rstrip(";")
    asked = window.parameters(str(place))
    wanted = duck.parameters(query)
    values = {
        "from": f"TIMESTAMP '{asked.start.replace(tzinfo=None).isoformat(' ')}'",
        "to": f"TIMESTAMP '{asked.end.replace(tzinfo=None).isoformat(' ')}'",
    }
    if "date" in wanted:
        values["date"] = f"DATE '{asked.date.isoformat()}'"
    # The values are printed from date objects, so they can hold nothing but digits and marks.
    query = duck.replaced(query, values)
    try:
        tree = select.parsed(connection, query)
    except select.NoSelect as refused:
        raise place.error(refused.what, f"Correct `query:` of the source. {refused.fix}") from None
    if others := select.read_besides(tree, source.inputs):
        raise place.error(
            f"the query reads what is no input of it: {', '.join(others)[:300]}",
            "Name the source or output under `inputs:`, and SELECT from that name.",
        )
    relation = connection.sql(f"SELECT * FROM (\n{query}\n) LIMIT 0")  # noqa: S608 - the department's own query
    casting.missing_columns(source.schema, relation.columns, place)
    columns = ", ".join(duck.quoted_name(n) for n in source.schema.names)
    return f"SELECT {columns} FROM (\n{query}\n){_condition(relation, source, window, values)}"  # noqa: S608


def _condition(
    relation: duckdb.DuckDBPyRelation, source: SourceSpec, window: Window, values: dict[str, str]
) -> str:
    if window.whole or not source.time_column:
        return ""
    types = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    if not types[source.time_column].startswith(("TIMESTAMP", "DATE")):
        return ""
    time = duck.quoted_name(source.time_column)
    sides = []
    if window.start is not None:
        sides.append(f"{time} >= {values['from']}")
    if window.end is not None:
        sides.append(f"{time} < {values['to']}")
    return " WHERE " + " AND ".join(sides)


def _results(
    relation: duckdb.DuckDBPyRelation, source: SourceSpec, window: Window, rows: int, place: Place
) -> Iterator[pl.DataFrame]:
    import pyarrow as pa

    for batch in duck.streamed(relation, rows):
        raw = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([batch])))
        yield within(casting.cast_frame(raw, source.schema, place), source.time_column, window)
