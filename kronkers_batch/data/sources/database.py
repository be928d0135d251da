"""A table or query of any database that SQLAlchemy reaches, streamed with a server-side cursor."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.config.spec import SourceSpec
from kronkers_batch.data import duck
from kronkers_batch.data.sources import casting
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.rows import within
from kronkers_batch.data.window import Window
from kronkers_batch.errors import MissingPart, SourceError
from kronkers_batch.frames.schema import Column, ColumnType

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

_TABLE = re.compile(r"\w+(\.\w+)*")
_BATCH = 16_384  # rows fetched at a time: Python objects take about 60 bytes a value
_UTC = pl.Datetime("us", "UTC")


def read(source: SourceSpec, window: Window) -> Iterator[pl.DataFrame]:
    """Typed frames of the rows in the window. Raises SourceError, never with the database's own message."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    place = Place.of(source).at(where(source))
    engine = _engine(source, place)
    try:
        with engine.connect().execution_options(stream_results=True, yield_per=_BATCH) as connection:
            _prepare(connection)
            statement, bound = _statement(connection, source, window, place)
            result = connection.execute(text(statement), bound)
            for rows in result.partitions(_BATCH):
                yield _frame(rows, source, window, place)
            connection.rollback()  # a source is only ever read
    except SQLAlchemyError as error:
        raise _failed(error, place) from None
    finally:
        engine.dispose()


def watermark(source: SourceSpec, window: Window) -> str:
    """The value of the watermark query as text; "" where the source declares none. Raises SourceError."""
    if not source.watermark:
        return ""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    place = Place.of(source).at(where(source))
    engine = _engine(source, place)
    try:
        with engine.connect() as connection:
            _prepare(connection)
            statement, bound = _bound(connection, source.watermark, window, place)
            rows = connection.execute(text(statement), bound).fetchmany(2)
    except SQLAlchemyError as error:
        raise _failed(error, place.at("the watermark query")) from None
    finally:
        engine.dispose()
    if len(rows) != 1 or len(rows[0]) != 1:
        raise place.error("the watermark query gives more or less than one value", "Let it SELECT one value.")
    return repr(rows[0][0])


def where(source: SourceSpec) -> str:
    """The database's address without user, password and options."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(source.url.reveal() if source.url else "")
    except ArgumentError:
        raise Place.of(source).error("the URL is not one", "Write dialect://user@host/database.") from None
    return f"{url.get_backend_name()} {url.host or ''}/{url.database or ''}".replace(" //", " /")


def _engine(source: SourceSpec, place: Place) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        return create_engine(source.url.reveal() if source.url else "", hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise MissingPart(
            "the database's driver is not installed",
            where=str(place),
            fix="Install the driver that the URL names into the program's environment.",
        ) from None
    except (ArgumentError, ValueError, TypeError):
        raise place.error(
            "the URL is not one that the driver takes", "Correct `url:` of the source."
        ) from None


def _prepare(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        # Naive and zoned timestamps compare by the session's zone.
        connection.exec_driver_sql("SET TIME ZONE 'UTC'")


def _statement(
    connection: Connection, source: SourceSpec, window: Window, place: Place
) -> tuple[str, dict[str, Any]]:
    from sqlalchemy import text

    quote = connection.dialect.identifier_preparer.quote
    query = source.query.strip().rstrip(";")
    is_table = bool(_TABLE.fullmatch(query))
    query = f"SELECT * FROM {'.'.join(map(quote, query.split('.')))}" if is_table else query  # noqa: S608 - a checked name
    own, bound = _bound(connection, query, window, place)
    found = connection.execute(text(f"SELECT * FROM ({own}\n) AS kronkers_source WHERE 1 = 0"), bound).keys()  # noqa: S608 - the department's own query
    casting.missing_columns(source.schema, found, place)
    columns = ", ".join(quote(n) for n in source.schema.names)
    condition = ""
    if source.time_column and not window.whole and not {"from", "to"} <= duck.parameters(query):
        condition, more = _condition(connection, source, window)
        bound |= more
    return f"SELECT {columns} FROM ({own}\n) AS kronkers_source{condition}", bound  # noqa: S608


def _bound(connection: Connection, query: str, window: Window, place: Place) -> tuple[str, dict[str, Any]]:
    """The query with named parameters, and their values in the form that the database compares."""
    asked = window.parameters(str(place))
    wanted = duck.parameters(query)
    values: dict[str, Any] = {}
    if "from" in wanted:
        values["kronkers_from"] = _moment(connection, asked.start)
    if "to" in wanted:
        values["kronkers_to"] = _moment(connection, asked.end)
    if "date" in wanted:
        values["kronkers_date"] = asked.date.isoformat() if _is_sqlite(connection) else asked.date
    marks = {n: f":kronkers_{n}" for n in ("date", "from", "to")}
    # SQLAlchemy takes any :word for a parameter, also in texts and comments.
    return duck.replaced(query, marks, lambda text: text.replace(":", r"\:")), values


def _condition(connection: Connection, source: SourceSpec, window: Window) -> tuple[str, dict[str, Any]]:
    """The window as a condition; the exact comparison comes after the cast, this one saves reading."""
    time = connection.dialect.identifier_preparer.quote(source.time_column)
    values: dict[str, Any] = {}
    sides = []
    # SQLite keeps moments as text of any form and zone: a day more on each side, and all else.
    margin = dt.timedelta(days=1) if _is_sqlite(connection) else dt.timedelta()
    if window.start is not None:
        sides.append(f"{time} >= :kronkers_start")
        values["kronkers_start"] = _moment(connection, window.start - margin)
    if window.end is not None:
        sides.append(f"{time} < :kronkers_end")
        values["kronkers_end"] = _moment(connection, window.end + margin)
    condition = " AND ".join(sides)
    if _is_sqlite(connection):
        condition = f"({condition}) OR {time} NOT GLOB '[0-9][0-9][0-9][0-9]-*'"
    return f" WHERE {condition}", values


def _moment(connection: Connection, moment: dt.datetime) -> Any:
    naive = moment.replace(tzinfo=None)
    if not _is_sqlite(connection):
        return naive
    # The shortest text sorts right before and against every longer form of the same moment.
    return naive.date().isoformat() if naive.time() == dt.time() else naive.isoformat(" ")


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _frame(rows: Sequence[Any], source: SourceSpec, window: Window, place: Place) -> pl.DataFrame:
    columns = zip(*rows, strict=True)
    typed = [
        casting.cast(_series(values, column, place), column, place)
        for values, column in zip(columns, source.schema, strict=True)
    ]
    return within(pl.DataFrame(typed), source.time_column, window)


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
    found = " and ".join(sorted(k.__name__ for k in kinds))
    raise place.error(
        f"column {name} is declared {column.type}, but is {found}", "Cast it in the source's query."
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


def _failed(error: Exception, place: Place) -> SourceError:
    """SQLAlchemy's and drivers' messages may hold rows, statements and passwords: only the kind is said."""
    inner = getattr(error, "orig", None)
    text = str(inner or "").lower()
    if "utf-8" in text or isinstance(inner, UnicodeError):
        return place.error(
            "a text column holds bytes that are not UTF-8", "Correct the data in the database."
        )
    if "no such table" in text or "does not exist" in text or "no such column" in text:
        return place.error(
            "the query names a table or column that does not exist", "Correct `query:` of the source."
        )
    kind = type(inner or error).__name__
    return place.error(
        f"the database refused or could not be reached ({kind})",
        "Check `url:` and `query:` of the source, that the server runs, and the account's rights.",
    )
