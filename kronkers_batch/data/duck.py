"""DuckDB, locked down: it sees the declared files and nothing else, and writes nothing to any disk."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kronkers_batch.data.timelimit import TimeIsUp, TimeLimit

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_THREADS = 2


@contextlib.contextmanager
def connect(
    allowed: Sequence[Path], memory: int, threads: int = _THREADS
) -> Iterator[duckdb.DuckDBPyConnection]:
    """An in-memory connection that may read ``allowed`` and use ``memory`` bytes; more fails.

    The order matters: what may be read is said before external access goes off, and the lock comes last.
    Without a temporary folder a query that needs more memory fails instead of spilling rows in clear.
    """
    import duckdb

    connection = duckdb.connect(":memory:")
    try:
        files = ", ".join(quoted_text(str(path)) for path in allowed)
        connection.execute(f"SET allowed_paths = [{files}]")
        connection.execute("SET temp_directory = ''")
        connection.execute("SET python_enable_replacements = false")
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        connection.execute("SET allow_community_extensions = false")
        connection.execute(f"SET memory_limit = '{memory // 1024}KiB'")
        connection.execute(f"SET threads = {threads}")
        connection.execute("SET preserve_insertion_order = true")
        # A naive timestamp in SQL is UTC here, whatever the machine's zone.
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def timed(connection: duckdb.DuckDBPyConnection, limit: dt.timedelta) -> Iterator[None]:
    """Stops what the connection runs in this block after ``limit``. Raises TimeIsUp."""
    import duckdb

    with TimeLimit(limit, connection.interrupt) as clock:
        try:
            yield
        except duckdb.Error:
            if clock.over:
                raise TimeIsUp from None
            raise


def quoted_name(name: str) -> str:
    """A name as a SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


# Quoted texts and names, comments and casts are passed over; what is left with a mark is a parameter.
_PARAMETER = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | :: | (?<![\w$:])[:$](date|from|to)\b""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


def parameters(sql: str) -> frozenset[str]:
    """Which of ``date``, ``from`` and ``to`` the query asks for, as ``:date`` or ``$date``."""
    return frozenset(m[1].lower() for m in _PARAMETER.finditer(sql) if m[1])


def replaced(sql: str, values: dict[str, str], rest: Callable[[str], str] = str) -> str:
    """The query with its parameters replaced by SQL literals or other parameter marks.

    Args:
        rest: What becomes of the text between them.
    """
    done, parts = 0, []
    for match in _PARAMETER.finditer(sql):
        if match[1]:
            parts += [rest(sql[done : match.start()]), values[match[1].lower()]]
            done = match.end()
    return "".join([*parts, rest(sql[done:])])


def streamed(relation: duckdb.DuckDBPyRelation, rows: int) -> Iterator[pa.RecordBatch]:
    """The result in batches. Raises duckdb.Error, also where Arrow makes an OSError of it on the way."""
    import duckdb

    try:
        yield from relation.to_arrow_reader(rows)
    except OSError as error:
        kind = str(error).partition(" Error:")[0].title().replace(" ", "")
        found = getattr(duckdb, f"{kind}Exception", duckdb.Error)
        raise found("while the result was streamed") from None


_QUOTES = "\"'`"
_WORD = re.compile(r"\w+")
# What stands between quoted names in DuckDB's own sentences: its words, and SQL's types.
_OWN = frozenset(
    re.findall(
        r"\w+",
        """a and column does found has have in is list named not of or table use
        BIGINT BLOB BOOLEAN DATE DECIMAL DOUBLE FLOAT HUGEINT INTEGER INTEGER_LITERAL INTERVAL SMALLINT
        STRING_LITERAL TIME TIMESTAMP TINYINT UBIGINT UINTEGER VARCHAR""",
    )
)


def words_of(message: str, query: str) -> str:
    """DuckDB's words about a query's text, and of what they quote only what is in the query itself.

    The names of columns may come from data: PIVOT makes them of values.
    """
    line = message.split("\n")[0].split("Candidate")[0].strip()
    marks = [i for i, letter in enumerate(line) if letter in _QUOTES]
    if not marks:
        return line[:300]
    own = {word.casefold() for word in _WORD.findall(query)}
    first, last = marks[0], marks[-1] + 1

    def kept(word: re.Match[str]) -> str:
        return word[0] if word[0].casefold() in own or word[0] in _OWN else "…"

    return (line[:first] + _WORD.sub(kept, line[first:last]) + line[last:])[:300]


def scrubbed(error: duckdb.Error, query: str) -> str:
    """What may be said of a DuckDB error: its kind, and the query's own names where it is about names."""
    import duckdb

    if isinstance(error, duckdb.CatalogException | duckdb.BinderException | duckdb.ParserException):
        return words_of(str(error), query)
    if isinstance(error, duckdb.PermissionException):
        return "it reads or writes a file that is not declared"
    if isinstance(
        error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException
    ):
        return f"a value could not be converted or is out of range ({type(error).__name__})"
    return f"DuckDB stopped with {type(error).__name__}"
