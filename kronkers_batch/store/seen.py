"""What is asked within one read transaction is asked of the database once.

A read transaction sees the database as of one point in time, so its answers hold as long as it lasts: a
small table is loaded whole by one statement and then looked up in memory, and the rows of a large one are
fetched for many questions at once. In a write transaction nothing is remembered: it sees what it writes
itself and, on PostgreSQL, what others commit meanwhile, such as a revocation. There each question is a
statement.

A value that is not of its column's type spoils only the questions that meet it, not a whole table: where a
statement for many fails on one, each question is asked by itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import Connection, Table, and_, bindparam, select
from sqlalchemy.exc import DBAPIError

from kronkers_batch.errors import IntegrityError, KronkersError
from kronkers_batch.store import databases, questions
from kronkers_batch.store.shapes import Query, StoredRow

OPTION = "kronkers_seen"
"""The execution option of a connection that holds its :class:`Seen`; None in a write transaction."""

Rows = Sequence[StoredRow]
K = TypeVar("K")
T = TypeVar("T")
V = TypeVar("V")

AT_ONCE = 10_000
"""Values of one ``IN``: SQLite takes 32,766 parameters a statement, PostgreSQL 65,535."""


@dataclass
class Seen:
    """The rows that one read transaction has loaded."""

    whole: dict[Query, Rows | None] = field(default_factory=dict)  # None: a value in it is damaged
    sorted: dict[
        tuple[Query, tuple[str, ...]],
        dict[tuple[object, ...], list[StoredRow]],
    ] = field(default_factory=dict)
    single: dict[tuple[Table, str], StoredRow | None] = field(default_factory=dict)
    some: dict[
        tuple[Query, tuple[str, ...]],
        dict[tuple[object, ...], list[StoredRow]],
    ] = field(default_factory=dict)


def rows(conn: Connection, query: Query, **equal: object) -> Rows:
    """The rows of a query that have these values.

    Args:
        conn: In a read transaction the query is executed once, whole, and looked up in memory from then on.
        query: Of few rows, in the order in which they are wanted; the same object each time.
        equal: By column of the query; not None, which equals nothing.

    Raises IntegrityError on a value that is not of its column's type.
    """
    there = _loaded(conn, query, equal)
    if there is None:
        there = conn.execute(_equal(query, tuple(equal)), equal).all()
    return there


def among(conn: Connection, query: Query, name: str, several: Sequence[str], **equal: object) -> Rows:
    """As :func:`rows`, of all that have one of several values in the column ``name``; in no order of these.

    One statement, also in a write transaction.
    """
    found = [_loaded(conn, query, {name: one, **equal}) for one in dict.fromkeys(several)]
    known = [some for some in found if some is not None]
    if len(known) == len(found):
        return [row for some in known for row in some]
    return conn.execute(_equal(query, tuple(equal), name), {**equal, name: list(several)}).all()


def scanned(conn: Connection, query: Query, **equal: str) -> Rows:
    """As :func:`rows`, never by an index: who can write to a database's file can make one leave rows out."""
    there = _loaded(conn, query, equal)
    if there is None:
        columns = query.selected_columns
        same = (columns[name].concat("") == value for name, value in equal.items())
        there = conn.execute(query.where(*same)).all()
    return there


def load(conn: Connection, query: Query) -> None:
    """Has :func:`loaded` know the rows of a query, where ``conn`` is a read transaction."""
    if (seen := _of(conn)) is not None:
        _whole(seen, conn, query)


def load_for(
    conn: Connection,
    query: Query,
    names: tuple[str, ...],
    wanted: Iterable[tuple[str, ...]],
) -> Rows:
    """Has :func:`loaded` know some rows of a query of many, where ``conn`` is a read transaction.

    Args:
        conn: Any transaction; in one that writes nothing is done.
        query: The same object each time.
        names: The columns, of text, by which :func:`loaded` will be asked.
        wanted: Their values, one tuple a question. One statement asks for 10,000 of them.

    Returns:
        The rows that were found.
    """
    seen = _of(conn)
    if seen is None:
        return []
    known = seen.some.setdefault((query, names), {})
    new = [one for one in dict.fromkeys(wanted) if one not in known]
    found: list[StoredRow] = []
    for some in parts(new):
        asked = questions.asked(conn, questions.texts(*names), some)
        columns = query.selected_columns
        joined = query.join(asked, and_(*(columns[name] == asked.c[name] for name in names)))
        try:
            rows = conn.execute(joined).all()
        except (IntegrityError, DBAPIError) as error:
            _damage(conn, error)
            continue  # each is asked for by itself
        known.update({one: [] for one in some})
        for row in rows:
            known[tuple(row._mapping[name] for name in names)].append(row)
        found += rows
    return found


