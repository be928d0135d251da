"""A query source: one SELECT (DuckDB) over other sources and outputs, which it names as tables.

All inputs come through the readers of their own kinds: no file is read by DuckDB. Parquet inputs are streams,
of which only the needed columns are read. Inputs from other files are kept in memory while they are small.
The rest become tables in memory, within the query's limit. Nothing is spilled to disk. Inputs that are
declared sources are checked as ``inputs`` says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import duck, select
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.inputs import Inputs
from kronkers_batch.data.sources.model_output import OutputReader, reader
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.scan import NOT_PLANNED, Scan, planned
from kronkers_batch.data.sources.window_rows import within
from kronkers_batch.data.timelimit import TimeIsUp, shown
from kronkers_batch.data.window import Window
from kronkers_batch.frames.schema import Schema

if TYPE_CHECKING:
    import duckdb


def read(
    source: SourceSpec, window: Window, rows: int, outputs: OutputReader | None, inputs: Inputs
) -> Iterator[pl.DataFrame]:
    """Typed frames of the query's result. Raises SourceError, and CheckFailed for an input.

    Args:
        inputs: Reads and checks the inputs that are declared sources.
    """
    import duckdb

    place = Place.of(source, "query")
    scans: list[Scan] = []
    try:
        with (
            inputs.opened(),
            duck.connect(source.memory) as connection,
            duck.timed(connection, source.time_limit),
        ):
            for name, ref in source.inputs.items():
                if ref.output:
                    frames = reader(outputs, source)(ref.output, window)
                    _as_table(connection, name, frames, None, place.at(f"input {name}"))
                elif inputs.is_stream(name):
                    scans.append(inputs.scan(name, len(scans)))
                    scans[-1].show(connection)
                else:
                    _input(connection, name, inputs, place)
            statement = _statement(connection, source, window, place)
            _narrow(connection, scans, statement)
            yield from _results(connection.sql(statement), source, window, rows, place)
            inputs.finish()
    except TimeIsUp:
        raise place.error(
            f"the query took longer than {shown(source.time_limit)}",
            "Make `query:` of the source cheaper, or raise `time_limit:`.",
        ) from None
    except duckdb.OutOfMemoryException:
        raise place.error(
            f"the query needs more than the {source.memory // 2**20} MB it may use",
            "Raise `memory:` in the source's file, or read less (fewer columns, a filter, Parquet inputs).",
        ) from None
    except duckdb.Error as error:
        raise _failed(error, scans, source, place) from None


def _narrow(connection: duckdb.DuckDBPyConnection, scans: Sequence[Scan], statement: str) -> None:
    if scans:
        needed = planned(connection, statement)
        for scan in scans:
            scan.narrow(connection, needed)


def _failed(error: duckdb.Error, scans: Sequence[Scan], source: SourceSpec, place: Place) -> Exception:
    """What happened: an input's own error, if it is one, which reached DuckDB as some other."""
    for scan in scans:
        if scan.failed is not None:
            return scan.failed
    if NOT_PLANNED in str(error):
        return place.error(
            "the query reads other columns of an input than it was planned to read",
            "Report this: it is a fault of kronkers. Until then, leave such columns out of the input.",
            str(error),
        )
    return place.error(
        f"the query failed: {duck.scrubbed(error, source.query)}",
        "Correct `query:` of the source.",
        str(error),
    )


def _input(connection: duckdb.DuckDBPyConnection, name: str, inputs: Inputs, place: Place) -> None:
    frames = inputs.open(name)
    if isinstance(frames, list):
        # Read where it lies: held rows are not copied for every query.
        connection.register(name, duck.plain(pl.concat(frames)).to_arrow())
    else:
        _as_table(connection, name, frames, inputs.source(name).schema, place.at(f"input {name}"))


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
        columns = ", ".join(f"{duck.quoted_name(c.name)} {duck.TYPES[c.type]}" for c in schema)
        connection.execute(f"CREATE TABLE {table} ({columns})")
        made = True
    for frame in frames:
        connection.register("kronkers_chunk", duck.plain(frame).to_arrow())
        verb = f"INSERT INTO {table}" if made else f"CREATE TABLE {table} AS"
        connection.execute(f"{verb} SELECT * FROM kronkers_chunk")  # noqa: S608 - a quoted name
        connection.unregister("kronkers_chunk")
        made = True
    if not made:
        raise place.error("there are no rows to read", "Run the model of this output for these dates first.")


def _statement(
    connection: duckdb.DuckDBPyConnection, source: SourceSpec, window: Window, place: Place
) -> str:
    query = duck.trimmed(source.query)
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
            f"the query reads what is not under its `inputs:`: {', '.join(others)[:300]}",
            "Name the source or output under `inputs:`, and SELECT from that name.",
        )
    if asked_of := select.changing(tree):
        raise place.error(
            f"the query depends on the clock or on random numbers: {', '.join(asked_of)}",
            "Write :date, :from or :to instead: the same inputs must give the same rows on any day.",
        )
    relation = connection.sql(query)
    casting.missing_columns(source.schema, relation.columns, place)
    if twice := sorted({n for n in source.schema.names if relation.columns.count(n) > 1}):
        raise place.error(
            f"the query gives several columns called {', '.join(twice)}",
            "Name each column of the SELECT once, with AS.",
        )
    # By their places: names that differ only in case are one name in SQL.
    places = [f"kronkers_{i}" for i in range(len(relation.columns))]
    at = dict(zip(relation.columns, places, strict=True))
    columns = ", ".join(f"{at[n]} AS {duck.quoted_name(n)}" for n in source.schema.names)
    condition = _condition(relation, at, source, window, values)
    return f"SELECT {columns} FROM (\n{query}\n) AS kronkers_result({', '.join(places)}){condition}"  # noqa: S608


def _condition(
    relation: duckdb.DuckDBPyRelation,
    at: dict[str, str],
    source: SourceSpec,
    window: Window,
    values: dict[str, str],
) -> str:
    if window.whole or not source.time_column:
        return ""
    types = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    if not types[source.time_column].startswith(("TIMESTAMP", "DATE")):
        return ""
    time = at[source.time_column]
    sides = []
    if window.start is not None:
        sides.append(f"{time} >= {values['from']}")
    if window.end is not None:
        sides.append(f"{time} < {values['to']}")
    return " WHERE " + " AND ".join(sides)


def _results(
    relation: duckdb.DuckDBPyRelation, source: SourceSpec, window: Window, rows: int, place: Place
) -> Iterator[pl.DataFrame]:
    for table in duck.streamed(relation, rows):
        raw = pl.DataFrame(pl.from_arrow(table))
        frame = casting.cast_frame(raw, source.schema, place)  # also of no row: a type may never fit
        yield within(frame, source.time_column, window)
