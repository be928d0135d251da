"""Names in the SQL of SQLite: a name in double quotes that SQLite does not know becomes a text there.

So a misspelt column would have one value in all rows, and a condition on it hold for all of them or none. In
back quotes it is a name, or an error.
"""

from __future__ import annotations

import re

# Texts, names in each of their quotes, and comments.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^]]*\] | --[^\n]* | /\*.*?(?:\*/|\Z)""",
    re.VERBOSE | re.DOTALL,
)


def quoted(name: str) -> str:
    """A name in back quotes."""
    return "`" + name.replace("`", "``") + "`"


def named(sql: str) -> str:
    """The same SQL with its double quotes as back quotes."""
    return _TOKEN.sub(_back_quoted, sql)


def _back_quoted(token: re.Match[str]) -> str:
    if not token[0].startswith('"'):
        return token[0]
    return quoted(token[0][1:-1].replace('""', '"'))
