"""A table or query of a database, streamed; the database is opened so that it can only be read.

How each database is opened, and what keeps it from being written, is in ``sqlite`` and ``postgres``; a
database that has no such module is refused.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import DATABASES, SourceSpec
from kronkers_batch.data import duck
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import within
from kronkers_batch.data.sources.session import VALUE, Session, batches, too_long
from kronkers_batch.data.timelimit import TimeIsUp, shown
from kronkers_batch.data.window import Window
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.schema import Column, ColumnType

if TYPE_CHECKING:
    from sqlalchemy import URL

    from kronkers_batch.config.places import Places

_TABLE = re.compile(r"\w+(\.\w+)*")
_UTC = pl.Datetime("us", "UTC")
_WATERMARK = dt.timedelta(minutes=5)  # it is asked before every night, so it has to be cheap
_MARK = 4_096  # characters of a watermark's value


def read(source: SourceSpec, window: Window, places: Places) -> Iterator[pl.DataFrame]:
    """Typed frames of the rows in the window. Raises SourceError, never with the database's own message."""
    place = Place.of(source).at(where(source))
    with _opened(source, "query", source.time_limit, place, places) as session:
        statement, values = _statement(session, source, window, place)
        with contextlib.closing(session.rows(statement, values)) as found:
            for rows in batches(found, len(source.schema)):
                yield _frame(rows, source, window, place)


def watermark(source: SourceSpec, window: Window, places: Places) -> str:
    """The value of the watermark query as text; "" where the source declares none. Raises SourceError."""
    if not source.watermark:
        return ""
    place = Place.of(source).at(f"{where(source)}, the watermark query")
    with _opened(source, "watermark", min(source.time_limit, _WATERMARK), place, places) as session:
        query, values = _bound(session, _trimmed(source.watermark, place), window, place)
        names = [column.selected for column in session.columns(query, values)]
        rows: list[tuple[Any, ...]] = []
        if len(names) == 1:
            # One SELECT around it, whatever it is: nothing else can stand there.
            wrapped = f"SELECT {names[0]} FROM ({query}\n) AS kronkers_watermark LIMIT 2"  # noqa: S608 - the department's own query
            with contextlib.closing(session.rows(wrapped, values)) as found:
                rows = list(found)
    if len(rows) != 1:
        raise place.error("it gives more or less than one value", "Let it SELECT one value.")
    value = repr(rows[0][0])
    if len(value) > _MARK:
        raise place.error("it gives a value that is too long", "Let it SELECT a number, a date or a digest.")
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
        raise Place.of(source).error("the URL is not one", "Write dialect://user@host/database.") from None


@contextlib.contextmanager
def _opened(
    source: SourceSpec, key: str, limit: dt.timedelta, place: Place, places: Places
) -> Iterator[Session]:
    """The database, for the SQL of one key of the source."""
    url = _url(source)
    try:
        if url.drivername in DATABASES["sqlite"]:
            from kronkers_batch.data.sources import files, sqlite

            with (
                files.opened(source, sqlite.path(url, place), place, places) as file,
                sqlite.opened(file, limit, place, key) as session,
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
            f"it took longer than {shown(limit)}",
            f"Make `{key}:` of the source cheaper"
            + ("." if limit < source.time_limit else ", or raise `time_limit:`."),
        ) from None


def _statement(session: Session, source: SourceSpec, window: Window, place: Place) -> tuple[str, list[Any]]:
    query = _trimmed(source.query, place)
    is_table = bool(_TABLE.fullmatch(query))
    query = f"SELECT * FROM {'.'.join(map(session.quote, query.split('.')))}" if is_table else query  # noqa: S608 - a checked name
    own, values = _bound(session, query, window, place)
    found = {column.name: column for column in session.columns(own, values)}
    casting.missing_columns(source.schema, found, place)
    for column in source.schema:
        if refused := found[column.name].refused:
            raise _wrong_type(column, refused, place)
    columns = ", ".join(found[n].selected for n in source.schema.names)
    condition = ""
    if source.time_column and not window.whole and not {"from", "to"} <= duck.parameters(query):
        condition = _condition(session, source, window, values)
    return f"SELECT {columns} FROM ({own}\n) AS kronkers_source{condition}", values  # noqa: S608


