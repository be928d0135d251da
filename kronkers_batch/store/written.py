"""What a write transaction meant to leave behind, read again after its commit.

A statement that the database took may not be what is in it: a trigger, a rule or somebody in between can undo
it. So what access and the record hang on is written through these functions, and :meth:`Database.write` then
asks for it in a new transaction, before it reports to the caller that it was done.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.sql.elements import ColumnElement

from kronkers_batch.errors import IntegrityError
from kronkers_batch.store.shapes import Query, StoredRow

OPTION = "kronkers_written"
"""The execution option of a connection that holds its :class:`Written`."""

_AT_ONCE = 10_000  # values of one IN

Excuse = Callable[[Connection], bool]
"""Whether somebody with the right to do so may have taken the row out again by now."""


@dataclass(frozen=True)
class _Row:
    table: Table
    key: Mapping[str, object]
    values: Mapping[str, object]
    what: str
    excuse: Excuse | None


@dataclass
class Written:
    """The rows that one transaction wrote, and those that it took out."""

    rows: list[_Row] = field(default_factory=list)
    gone: list[tuple[Table, ColumnElement[bool], str]] = field(default_factory=list)
    found: list[Callable[[], None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.rows or self.gone)

    def require(self, conn: Connection, where: str) -> None:
        """Compares all of it with what is there. Raises IntegrityError, which says what is not."""
        there = _found(conn, self.rows)
        for row in self.rows:
            found = there[row.table.name, tuple(row.key.values())]
            if found is None:
                if row.excuse is None or not row.excuse(conn):
                    raise _lost(f"{row.what} is not there after it was written", where)
            elif any(found._mapping[name] != value for name, value in row.values.items()):
                raise _lost(f"{row.what} is not there as it was written", where)
        for table, condition, what in self.gone:
            if conn.execute(sa.select(sa.literal(1)).select_from(table).where(condition).limit(1)).first():
                raise _lost(f"{what} is still there after it was deleted", where)
        for tell in self.found:
            tell()


def _found(conn: Connection, rows: Sequence[_Row]) -> dict[tuple[str, tuple[object, ...]], StoredRow | None]:
    """The rows by table and key, None where one is gone; many of a table with a key of one column at once."""
    found: dict[tuple[str, tuple[object, ...]], StoredRow | None] = {}
    by_table: dict[str, list[_Row]] = {}
    for row in rows:
        found[row.table.name, tuple(row.key.values())] = None
        by_table.setdefault(row.table.name, []).append(row)
    for name, some in by_table.items():
        table, (first, *more) = some[0].table, some[0].key
        if more:
            for row in some:
                query = sa.select(table).where(*_equal(table, row.key))
                found[name, tuple(row.key.values())] = conn.execute(query).one_or_none()
            continue
        values = [row.key[first] for row in some]
        for start in range(0, len(values), _AT_ONCE):
            some_values = values[start : start + _AT_ONCE]
            for there in conn.execute(_with(table, first), {first: some_values}).all():
                found[name, (there._mapping[first],)] = there
    return found


def insert(
    conn: Connection,
    table: Table,
    values: Mapping[str, object],
    what: str,
    *,
    lasting: tuple[str, ...] | None = None,
    excuse: Excuse | None = None,
    found: Callable[[], None] | None = None,
) -> None:
    """Inserts a row that must be there after the commit.

    Args:
        conn: A write transaction.
        table: Where.
        values: By column.
        what: What messages call it.
        lasting: The columns that nobody changes later; None is all.
        excuse: Tells whether it may be gone again.
        found: Called once it, and all else of the transaction, was there after the commit.
    """
    conn.execute(sa.insert(table), dict(values))
    kept = values if lasting is None else {name: values[name] for name in lasting}
    _of(conn).rows.append(_Row(table, _key_of(table, values), kept, what, excuse))
    if found is not None:
        _of(conn).found.append(found)


def insert_many(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    whats: Sequence[str],
    found: Iterable[Callable[[], None]] = (),
) -> None:
    """As :func:`insert`, of rows that all have the same columns, and what messages call each."""
    if not rows:
        return
    conn.execute(sa.insert(table), [dict(values) for values in rows])
    for values, what in zip(rows, whats, strict=True):
        _of(conn).rows.append(_Row(table, _key_of(table, values), values, what, None))
    _of(conn).found.extend(found)


def update(
    conn: Connection,
    table: Table,
    key: Mapping[str, object],
    values: Mapping[str, object],
    what: str,
    *,
    lasting: tuple[str, ...],
) -> None:
    """Changes the row with this primary key; the ``lasting`` values must be there after the commit."""
    conn.execute(sa.update(table).where(*_equal(table, key)).values(**values))
    _of(conn).rows.append(_Row(table, key, {name: values[name] for name in lasting}, what, None))


def delete(conn: Connection, table: Table, condition: ColumnElement[bool], what: str) -> None:
    """Deletes rows; none that meets the condition may be there after the commit."""
    conn.execute(sa.delete(table).where(condition))
    _of(conn).gone.append((table, condition, what))


@functools.cache  # making a statement anew takes longer than executing it
def _with(table: Table, name: str) -> Query:
    return sa.select(table).where(table.c[name].in_(sa.bindparam(name, expanding=True)))


def _key_of(table: Table, values: Mapping[str, object]) -> dict[str, object]:
    return {column.name: values[column.name] for column in table.primary_key}


def _of(conn: Connection) -> Written:
    found: Written = conn.get_execution_options()[OPTION]
    return found


def _equal(table: Table, key: Mapping[str, object]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _lost(what: str, where: str) -> IntegrityError:
    return IntegrityError(
        what,
        where=where,
        fix="Another program changes the database: this command's work may be lost. Find out who can write "
        "to the database, run `kronkers ledger verify`, then run the command again.",
    )
