"""A table or query of a database, streamed; the database is opened so that it can only be read.

How each database is opened, and what keeps it from being written, is in ``sqlite_file`` and ``postgres``; a
database that has no such module is refused.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import polars as pl

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import DATABASES, SourceSpec
from kronkers_batch.data import duck
from kronkers_batch.data.sources import casting, objects
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.session import Found, Session, batches
from kronkers_batch.data.sources.window_rows import within
from kronkers_batch.data.timelimit import TimeIsUp, shown
from kronkers_batch.data.window import Window

if TYPE_CHECKING:
    from sqlalchemy import URL

    from kronkers_batch.config.places import Places

_TABLE = re.compile(r"\w+(\.\w+)*")
_WATERMARK = dt.timedelta(minutes=5)  # it is asked before every night, so it has to be cheap
_MARK = 4_096  # characters of a watermark's value
_SORTED = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"  # texts that are sorted as their days are


def read(source: SourceSpec, window: Window, places: Places) -> Iterator[pl.DataFrame]:
    """Typed frames of the rows in the window. Raises SourceError, never with the database's own message."""
    place = Place.of(source).at(where(source))
    with _opened(source, "query", source.time_limit, place, places) as session:
        statement, values, found = _statement(session, source, window, place)
        with contextlib.closing(session.rows(statement, values)) as read:
            for rows in batches(read, len(source.schema)):
                yield _frame(rows, source, found, window, place)


def watermark(source: SourceSpec, window: Window, places: Places) -> str:
    """The value of the watermark query as text; "" where the source declares none. Raises SourceError."""
    if not source.watermark:
        return ""
    place = Place.of(source).at(f"{where(source)}, the watermark query")
    with _opened(source, "watermark", min(source.time_limit, _WATERMARK), place, places) as session:
        query, values = _bound(session, _trimmed(source.watermark, place), window, place)
        names = [column.selected for column in session.columns(query, values)]
        rows: list[tuple[object, ...]] = []
        if len(names) == 1:
            # One SELECT around it, whatever it is: nothing else can stand there.
            wrapped = f"SELECT {names[0]} FROM ({query}\n) AS kronkers_watermark LIMIT 2"  # noqa: S608 - the department's own query
            with contextlib.closing(session.rows(wrapped, values)) as found:
                rows = list(found)
    if len(rows) != 1:
        raise place.error(
            "the query does not return exactly one value",
            "Write a SELECT that returns one row with one column.",
        )
    value = repr(rows[0][0])
    if len(value) > _MARK:
        raise place.error(
            "the query returns a value that is too long", "SELECT a number, a date or a digest."
        )
    return value


def where(source: SourceSpec) -> str:
    """The database's address without user, password and options."""
    url = _url(source)
    return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}".replace(" //", " /")


def _url(source: SourceSpec) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(source.url.reveal() if source.url else "")
    except (ArgumentError, ValueError):
        raise Place.of(source).error("the URL is not valid", "Write dialect://user@host/database.") from None


@contextlib.contextmanager
def _opened(
    source: SourceSpec, key: str, limit: dt.timedelta, place: Place, places: Places
) -> Iterator[Session]:
    """The database, for the SQL of one key of the source."""
    url = _url(source)
    try:
        if url.drivername in DATABASES["sqlite"]:
            from kronkers_batch.data.sources import files, sqlite_file

            with (
                files.opened(source, sqlite_file.path(url, place), place, places) as file,
                sqlite_file.opened(file, limit, place, key) as session,
            ):
                yield session
        elif url.drivername in DATABASES["postgresql"]:
            from kronkers_batch.data.sources import postgres

            with postgres.opened(url, limit, place, key) as session:
                yield session
        else:
            known = ", ".join(name for names in DATABASES.values() for name in names)
            raise place.error(
                "this kind of database cannot be opened for reading only",
                f"A URL begins with one of: {known}",
            )
    except TimeIsUp:
        raise place.error(
            f"the query took longer than {shown(limit)}",
            f"Make `{key}:` of the source cheaper"
            + ("." if limit < source.time_limit else ", or raise `time_limit:`."),
        ) from None


