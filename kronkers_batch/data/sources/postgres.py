"""A PostgreSQL database as a source: one statement, in a transaction that cannot write and is not committed.

The statement goes by the extended protocol, in which the server itself refuses a second one. What a read-only
transaction does not stop are functions that reach out of the database (into the server's files, to other
sessions): an account that may call those is refused. Rows come one after the other, so that an endless result
takes no memory.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import socket
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.session import VALUE, Found, refuse_warehouse
from kronkers_batch.data.timelimit import TimeIsUp, TimeLimit
from kronkers_batch.errors import MissingPart, SourceError

if TYPE_CHECKING:
    import psycopg
    from sqlalchemy import URL

_CONNECT, _HOSTS = 30, 8  # seconds that each of so many hosts is waited for
_LOCKED = dt.timedelta(minutes=10)  # longest wait for a lock that somebody holds
_GRACE = dt.timedelta(seconds=5)  # a server that does not stop by itself is hung up on
_CHUNK = 16  # rows that come at a time
_MAX_MS = 2**31 - 1
# What is not in the URL is not taken from the account that runs this, whose password or certificate a server
# would be given that anybody named in a URL: libpq finds nothing under these names, and asks nowhere else.
_NOWHERE = "/dev/null/none"
_NOT_OURS = {"password": "", "passfile": _NOWHERE, "sslcert": _NOWHERE, "sslkey": _NOWHERE}
# Of libpq's options those that say how to reach the server; `options` could take back what is set here.
_OPTIONS = frozenset(
    "host port sslmode sslrootcert sslcert sslkey sslcrl sslsni channel_binding gssencmode krbsrvname"  # noqa: SIM905
    " target_session_attrs keepalives keepalives_idle keepalives_interval".split()
)
_ROLES = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_signal_backend")
_FUNCTIONS = [
    *("pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "lo_import", "lo_export"),
    *("pg_file_write", "pg_file_unlink", "pg_file_rename", "pg_file_sync", "pg_reload_conf", "pg_promote"),
    *("pg_rotate_logfile", "pg_switch_wal", "pg_create_restore_point", "pg_stat_reset"),
]
_RIGHTS = """
SELECT coalesce(bool_or(r.rolsuper), true), coalesce(bool_or(r.rolreplication), true),
    coalesce(bool_or(r.rolname = ANY ($1)), true),
    EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = ANY ($2)
        AND p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
        AND pg_catalog.has_function_privilege(SESSION_USER, p.oid, 'EXECUTE'))
FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(SESSION_USER, r.oid, 'MEMBER')
"""
_TABLES = """
SELECT pg_catalog.array_agg(c.relname::pg_catalog.text) FROM pg_catalog.pg_class c
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') GROUP BY c.relnamespace
"""
# Types by their number, which is the same on every server. Values of these are never long:
_INT, _FLOAT, _TIMESTAMP = pl.Int64(), pl.Float64(), pl.Datetime("us", "UTC")
_SHORT: dict[int, pl.DataType] = {16: pl.Boolean(), 20: _INT, 21: _INT, 23: _INT, 26: _INT, 700: _FLOAT}
_SHORT |= {701: _FLOAT, 1082: pl.Date(), 1114: _TIMESTAMP, 1184: _TIMESTAMP, 1700: pl.Decimal(38, 10)}
_TEXT, _BLOB = pl.String(), pl.Binary()
_BYTES = 17
_TEXTS = frozenset({25, 1043})
# And these come as objects that no column is made of:
_REFUSED = frozenset({114, 650, 869, 1083, 1186, 1266, 2249, 2950, 3802, 3904, 3906, 3908, 3910, 3912, 3926})


@contextlib.contextmanager
def opened(url: URL, limit: dt.timedelta, place: Place, key: str) -> Iterator[Postgres]:
    """The database, for as long as ``limit``; errors of the driver become SourceErrors without a value."""
    try:
        import psycopg
    except ImportError:
        raise MissingPart(
            "the driver of PostgreSQL is not installed",
            where=str(place),
            fix="Install it into the program's environment: pip install 'psycopg[binary]'",
        ) from None
    clock: TimeLimit | None = None
    begun = dt.datetime.now(dt.UTC)
    try:
        # The values of the URL are given one by one: none can be taken for another option.
        with contextlib.closing(psycopg.connect(**_parameters(url, place))) as connection:
            connection.read_only = True  # of each transaction, from its first statement
            clock = TimeLimit(limit + _GRACE, lambda: _hang_up(connection))
            with clock:
                try:
                    _prepare(connection, limit)
                    _refuse_rights(connection, place)
                    for (tables,) in connection.execute(_TABLES).fetchall():
                        refuse_warehouse(tables, place)
                    yield Postgres(connection)
                finally:
                    with contextlib.suppress(psycopg.Error):
                        connection.rollback()  # nothing is ever committed
    except (psycopg.Error, UnicodeError, OverflowError) as error:
        if (clock is not None and clock.over) or (
            getattr(error, "sqlstate", None) == "57014" and dt.datetime.now(dt.UTC) - begun >= limit
        ):
            raise TimeIsUp from None
        raise _failed(error, place, key) from None


class Postgres:
    """An open transaction. Made by :func:`opened`."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    def quote(self, name: str) -> str:
        """A name in double quotes."""
        return '"' + name.replace('"', '""') + '"'

    def mark(self, number: int) -> str:
        """Numbered, with a dollar sign, as the server itself binds them."""
        return f"${number}"

    def timestamp(self, timestamp: dt.datetime) -> dt.datetime:
        """Without a zone; with one it is compared in the session's, which is UTC."""
        return timestamp.replace(tzinfo=None)

    def day(self, day: dt.date) -> dt.date:
        """As it is."""
        return day

    def columns(self, query: str, values: Sequence[object]) -> list[Found]:
        """The columns that a SELECT gives; reads no row."""
        import psycopg

        probe = f"SELECT * FROM ({query}\n) AS kronkers_source WHERE false"  # noqa: S608 - the department's own
        with psycopg.RawCursor(self._connection) as cursor:
            # What asks for binary results goes by the extended protocol, with and without values.
            cursor.execute(_sent(probe), values, binary=True)
            return [self._found(column) for column in cursor.description or ()]

    def rows(self, query: str, values: Sequence[object]) -> Generator[tuple[object, ...]]:
        """The rows of a SELECT, which come while they are read. Closing the iterator cancels it."""
        import psycopg

        size = _CHUNK if psycopg.capabilities.has_stream_chunked() else 1
        with psycopg.RawCursor(self._connection) as cursor:
            yield from cursor.stream(_sent(query), values, size=size)

    def _found(self, column: psycopg.Column) -> Found:
        quoted, oid = self.quote(column.name), column.type_code
        known = self._connection.adapters.types.get(oid)
        if known is not None and known.array_oid == oid:
            return Found(column.name, quoted, refused=f"an array of {known.name}")
        if oid in _REFUSED:
            return Found(column.name, quoted, refused=known.name if known is not None else "of another type")
        short = column.display_size is not None and column.display_size <= VALUE // 4
        if oid in _SHORT or short:
            return Found(column.name, quoted, dtype=_SHORT.get(oid, _TEXT), whole=column.scale == 0)
        if oid == _BYTES:
            return Found(column.name, f"pg_catalog.substring({quoted}, 1, {VALUE + 1})", dtype=_BLOB)
        if oid in _TEXTS:
            return Found(column.name, f"pg_catalog.left({quoted}, {VALUE + 1})", dtype=_TEXT)
        # A cast to text would strip blanks that `concat` leaves; which makes a text of a null.
        text = f"pg_catalog.left(pg_catalog.concat({quoted}), {VALUE + 1})"
        return Found(column.name, f"CASE WHEN {quoted} IS NOT NULL THEN {text} END", dtype=_TEXT)


def _sent(query: str) -> bytes:
    """As bytes, the driver takes any text for a query; it does not look for placeholders in it."""
    return query.encode()


def _parameters(url: URL, place: Place) -> dict[str, Any]:
    unknown = sorted(set(url.query) - _OPTIONS)
    if unknown:
        raise place.error(
            "the URL has options that a source may not set",
            f"Leave in it only: {', '.join(sorted(_OPTIONS))}",
        )
    given: dict[str, object] = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        "password": url.password,
    }
    given |= {"dbname": url.database, "connect_timeout": _CONNECT} | dict(url.query)
    _refuse_waiting(given, place)
    return {**_NOT_OURS, **{name: value for name, value in given.items() if value is not None}} | {
        "application_name": f"kronkers source {place.source}",
        "client_encoding": "utf8",
        "options": "",  # nor those of the environment
        "prepare_threshold": None,
    }


def _refuse_waiting(given: Mapping[str, object], place: Place) -> None:
    """Raises SourceError where a server that does not answer could keep us for longer than a few minutes."""
    hosts = str(given["host"] or "").count(",") + 1
    if hosts > _HOSTS:
        raise place.error(
            "the URL names too many hosts: a run would wait long for servers that do not answer",
            f"Name at most {_HOSTS} hosts.",
        )


