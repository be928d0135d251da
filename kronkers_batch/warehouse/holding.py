"""What the formats of exports cannot hold: refused, where a file would have other values than the output.

Left as they are: a ``NaN`` is ``null`` in JSON, which has no word for it; Excel keeps 15 digits of a float,
and milliseconds of a time, and shows an error where a number is NaN or infinite.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from kronkers_batch.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

_DIGITS = 15
_TEXT = 32_767  # characters of a cell
_FIRST = dt.date(1900, 3, 1)  # Excel takes 1900 for a leap year, and counts no day before it
_CSV = "Write .csv"


def refuse_types(frame: pl.DataFrame) -> None:
    """Raises UsageError on a column that is no text, number, truth, date or time."""
    import polars as pl

    texts = (pl.String, pl.Categorical, pl.Enum)
    plain = (*texts, pl.Boolean, pl.Date, pl.Datetime, pl.Time, pl.Null)
    for number, kind in enumerate(frame.dtypes, 1):
        if not (kind.is_numeric() or kind in plain):
            raise _unfit(number, "has a type that only Parquet can hold", "Cast it in the query")


def refuse_for_json(frame: pl.DataFrame) -> None:
    """Raises UsageError where JSON would have another value."""
    refuse_types(frame)
    for number, column in enumerate(frame.iter_columns(), 1):
        if column.dtype.is_float() and column.is_infinite().any():
            raise _unfit(number, "holds infinite numbers, which JSON cannot hold", _CSV)


def refuse_for_excel(frame: pl.DataFrame) -> None:
    """Raises UsageError where a cell of Excel would have another value."""
    refuse_types(frame)
    for number, column in enumerate(frame.iter_columns(), 1):
        if _has_long_numbers(column):
            what = f"holds numbers of more than {_DIGITS} digits, of which Excel changes the last ones"
            raise _unfit(number, what, _CSV)
        if _has_long_texts(column):
            raise _unfit(number, f"holds texts that Excel cuts after {_TEXT:,} characters", _CSV)
        if _has_old_days(column):
            raise _unfit(number, "holds dates before March 1900, which Excel cannot hold", _CSV)


def _unfit(number: int, what: str, fix: str) -> UsageError:
    # Not by its name, which a query may have made of a value.
    return UsageError(f"column {number} {what}", fix=f"{fix}, or write .parquet.")


def _has_long_numbers(column: pl.Series) -> bool:
    whole = column.dtype.is_integer() or column.dtype.is_decimal()
    return whole and not column.is_between(-(10**_DIGITS), 10**_DIGITS).all()


def _has_long_texts(column: pl.Series) -> bool:
    import polars as pl

    if column.dtype not in (pl.String, pl.Categorical, pl.Enum):
        return False
    return bool((column.cast(pl.String).str.len_chars() > _TEXT).any())


def _has_old_days(column: pl.Series) -> bool:
    import polars as pl

    return column.dtype in (pl.Date, pl.Datetime) and not (column.cast(pl.Date) >= _FIRST).all()
