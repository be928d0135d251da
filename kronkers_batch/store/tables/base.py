"""What every table module starts from: the one `metadata`, and the words that say what a column reveals.

Every column of every table says in its ``info`` whether it lies in the database in clear, and why that is
harmless, or sealed, and under what. ``tests/unit/store/test_columns.py`` refuses a column that says
neither, and ``docs/reference/columns.md`` is made from these words.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def clear(why: str) -> dict[str, Any]:
    """``Column(..., info=clear("random id"))``: lies in clear; ``why`` says why that is harmless."""
    return {"clear": why}


def sealed(under: str) -> dict[str, Any]:
    """``Column(..., info=sealed("the version's data key"))``: ciphertext only, under the named key."""
    return {"sealed": under}
