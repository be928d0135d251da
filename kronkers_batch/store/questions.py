"""Many questions in one statement, each a look into an index.

Handed over as one JSON value: a parameter for each value would cost a statement of some hundred questions ten
times as long to put together as to run, and a database takes only so many of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, String, cast, select
from sqlalchemy.sql.selectable import CTE
from sqlalchemy.types import TypeEngine

from kronkers_batch.store import databases


def asked(
    conn: Connection, columns: Mapping[str, type[TypeEngine[Any]]], rows: Iterable[Sequence[object]]
) -> CTE:
    """Questions as a table that is joined with another one.

    Args:
        conn: Of the database that will be asked.
        columns: What each question says, by name: text (String) or a whole number (BigInteger).
        rows: Their values, in the order of the columns; no nulls.

    Returns:
        The table ``asked``, with these columns.
    """
    data = json.dumps([list(row) for row in rows])
    found = databases.of(conn).elements(data, len(columns))
    typed = (cast(one, kind).label(name) for one, (name, kind) in zip(found, columns.items(), strict=True))
    return select(*typed).cte("asked")


def texts(*names: str) -> dict[str, type[TypeEngine[Any]]]:
    """Columns of text."""
    return dict.fromkeys(names, String)
