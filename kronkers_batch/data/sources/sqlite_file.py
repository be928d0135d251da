"""A SQLite file as a source: nothing is written, no other file is reached, and no query goes on for ever.

The file is opened with ``mode=ro``. While the library prepares a statement it asks ``_Rules`` about each
thing that it would do, in the statement, in views and in virtual tables alike: to read tables and to call
functions that only compute is all that is allowed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import os
import re
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.config.opening import Opened
from kronkers_batch.data.sources import sqlitenames
from kronkers_batch.data.sources.place import Place
from kronkers_batch.data.sources.session import VALUE, Found, refuse_warehouse, too_long
from kronkers_batch.data.timelimit import TimeIsUp, TimeLimit
from kronkers_batch.errors import SourceError

if TYPE_CHECKING:
    from sqlalchemy import URL

_PRAGMAS = (
    "query_only = ON",
    "trusted_schema = OFF",  # a view of the file calls no function that could do harm
    "cell_size_check = ON",  # damaged pages are noticed before they are read
    "mmap_size = 0",  # a file that is cut off while it is mapped kills the process
    "temp_store = MEMORY",  # what a query sorts would lie on a disk in clear
    # Of the whole process, and so of the warehouse too, which needs a small part of it.
    f"hard_heap_limit = {2**30}",
)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 4 * VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: VALUE,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_FUNCTIONS = frozenset(
    """
    -> ->> abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos
    cosh count cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp
    first_value floor format glob group_concat hex if ifnull iif instr json json_array json_array_length
    json_each json_error_position json_extract json_group_array json_group_object json_insert json_object
    json_patch json_pretty json_quote json_remove json_replace json_set json_tree json_type json_valid jsonb
    jsonb_array jsonb_extract jsonb_insert jsonb_object jsonb_patch jsonb_remove jsonb_replace jsonb_set
    julianday lag last_value lead length like likelihood likely ln log log10 log2 lower ltrim max median min
    mod nth_value ntile nullif octet_length percent_rank percentile percentile_cont percentile_disc pi pow
    power printf quote radians random randomblob rank replace round row_number rtrim sign sin sinh soundex
    sqlite_version sqrt strftime string_agg substr substring subtype sum tan tanh time timediff total trim
    trunc typeof unhex unicode unistr unistr_quote unixepoch unlikely upper zeroblob
    """.split()  # noqa: SIM905 - as words they fit on a page
)
# What is later its functions round up to a year that they do not know: they give null, and no row is read.
_LAST = dt.datetime(9999, 12, 31, 23, 59, 59)
_OWN = frozenset({"sqlite_master", "sqlite_schema", "json_each", "json_tree"})
_VIRTUAL = re.compile(r"\s*create(?:\s|/\*.*?\*/|--[^\n]*\n)+virtual\b", re.IGNORECASE | re.DOTALL)


@contextlib.contextmanager
def opened(file: Opened, limit: dt.timedelta, place: Place, key: str) -> Iterator[SQLite]:
    """The file, for as long as ``limit``; sqlite3's errors inside become SourceErrors without a value."""
    clock: TimeLimit | None = None
    rules = _Rules()
    try:
        # A generator may go on in another thread than the one that began it.
        address = f"{Path(file.real).as_uri()}?mode=ro"
        with contextlib.closing(
            sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
        ) as connection:
            clock = TimeLimit(limit, connection.interrupt)
            with clock:
                mode = _lock(connection, rules, place)
                if not _has_opened(file):
                    raise place.error(
                        "the file was exchanged while it was opened", "Run it again when it is delivered."
                    )
                before = _state(file, mode)
                try:
                    yield SQLite(connection)
                except sqlite3.Error:  # what is wrong in it may be that it was being written
                    _refuse_changed(before, file, mode, place)
                    raise
                _refuse_changed(before, file, mode, place)
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, MemoryError, OSError) as error:
        if clock is not None and clock.over:
            raise TimeIsUp from None
        raise _failed(error, rules, place, key) from None


class SQLite:
    """An open file. Made by :func:`opened`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def quote(self, name: str) -> str:
        """A name in back quotes."""
        return sqlitenames.quoted(name)

    def mark(self, number: int) -> str:
        """Numbered, with a question mark."""
        return f"?{number}"

    def timestamp(self, timestamp: dt.datetime) -> str:
        """The shortest text, which sorts right before and against every longer form of the same time."""
        naive = min(timestamp.replace(tzinfo=None), _LAST)
        return naive.date().isoformat() if naive.time() == dt.time() else naive.isoformat(" ")

    def day(self, day: dt.date) -> str:
        """As text."""
        return day.isoformat()

    def columns(self, query: str, values: Sequence[object]) -> list[Found]:
        """The columns that a SELECT gives; reads no row."""
        probe = f"SELECT * FROM ({query}\n) AS kronkers_source WHERE 1 = 0"  # noqa: S608 - the department's own
        cursor = self._connection.execute(sqlitenames.named(probe), values)
        return [Found(d[0], self.quote(d[0])) for d in cursor.description]

    def rows(self, query: str, values: Sequence[object]) -> Generator[tuple[object, ...]]:
        """The rows of a SELECT, which come while they are read."""
        yield from self._connection.execute(sqlitenames.named(query), values)


class _Rules:
    """What a statement may do; ``refused`` is the last thing that it may not, in words."""

    def __init__(self) -> None:
        self.refused = ""
        self.tables: frozenset[str] = _OWN

    def __call__(self, action: int, first: str | None, second: str | None, *_where: str | None) -> int:
        """SQLite's question; what is not listed is refused."""
        match action:
            case sqlite3.SQLITE_SELECT | sqlite3.SQLITE_RECURSIVE:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_READ if first is not None and first.lower() in self.tables:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_FUNCTION if second is not None and second.lower() in _FUNCTIONS:
                return sqlite3.SQLITE_OK
            case sqlite3.SQLITE_FUNCTION:
                # It is one of the library's own: a function that it does not have is another error.
                self.refused = f"it calls the function {second}, which a source may not"
            case sqlite3.SQLITE_READ:
                self.refused = "it reads a virtual table, which a source may not"
            case _:
                self.refused = "it does something else than to read tables and views"
        return sqlite3.SQLITE_DENY