def _statement(
    session: Session, source: SourceSpec, window: Window, place: Place
) -> tuple[str, list[object], list[Found]]:
    """What is asked, with its parameters, and what is known of the columns that it gives."""
    query = _trimmed(source.query, place)
    is_table = bool(_TABLE.fullmatch(query))
    query = f"SELECT * FROM {'.'.join(map(session.quote, query.split('.')))}" if is_table else query  # noqa: S608 - a checked name
    own, values = _bound(session, query, window, place)
    given = session.columns(own, values)
    casting.missing_columns(source.schema, (column.name for column in given), place)
    _refuse_twice(source, given, place)
    by_name = {column.name: column for column in given}
    found = [by_name[name] for name in source.schema.names]
    for column, there in zip(source.schema, found, strict=True):
        if there.refused:
            raise objects.wrong_type(column, there.refused, place)
    casting.check_types(source.schema, ((f.name, f.dtype) for f in found if f.dtype is not None), place)
    condition = ""
    if source.time_column and not window.whole and not {"from", "to"} <= duck.parameters(query):
        condition = _condition(session, source, window, values)
    columns = ", ".join(column.selected for column in found)
    return f"SELECT {columns} FROM ({own}\n) AS kronkers_source{condition}", values, found  # noqa: S608


def _refuse_twice(source: SourceSpec, given: Sequence[Found], place: Place) -> None:
    names = [column.name for column in given]
    if twice := sorted({name for name in source.schema.names if names.count(name) > 1}):
        raise place.error(
            f"the query gives several columns called {', '.join(twice)}",
            "Name each column of the SELECT once, with AS.",
        )


def _trimmed(query: str, place: Place) -> str:
    if "\0" in query:
        raise place.error("the query holds a NUL character", "Take it out.")
    return duck.trimmed(query)


def _bound(session: Session, query: str, window: Window, place: Place) -> tuple[str, list[object]]:
    """The query with numbered parameters, and their values in the form that the database compares."""
    asked = window.parameters(str(place))
    wanted = duck.parameters(query)
    values: list[object] = []
    marks: dict[str, str] = {}
    for name in sorted(wanted):
        if name == "date":
            values.append(session.day(asked.date))
        else:
            values.append(session.timestamp(asked.start if name == "from" else asked.end))
        marks[name] = session.mark(len(values))
    return duck.replaced(query, marks), values


def _condition(session: Session, source: SourceSpec, window: Window, values: list[object]) -> str:
    """The window as a condition; the exact comparison comes after the cast, this one saves reading."""
    time = session.quote(source.time_column)
    as_text = isinstance(session.timestamp(dt.datetime(2000, 1, 1)), str)
    sides = []
    # SQLite keeps times as text of any form and zone: a day more on each side, and all else.
    margin = dt.timedelta(days=1) if as_text else dt.timedelta()
    for timestamp, sign, more in ((window.start, ">=", -margin), (window.end, "<", margin)):
        if timestamp is not None:
            values.append(session.timestamp(timestamp + more))
            sides.append(f"{time} {sign} {session.mark(len(values))}")
    condition = " AND ".join(sides)
    if as_text:
        condition = f"({condition}) OR {time} NOT GLOB '{_SORTED}*'"
    return f" WHERE {condition}"


def _frame(
    rows: Sequence[tuple[object, ...]],
    source: SourceSpec,
    found: Sequence[Found],
    window: Window,
    place: Place,
) -> pl.DataFrame:
    columns = zip(zip(*rows, strict=True), source.schema, found, strict=True)
    typed = [objects.typed(values, column, there, place) for values, column, there in columns]
    return within(pl.DataFrame(typed), source.time_column, window)
