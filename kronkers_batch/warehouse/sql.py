"""SQL over decrypted outputs: an in-process DuckDB that sees the outputs it was given and nothing else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from kronkers_batch.data import duck, select
from kronkers_batch.data.timelimit import TimeIsUp, shown
from kronkers_batch.errors import KronkersError, UsageError

if TYPE_CHECKING:
    import duckdb
    import polars as pl
    import pyarrow as pa

MEMORY = 2 * 2**30
"""Bytes that the outputs' tables and the query may use together."""
TIME = dt.timedelta(hours=1)
"""How long the query may take."""

Rows = Callable[[str], "Iterator[pl.DataFrame]"]


def run(
    query: str, models: Sequence[str], rows: Rows, memory: int = MEMORY, limit: dt.timedelta = TIME
) -> pl.DataFrame:
    """The result of one SELECT.

    Args:
        query: DuckDB's SQL.
        models: Names that may stand in it as tables.
        rows: Gives the decrypted rows of one of them; at least one frame.
        memory: Bytes; a query that needs more fails, nothing is spilled.
        limit: A query that takes longer fails; loading the tables does not count.

    Raises UsageError on anything but one SELECT over these tables, without a data value in it.
    """
    import duckdb

    with duck.connect(memory) as connection:
        try:
            for model in _named(connection, query, models):
                _load(connection, model, rows(model))
            with duck.timed(connection, limit):
                return _result(connection, query)
        except TimeIsUp:
            raise UsageError(
                f"the query took longer than {shown(limit)}",
                where="sql",
                fix="Select fewer rows or columns, or split the query in two.",
            ) from None
        except duckdb.OutOfMemoryException:
            raise UsageError(
                f"the outputs and the query need more than {memory / 2**20:,.0f} MB",
                where="sql",
                fix="Select fewer columns, or read one date: kronkers read MODEL --date DATE",
            ) from None
        except duckdb.Error as error:
            raise UsageError(duck.scrubbed(error, query), where="sql", fix=_fix(models)) from None


def _named(connection: duckdb.DuckDBPyConnection, query: str, models: Sequence[str]) -> list[str]:
    """The models that the query names as tables; DuckDB does not tell upper from lower case.

    From the parsed query, because DuckDB's own list of names wants the tables to be there already.
    """
    try:
        tree = select.parsed(connection, query)
    except select.NoSelect as refused:
        raise UsageError(refused.what, where="sql", fix=f"{refused.fix} {_fix(models)}") from None
    known = {model.lower(): model for model in models}
    names = {name.lower() for name in select.tables(tree)}
    return [known[name] for name in sorted(names) if name in known]


def _load(connection: duckdb.DuckDBPyConnection, model: str, frames: Iterator[pl.DataFrame]) -> None:
    """Copies the rows into a table: a stream can be scanned only once, and a query may scan twice."""
    import duckdb
    import polars as pl
    import pyarrow as pa

    first = next(frames, None)
    if first is None:
        raise UsageError(
            f"{model} has no published rows that you may read",
            where="sql",
            fix=f"Publish an output first: kronkers run {model}",
        )
    level = pl.CompatLevel.oldest()
    schema = first.to_arrow(compat_level=level).schema
    failed: list[KronkersError] = []

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            for frame in chain([first], frames):
                yield from frame.to_arrow(compat_level=level).cast(schema).to_batches()
        except KronkersError as error:
            failed.append(error)
            raise

    connection.register("kronkers_rows", pa.RecordBatchReader.from_batches(schema, batches()))
    try:
        connection.execute(f"CREATE TABLE {duck.quoted_name(model)} AS SELECT * FROM kronkers_rows")  # noqa: S608
    except duckdb.Error:
        # DuckDB makes an error of its own of whatever stops the stream.
        if failed:
            raise failed[0] from None
        raise
    finally:
        connection.unregister("kronkers_rows")


def _result(connection: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    import polars as pl

    # A relation streams within the memory limit; execute() would not count the result.
    table = connection.sql(query).to_arrow_table()
    result = pl.from_arrow(table)
    assert isinstance(result, pl.DataFrame)  # noqa: S101 - a table makes a frame
    return result


def _fix(models: Sequence[str]) -> str:
    return "Each model is a table; it has rows once an output is published. Models: " + (
        ", ".join(sorted(models)) or "none"
    )
