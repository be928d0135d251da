"""Strict casts: raw columns of a source become exactly the declared columns, or an error without values.

A cast never guesses: text is read in the forms of ``frames.parsing`` and no other, typed columns go through
``frames.tables.converted``, and a value that the declared type cannot hold is an error. A type that never
fits is one too, also where there is no row. Timestamps without a zone are UTC. No text may hold a NUL byte,
and a category with declared levels no other level.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.near import near
from kronkers_batch.frames.parsing import FORMS, parsed
from kronkers_batch.frames.schema import SPANS, Column, ColumnType, Schema
from kronkers_batch.frames.tables import converted, of_years, type_name

_EXAMPLES = 20  # values that are kept for who may read the data
_TEXTS = (ColumnType.STRING, ColumnType.CATEGORY)


def missing_columns(schema: Schema, found: Iterable[str], place: Place) -> None:
    """Raises SourceError naming every declared column that is not there, with a found name spelt like it."""
    names = list(found)
    missing = [n for n in schema.names if n not in names]
    if not missing:
        return
    said = ", ".join(f"{n} (did you mean {close}?)" if (close := near(n, names)) else n for n in missing)
    noun = "column is" if len(missing) == 1 else "columns are"
    raise place.error(
        f"{len(missing)} declared {noun} not there: {said}",
        f"{_counted(len(names), len(schema) - len(missing), len(schema))} "
        "Change `columns:` in the source's file, or ask who delivers the data.",
        "its columns:\n" + "\n".join(names),
    )


def _counted(found: int, there: int, declared: int) -> str:
    """How many columns there are; never which, as a file without column names has its first row there."""
    has = f"It has {found} {'column' if found == 1 else 'columns'}"
    if not there:
        return f"{has}, none of them declared: does it begin with a line of column names?"
    return f"{has}, among them {there} of the {declared} declared ones."


def check_types(schema: Schema, found: Iterable[tuple[str, pl.DataType]], place: Place) -> None:
    """Raises SourceError when a found type can never become the declared one; reads no rows."""
    for name, dtype in found:
        if name in schema:
            cast(pl.Series(name, [], dtype=dtype), schema[name], place)


def cast_frame(raw: pl.DataFrame, schema: Schema, place: Place) -> pl.DataFrame:
    """The declared columns, in order and in their types. Raises SourceError."""
    missing_columns(schema, raw.columns, place)
    return pl.DataFrame([cast(raw.get_column(c.name), c, place) for c in schema])


def cast(raw: pl.Series, column: Column, place: Place) -> pl.Series:
    """One column in its declared type. Raises SourceError with types and counts, never values."""
    raw = _decoded(raw, column, place)
    if raw.dtype == pl.String and column.type not in _TEXTS:
        result = parsed(raw, column.type)
        if result.null_count() > raw.null_count():
            raise _unfit(raw, result.is_null() & raw.is_not_null(), column, place)
    else:
        result = _converted(raw, column, place)
    if column.type in _TEXTS:
        _check_text(result, column, place)
    if column.type in SPANS:
        _check_timestamp(result, column, place)
    return result


def _converted(raw: pl.Series, column: Column, place: Place) -> pl.Series:
    result = converted(raw, column)
    if result is None:
        raise place.error(
            f"column {column.name} is {type_name(raw.dtype)}, but declared as {column.type}",
            f"Declare another type for {column.name}, or convert it in the source.",
            str(raw.dtype),
        )
    if result.null_count() > raw.null_count():
        lost = result.is_null() & raw.is_not_null()
        if (lost == (of_years(raw).is_null() & raw.is_not_null())).all():
            raise _outside(lost, column, place)
        raise place.error(
            f"column {column.name} is declared as {column.type}, but {int(lost.sum())} of {len(raw)} rows "
            f"read ({type_name(raw.dtype)}) hold values that do not fit it exactly{_first(lost, place)}",
            f"Declare another type for {column.name}, or correct the source.",
        )
    return result


def _decoded(raw: pl.Series, column: Column, place: Place) -> pl.Series:
    if raw.dtype != pl.Binary:
        return raw
    try:
        return raw.cast(pl.String)
    except pl.exceptions.ComputeError:
        bad = pl.Series([value is not None and not _is_utf8(value) for value in raw], dtype=pl.Boolean)
    raise place.error(
        f"column {column.name}: {int(bad.sum())} of {len(raw)} rows read hold bytes that are not UTF-8"
        f"{_first(bad, place)}",
        "Save the data as UTF-8, or ask who delivers it to do so.",
    )


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _first(bad: pl.Series, place: Place) -> str:
    """Where the first of the bad rows lies, if that is known."""
    where = place.row(int(bad.arg_max() or 0))
    return f", the first in {where}" if where else ""


def _check_text(text: pl.Series, column: Column, place: Place) -> None:
    bad = text.str.contains("\0", literal=True).fill_null(False)
    if bad.any():
        raise place.error(
            f"column {column.name}: {int(bad.sum())} of {len(text)} rows read hold a NUL byte"
            f"{_first(bad, place)}",
            "No text may hold one: R and C programs would cut it there. Ask who delivers the data.",
        )
    if column.levels:
        bad = (~text.is_in(list(column.levels))).fill_null(False)
        if bad.any():
            raise place.error(
                f"column {column.name}: {int(bad.sum())} of {len(text)} rows read hold a level that is "
                f"not declared{_first(bad, place)}",
                f"Add it to the levels of {column.name}, or delete `levels:`, so that the program learns "
                "them.",
                _examples(text.filter(bad)),
            )


def _examples(values: pl.Series) -> str:
    """Some of the values that an error is about, for who may read the data."""
    some = values.unique(maintain_order=True).head(_EXAMPLES).cast(pl.String).to_list()
    return f"column {values.name}, such as:\n" + "\n".join(map(str, some))


def _check_timestamp(values: pl.Series, column: Column, place: Place) -> None:
    """Python, R and Julia, and this program's own profile, know the years 1 to 9999."""
    bad = (~values.to_physical().is_between(*SPANS[column.type])).fill_null(False)
    if bad.any():
        raise _outside(bad, column, place)


def _outside(bad: pl.Series, column: Column, place: Place) -> SourceError:
    return place.error(
        f"column {column.name}: {int(bad.sum())} of {len(bad)} rows read lie outside the years 1 to 9999"
        f"{_first(bad, place)}",
        "Correct the data, or leave such rows out; write null for an unknown time.",
    )


def _unfit(raw: pl.Series, bad: pl.Series, column: Column, place: Place) -> SourceError:
    values, count = raw.filter(bad), int(bad.sum())
    numbers = int(values.cast(pl.Float64, strict=False).is_not_null().sum())
    found = "number" if numbers == count else "text" if numbers == 0 else "number or text"
    return place.error(
        f"column {column.name} is declared {column.type}, but in {count} of the {len(raw)} rows that were "
        f"read the {found} is no {column.type}{_first(bad, place)}",
        f"The forms of {column.type} are: {FORMS[column.type]}. "
        f"Correct the data, or declare {column.name} with the type it has now; "
        "if these texts mean 'missing', name one in `csv: {null: ...}` where the source is a CSV file.",
        _examples(values),
    )