def _trimmed(query: str, place: Place) -> str:
    if "\0" in query:
        raise place.error("the query holds a NUL character", "Take it out.")
    return query.strip().rstrip(";").rstrip()


def _bound(session: Session, query: str, window: Window, place: Place) -> tuple[str, list[Any]]:
    """The query with numbered parameters, and their values in the form that the database compares."""
    asked = window.parameters(str(place))
    wanted = duck.parameters(query)
    values: list[Any] = []
    marks: dict[str, str] = {}
    for name in sorted(wanted):
        if name == "date":
            values.append(session.day(asked.date))
        else:
            values.append(session.moment(asked.start if name == "from" else asked.end))
        marks[name] = session.mark(len(values))
    return duck.replaced(query, marks), values


def _condition(session: Session, source: SourceSpec, window: Window, values: list[Any]) -> str:
    """The window as a condition; the exact comparison comes after the cast, this one saves reading."""
    time = session.quote(source.time_column)
    as_text = isinstance(session.moment(dt.datetime(2000, 1, 1)), str)
    sides = []
    # SQLite keeps moments as text of any form and zone: a day more on each side, and all else.
    margin = dt.timedelta(days=1) if as_text else dt.timedelta()
    for moment, sign, more in ((window.start, ">=", -margin), (window.end, "<", margin)):
        if moment is not None:
            values.append(session.moment(moment + more))
            sides.append(f"{time} {sign} {session.mark(len(values))}")
    condition = " AND ".join(sides)
    if as_text:
        condition = f"({condition}) OR {time} NOT GLOB '[0-9][0-9][0-9][0-9]-*'"
    return f" WHERE {condition}"


def _frame(rows: Sequence[Any], source: SourceSpec, window: Window, place: Place) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    typed = [
        casting.cast(_short(_series(values, column, place), place), column, place)
        for values, column in zip(columns, source.schema, strict=True)
    ]
    return within(pl.DataFrame(typed), source.time_column, window)


def _short(values: pl.Series, place: Place) -> pl.Series:
    """Raises SourceError where a text or blob is longer than one may be."""
    if values.dtype in (pl.String, pl.Binary):
        sizes = values.str.len_bytes() if values.dtype == pl.String else values.bin.size()
        if int(sizes.max() or 0) > VALUE:  # type: ignore[arg-type]
            raise too_long(place, f"a value of column {values.name}")
    return values


def _series(values: Sequence[Any], column: Column, place: Place) -> pl.Series:
    """Python objects of one column as a raw series of the narrowest common type."""
    kinds = {type(v) for v in values} - {type(None)}
    name = column.name
    try:
        if not kinds:
            return pl.Series(name, values, dtype=pl.Null)
        if kinds <= {Decimal, int, float} and Decimal in kinds and column.type in _AS_FLOAT:
            return pl.Series(name, [None if v is None else float(v) for v in values], dtype=pl.Float64)
        for kind, dtype in _KINDS:
            if kinds <= kind:
                return pl.Series(name, values, dtype=dtype, strict=True)
        if kinds == {dt.datetime}:
            return pl.Series(name, [None if v is None else _utc(v) for v in values], dtype=_UTC)
    except (TypeError, OverflowError, UnicodeError, ValueError, pl.exceptions.PolarsError):
        raise place.error(
            f"column {name} is declared {column.type}, but holds values that do not fit any column",
            "Cast it in the source's query.",
        ) from None
    raise _wrong_type(column, " and ".join(sorted(k.__name__ for k in kinds)), place)


def _wrong_type(column: Column, found: str, place: Place) -> SourceError:
    return place.error(
        f"column {column.name} is declared {column.type}, but is {found}", "Cast it in the source's query."
    )


_AS_FLOAT = (ColumnType.FLOAT, ColumnType.FLOAT32)
_KINDS: tuple[tuple[set[type], pl.DataType | type[pl.DataType]], ...] = (
    ({bool}, pl.Boolean),
    ({int}, pl.Int64),
    ({int, float}, pl.Float64),
    ({str}, pl.String),
    ({bytes}, pl.Binary),
    ({dt.date}, pl.Date),
    ({Decimal, int}, pl.Decimal(38, 9)),
)


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
