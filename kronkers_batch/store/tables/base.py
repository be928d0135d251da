"""What every table module starts from: the one `metadata`, and the words that say what a column reveals.

Every column of every table says in its ``info`` whether it lies in the database in clear, and why that is
harmless, or sealed, and under what. ``tests/unit/store/test_columns.py`` refuses a column that says
neither, and ``docs/reference/columns.md`` is made from these words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy
from sqlalchemy import MetaData

from kronkers_batch.errors import IntegrityError

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def clear(why: str) -> dict[str, object]:
    """``Column(..., info=clear("random id"))``: lies in clear; ``why`` says why that is harmless."""
    return {"clear": why}


def sealed(under: str) -> dict[str, object]:
    """``Column(..., info=sealed("the version's data key"))``: ciphertext only, under the named key."""
    return {"sealed": under}


class _Only:
    """Values of one Python type, and null: SQLite stores anything in any column."""

    kind: type

    def result_processor(self, _dialect: object, _coltype: object) -> Callable[[Any], Any]:
        """As SQLAlchemy calls it: what becomes of each value that is read."""
        kind = self.kind

        def check(value: Any) -> Any:
            if value is not None and type(value) is not kind:
                raise IntegrityError(
                    "a value in the database is not of its column's type: somebody changed it",
                    where="database",
                    fix="Restore the last backup, and find out who can write to the database.",
                )
            return value

        return check


class String(_Only, sqlalchemy.String):
    """Text, and nothing else."""

    kind = str


class Integer(_Only, sqlalchemy.Integer):
    """A whole number, and nothing else."""

    kind = int


class BigInteger(_Only, sqlalchemy.BigInteger):
    """A whole number of 64 bits, and nothing else."""

    kind = int


class LargeBinary(_Only, sqlalchemy.LargeBinary):
    """Bytes, and nothing else."""

    kind = bytes