def loaded(conn: Connection, query: Query, **equal: object) -> Rows | None:
    """As :func:`rows`, where :func:`load` or :func:`load_for` has loaded them; else None."""
    seen = _of(conn)
    if seen is None:
        return None
    if (known := seen.some.get((query, tuple(equal)), {}).get(tuple(equal.values()))) is not None:
        return known
    return _loaded(conn, query, equal) if query in seen.whole else None


def row(conn: Connection, table: Table, id: str) -> StoredRow | None:
    """The row with this ``id``; None where there is none. Raises IntegrityError as :func:`rows`."""
    seen = _of(conn)
    if seen is not None and (table, id) in seen.single:
        return seen.single[table, id]
    found = conn.execute(_of_id(table), {"id": id}).one_or_none()
    if seen is not None:
        seen.single[table, id] = found
    return found


def fetch(conn: Connection, table: Table, ids: Iterable[str]) -> None:
    """Has :func:`row` know these ids, by one statement for all (one for each 10,000)."""
    seen = _of(conn)
    if seen is None:
        return  # what is fetched early in a write transaction may be another by the time it is used
    unknown = [id for id in dict.fromkeys(ids) if (table, id) not in seen.single]
    for some in parts(unknown):
        try:
            found = conn.execute(select(table).where(table.c.id.in_(some))).all()
        except (IntegrityError, DBAPIError) as error:
            _damage(conn, error)
            continue  # each is asked for by itself
        seen.single.update({(table, id): None for id in some})
        seen.single.update({(table, row.id): row for row in found})


def for_each(
    conn: Connection, keys: Sequence[K], ask: Callable[[Sequence[K]], Mapping[K, V]]
) -> dict[K, V | KronkersError]:
    """What one statement gives for many keys; where it meets a damaged value, what one a key gives.

    Args:
        conn: The transaction in which ``ask`` asks.
        keys: What is asked for, each once.
        ask: Answers for the keys that it is handed, at most 10,000.

    Returns:
        The answers; where a key's own is damaged, the IntegrityError is its value and stops no other.
    """
    result: dict[K, V | KronkersError] = {}
    try:
        for some in parts(keys):
            result |= ask(some)
    except (IntegrityError, DBAPIError) as error:
        _damage(conn, error)
        for key in keys:
            try:
                result |= ask([key])
            except (IntegrityError, DBAPIError) as its_own:
                result[key] = _damage(conn, its_own)
    return result


def parts(of: Sequence[K], most: int | None = None) -> list[Sequence[K]]:
    """What is asked for, in parts of which each fits into one ``IN``; or of at most so many."""
    size = most or AT_ONCE
    return [of[start : start + size] for start in range(0, len(of), size)]


# Making a statement anew takes longer than executing it.
@functools.lru_cache(maxsize=256)
def _equal(query: Query, names: tuple[str, ...], among: str = "") -> Query:
    columns = query.selected_columns
    query = query.where(*(columns[name] == bindparam(name) for name in names))
    return query.where(columns[among].in_(bindparam(among, expanding=True))) if among else query


@functools.cache
def _of_id(table: Table) -> Query:
    return select(table).where(table.c.id == bindparam("id"))


def _loaded(conn: Connection, query: Query, equal: Mapping[str, object]) -> Rows | None:
    """What a read transaction knows; None where a statement has to ask."""
    seen = _of(conn)
    if seen is None or (there := _whole(seen, conn, query)) is None or not equal:
        return None if seen is None else there
    names = tuple(equal)
    by_values = seen.sorted.get((query, names))
    if by_values is None:
        by_values = seen.sorted[query, names] = {}
        for one in there:
            by_values.setdefault(tuple(one._mapping[name] for name in names), []).append(one)
    return by_values.get(tuple(equal.values()), [])


def _whole(seen: Seen, conn: Connection, query: Query) -> Rows | None:
    if query not in seen.whole:
        try:
            seen.whole[query] = conn.execute(query).all()
        except (IntegrityError, DBAPIError) as error:
            _damage(conn, error)
            seen.whole[query] = None
    return seen.whole[query]


def _damage(conn: Connection, error: IntegrityError | DBAPIError) -> IntegrityError:
    """The error where it is about a damaged value or page; raises it where it is another one."""
    found = error if isinstance(error, IntegrityError) else databases.of(conn).fault(error, "database")
    if not isinstance(found, IntegrityError):
        raise error
    return found


def _of(conn: Connection) -> Seen | None:
    seen: Seen | None = conn.get_execution_options().get(OPTION)
    return seen


def given(answer: T | KronkersError) -> T:
    """An answer that is none of the errors. Raises the error."""
    if isinstance(answer, KronkersError):
        raise answer
    return answer