def _prepare(connection: psycopg.Connection[tuple[object, ...]], limit: dt.timedelta) -> None:
    """Settings of this one transaction, so that they hold behind a pool of connections too."""
    for name, time in (
        ("statement_timeout", limit),
        ("lock_timeout", min(limit, _LOCKED)),
        ("idle_in_transaction_session_timeout", limit + _GRACE),
    ):
        milliseconds = max(1, min(int(time.total_seconds() * 1000), _MAX_MS))
        connection.execute(_sent(f"SET LOCAL {name} = {milliseconds}"))
    # Naive and zoned timestamps compare by the session's zone.
    connection.execute(b"SET LOCAL TIME ZONE 'UTC'")


def _refuse_rights(connection: psycopg.Connection[tuple[object, ...]], place: Place) -> None:
    import psycopg

    with psycopg.RawCursor(connection) as cursor:
        row = cursor.execute(_RIGHTS, [list(_ROLES), _FUNCTIONS]).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    found = ("a superuser", "a replication account", f"a member of one of {', '.join(_ROLES)}")
    said = [
        what
        for what, has in zip((*found, "allowed to call functions for administrators"), row, strict=True)
        if has
    ]
    if said:
        raise place.error(
            f"the account in `url:` is {said[0]}: it may do more than read",
            "Let an administrator of the database make an account that may only read: "
            "CREATE ROLE reader LOGIN PASSWORD '...'; GRANT SELECT ON the tables TO reader;",
        )


def _hang_up(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """The reader notices at once, whatever the server does."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        line.shutdown(socket.SHUT_RDWR)


_QUERY, _ACCOUNT = "Correct `{key}:` of the source.", "Check the account and the password in `url:`."
_SAID = {
    "25": ("the query is refused: it would write", "Let it be a SELECT that changes nothing."),
    "2D": ("the query is refused: it would end the transaction", "Let it be a SELECT that changes nothing."),
    "28": ("the server refused the account or its password", _ACCOUNT),
    "3D000": ("there is no such database on the server", "Correct `url:` of the source."),
    "42501": (
        "the account may not read what the query asks for",
        "GRANT SELECT ON the tables to the account.",
    ),
    "42P01": ("the query names a table or column that does not exist", _QUERY),
    "42703": ("the query names a table or column that does not exist", _QUERY),
    "42883": ("the query calls a function or operator that does not exist", _QUERY),
    "42": ("it is not a single SELECT that the server understands", _QUERY),
    "0A": ("it is not a single SELECT that the server understands", _QUERY),
    "22021": ("a text column holds bytes that are not UTF-8", "Correct the data in the database."),
    "22": ("a value could not be converted or is out of range", "Correct the data or the query."),
    "53": ("the server is short of memory, disk or connections", "Run it again later."),
    "55P03": ("another program holds the tables locked", "Run it again when that program is done."),
    "57014": ("the server cancelled the query", "Ask who runs the server, and run it again."),
    "57": ("the server ended the connection", "Run it again when the server runs."),
    "P0": ("a function of the database raised an error", "Ask who wrote it, or leave it out of the query."),
}
# Where nobody could connect there is no SQLSTATE.
_UNCONNECTED = (
    ("password authentication failed", *_SAID["28"]),
    ("no password supplied", *_SAID["28"]),
    ("does not exist", "there is no such database or account on the server", "Correct `url:` of the source."),
    (
        "timeout expired",
        "the server does not answer",
        "Check `url:` of the source, and that the server runs.",
    ),
    (
        "connection refused",
        "no server answers there",
        "Check `url:` of the source, and that the server runs.",
    ),
    ("resolve host", "there is no server of this name", "Correct `url:` of the source."),
    ("could not translate", "there is no server of this name", "Correct `url:` of the source."),
    ("server closed the connection", "the server ended the connection", "Run it again when the server runs."),
)


def _failed(error: BaseException, place: Place, key: str) -> SourceError:
    """What servers and drivers say may hold rows and statements: only the kind is shown."""
    said = str(error)
    state = str(getattr(error, "sqlstate", None) or "")
    state = state if state.isascii() and state.isalnum() else ""  # it is the server's text too
    for length in (5, 2):
        if known := _SAID.get(state[:length]):
            return place.error(known[0], known[1].format(key=key), said)
    if isinstance(error, UnicodeError):
        return place.error(
            "a text column holds bytes that are not UTF-8", "Correct the data in the database.", said
        )
    if type(error).__name__ == "DataError" and not state:
        return place.error(
            "the program cannot read a value, such as infinity, or a date before the year 1 or after 9999",
            "Limit such values, or leave the rows out, in the source's query.",
            said,
        )
    for part, what, fix in _UNCONNECTED:
        if not state and part in said.lower():
            return place.error(what, fix, said)
    kind = f"SQLSTATE {state}" if state else type(error).__name__
    return place.error(
        f"the database refused or could not be reached ({kind})",
        f"Check `url:` and `{key}:` of the source, that the server runs, and the account's rights.",
        said,
    )
