"""The types of what is asked of the database, and of what it answers."""

from __future__ import annotations

from typing import TypeAlias

from sqlalchemy import Row, Select

StoredRow: TypeAlias = Row[tuple[object, ...]]
"""A row of any table or query, whose columns are attributes."""

Query: TypeAlias = Select[tuple[object, ...]]
"""A query of any columns."""

Cell: TypeAlias = str | int | bytes
"""A value of a column, as a signature covers it."""
