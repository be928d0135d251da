"""Inputs that a query reads while it runs: through the one reader of their files, and no columns but those it
needs.

DuckDB takes each as an Arrow stream, which it opens as often as the query names the input. It asks a stream
for all of its columns, whatever it needs. So the query is planned first with all columns; then a column that
the plan does not name is replaced by an error. Were the plan wrong, the query would fail, and never see
another value.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.data import duck
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

NOT_PLANNED = "kronkers: a column is asked for that the plan does not name"
_LONG = (ColumnType.STRING, ColumnType.CATEGORY)


class Scan:
    """One input.

    Args:
        number: Which of the query's scans it is.
        name: What the query calls it.
        schema: Its declared columns.
        read: Gives the typed rows of some of the columns, from the first on.
    """

    def __init__(
        self, number: int, name: str, schema: Schema, read: Callable[[Schema], Iterator[pl.DataFrame]]
    ) -> None:
        self._name, self._schema, self._read = name, schema, read
        # Under names that no query can have: SQL does not tell upper from lower case.
        self._table = f"kronkers {number}"
        self._hidden = {column.name: f"{self._table} {i}" for i, column in enumerate(schema)}
        self._asked = schema
        self.failed: Exception | None = None

    def show(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Makes it the table that the query names."""
        connection.register(self._table, self)
        columns = ", ".join(f"{self._shown(c)} AS {duck.quoted_name(c.name)}" for c in self._schema)
        table = duck.quoted_name(self._table)
        view = f"CREATE OR REPLACE VIEW {duck.quoted_name(self._name)} AS SELECT {columns} FROM {table}"  # noqa: S608 - names of the configuration, quoted
        connection.execute(view)

    def narrow(self, connection: duckdb.DuckDBPyConnection, planned: set[str]) -> None:
        """Leaves out the columns that are not among those that a plan reads."""
        wanted = [name for name, hidden in self._hidden.items() if hidden in planned]
        if wanted:
            self._asked = self._schema.select(wanted)
            connection.unregister(self._table)
            self.show(connection)

    def _shown(self, column: Column) -> str:
        if column.name in self._asked:
            return duck.quoted_name(self._hidden[column.name])
        return f"CAST(error({duck.quoted_text(NOT_PLANNED)}) AS {duck.TYPES[column.type]})"

    def _arrow(self, frame: pl.DataFrame) -> pa.RecordBatchReader:
        import pyarrow as pa

        # What a query that only counts rows is given is the first of them.
        short_first = sorted(self._asked, key=lambda column: column.type in _LONG)
        columns = [frame.get_column(c.name).alias(self._hidden[c.name]) for c in short_first]
        return pa.RecordBatchReader.from_stream(duck.plain(pl.DataFrame(columns)))

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for frame in self._read(self._asked):
                yield from self._arrow(frame)
        except Exception as error:
            # Arrow and DuckDB make an error of their own of it.
            self.failed = error
            raise

    def __arrow_c_schema__(self) -> object:
        """What DuckDB asks for while it plans."""
        return self._arrow(polars_schema(self._asked).to_frame()).schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """What DuckDB asks for each time that it reads."""
        import pyarrow as pa

        schema = self._arrow(polars_schema(self._asked).to_frame()).schema
        reader: Any = pa.RecordBatchReader.from_batches(schema, self._batches())
        return reader.__arrow_c_stream__(requested_schema)


def planned(connection: duckdb.DuckDBPyConnection, statement: str) -> set[str]:
    """The columns of streams that a statement reads, as DuckDB plans it; reads no row."""
    ((_, text),) = connection.execute(f"EXPLAIN (FORMAT JSON) {statement}").fetchall()
    found: set[str] = set()
    waiting: list[object] = [json.loads(text)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            waiting += node.get("children", [])
            columns = node.get("extra_info", {}).get("Projections", [])
            if node.get("name") == "PYTHON_ARROW_SCAN":
                found |= {columns} if isinstance(columns, str) else set(columns)
    return found