def _lock(connection: sqlite3.Connection, rules: _Rules, place: Place) -> str:
    """From here on the connection can do what ``rules`` allow and nothing else; the file's journal mode."""
    for code, most in _LIMITS.items():
        connection.setlimit(code, most)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    # These two virtual tables are of the library and read no file; afterwards no other can be connected.
    for name in ("json_each", "json_tree"):
        connection.execute(f"SELECT 1 FROM {name}('[]')")  # noqa: S608 - one of two names
    # One transaction, in which no other program that uses the library writes: all is read in one state.
    connection.execute("BEGIN")
    there = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'view')"
    ).fetchall()
    refuse_warehouse((str(name) for name, _ in there), place)
    rules.tables |= {str(name).lower() for name, sql in there if not _VIRTUAL.match(str(sql))}
    ((mode,),) = connection.execute("PRAGMA journal_mode").fetchall()
    connection.set_authorizer(rules)
    return str(mode)


def _state(file: Opened, mode: str) -> tuple[object, ...]:
    """What is another where another file lies in its place, or it was written past the library."""
    try:
        now = os.stat(file.real)  # noqa: PTH116 - as it was opened
    except OSError:
        return ()
    which: tuple[object, ...] = (now.st_dev, now.st_ino)
    # In WAL mode others write to the file while it is read, and keep what it was aside.
    return which if mode == "wal" else (*which, now.st_size, now.st_mtime_ns)


def _refuse_changed(before: tuple[object, ...], file: Opened, mode: str, place: Place) -> None:
    if _state(file, mode) != before:
        raise place.error(
            "the file changed while it was read", "Run it again when it is delivered."
        ) from None


def _has_opened(file: Opened) -> bool:
    """Whether this process has the judged file open to be read: SQLite opens it by its path, which may be led
    elsewhere meanwhile, and only then knows the names of the files beside it."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - numbers
        with contextlib.suppress(OSError):  # another thread has closed it
            info = os.fstat(descriptor)
            same = (info.st_dev, info.st_ino) == (file.info.st_dev, file.info.st_ino)
            if same and not fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_PATH:
                return True
    return False


def path(url: URL, place: Place) -> Path:
    """The file that a URL names. Raises SourceError."""
    if url.query:
        raise place.error("the URL has options", "Write sqlite:////absolute/path.db, and nothing behind it.")
    if not url.database or url.database.startswith((":memory:", "file:")) or url.host:
        raise place.error("the URL names no file", "Write sqlite:////absolute/path.db")
    return Path(url.database).absolute()


_SAID: tuple[tuple[str, str, str], ...] = (
    ("utf-8", "a text column holds bytes that are not UTF-8", "Correct the data in the database."),
    (
        "no such",
        "the query names a table, column or function that does not exist",
        "Correct `{key}:` of the source; there a name may stand in double quotes, a text in single ones.",
    ),
    (
        "one statement",
        "it is not a single SELECT that SQLite knows",
        "Write one SELECT statement in the source's SQL, nothing else.",
    ),
    (
        "unsafe use of",
        "a view of the file calls a function that it may not",
        "Let the query SELECT from tables.",
    ),
    ("incomplete input", "it is not a single SELECT that SQLite knows", "Correct `{key}:` of the source."),
    ("syntax error", "it is not a single SELECT that SQLite knows", "Correct `{key}:` of the source."),
    (
        "malformed",
        "the file is damaged",
        "Have the program that writes it check it, or put back a whole copy.",
    ),
    ("not a database", "the file is no SQLite database", "Correct `url:`, or deliver the file again."),
    ("locked", "another program holds the database locked", "Run it again when that program is done."),
    (
        "readonly",
        "the database cannot be read without writing to it: a program stopped within a write",
        "Open it once with the program that writes it.",
    ),
    (
        "unable to open",
        "the file cannot be opened",
        "Give the account that runs this the right to read it; of a database in WAL mode also its folder.",
    ),
)


def _failed(error: BaseException, rules: _Rules, place: Place, key: str) -> SourceError:
    """SQLite's messages may quote names and values of the file: only the kind is said."""
    text = str(error).lower()
    if rules.refused and ("not authorized" in text or "prohibited" in text or "vtable" in text):
        return place.error(
            f"the query is refused: {rules.refused}", "Let it SELECT from tables and views alone."
        )
    if isinstance(error, MemoryError) or "out of memory" in text:
        return place.error(
            "the query needs more than the 1 GB of memory that it may use",
            "Read less: fewer columns, a filter, no ORDER BY over everything.",
        )
    if "too big" in text:
        return too_long(place, "a value")
    for part, what, fix in _SAID:
        if part in text:
            return place.error(what, fix.format(key=key), str(error))
    return place.error(
        f"SQLite stopped with {type(error).__name__}",
        f"Check `{key}:` of the source with SQLite's own shell.",
        str(error),
    )
