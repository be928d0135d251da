"""Strict casts: raw columns of a source become exactly the declared columns, or an error without values.

A cast never guesses: text is parsed in the forms listed here and nothing else, typed columns go through
``frames.tables.conform``, and a value that the declared type cannot hold is an error. Timestamps without a
zone are UTC. No text may hold a NUL byte, and a category with declared levels no other level.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import polars as pl

from kronkers_batch.data.sources.place import Place
from kronkers_batch.errors import SourceError
from kronkers_batch.frames.near import near
from kronkers_batch.frames.schema import SPANS, Column, ColumnType, Schema
from kronkers_batch.frames.tables import conform

_UTC = pl.Datetime("us", "UTC")
_WITH_ZONE = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
_WITHOUT_ZONE = (
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
)
_TRUE, _FALSE = ("true", "True", "TRUE", "1"), ("false", "False", "FALSE", "0")
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
        result = _PARSERS[column.type](raw)
        if bad := result.null_count() - raw.null_count():
            raise _unfit(raw.filter(result.is_null() & raw.is_not_null()), bad, len(raw), column, place)
    else:
        result = conform(raw.to_frame(), Schema((column,)), str(place)).to_series()
    if column.type in _TEXTS:
        _check_text(result, column, place)
    if column.type in SPANS:
        _check_moment(result, column, place)
    return result


def _decoded(raw: pl.Series, column: Column, place: Place) -> pl.Series:
    if raw.dtype != pl.Binary:
        return raw
    try:
        return raw.cast(pl.String)
    except pl.exceptions.ComputeError:
        bad = sum(not _is_utf8(value) for value in raw if value is not None)
    raise place.error(
        f"column {column.name}: {bad} of {len(raw)} rows read hold bytes that are not UTF-8",
        "Save the data as UTF-8, or ask who delivers it to do so.",
    )


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check_text(text: pl.Series, column: Column, place: Place) -> None:
    bad = int(text.str.contains("\0", literal=True).sum() or 0)
    if bad:
        raise place.error(
            f"column {column.name}: {bad} of {len(text)} rows read hold a NUL byte",
            "No text may hold one: R and C programs would cut it there. Ask who delivers the data.",
        )
    if column.levels:
        other = ~text.is_in(list(column.levels))
        bad = int(other.sum() or 0)
        if bad:
            raise place.error(
                f"column {column.name}: {bad} of {len(text)} rows read hold a level that is not declared",
                f"Add it to the levels of {column.name}, or leave the levels out so that they are learnt.",
                _examples(text.filter(other)),
            )


def _examples(values: pl.Series) -> str:
    """Some of the values that an error is about, for who may read the data."""
    some = values.unique(maintain_order=True).head(_EXAMPLES).cast(pl.String).to_list()
    return f"column {values.name}, such as:\n" + "\n".join(map(str, some))


def _check_moment(values: pl.Series, column: Column, place: Place) -> None:
    """Python, R and Julia, and this program's own profile, know the years 1 to 9999."""
    first, last = SPANS[column.type]
    physical = values.to_physical()
    bad = int((~physical.is_between(first, last)).sum() or 0)
    if bad:
        raise place.error(
            f"column {column.name}: {bad} of {len(values)} rows read lie outside of the years 1 to 9999",
            "Correct the data, or leave such rows out of it; what is not known is null.",
        )


def _unfit(bad: pl.Series, count: int, rows: int, column: Column, place: Place) -> SourceError:
    numbers = int(bad.cast(pl.Float64, strict=False).is_not_null().sum())
    found = "other numbers" if numbers == count else "other text" if numbers == 0 else "numbers and text"
    return place.error(
        f"column {column.name} is declared {column.type}, but {count} of {rows} rows read hold {found}",
        f"Correct the data, or declare {column.name} with the type it has now; "
        "if those mean 'missing', name them in `csv: {null: ...}` where the source is a CSV file.",
        _examples(bad),
    )


def _number(raw: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Spaces around a number are ignored: many programs write them, and Arrow ignores them around floats."""
    result = raw.cast(dtype, strict=False)
    if result.null_count() == raw.null_count():
        return result
    return raw.str.strip_chars(" \t").cast(dtype, strict=False)


def _boolean(raw: pl.Series) -> pl.Series:
    column = pl.col(raw.name)
    choice = pl.when(column.is_in(_TRUE)).then(True).when(column.is_in(_FALSE)).then(False)
    return raw.to_frame().select(choice.otherwise(None).cast(pl.Boolean).alias(raw.name)).to_series()


def _timestamp(raw: pl.Series) -> pl.Series:
    result = pl.Series(raw.name, [None], dtype=_UTC).new_from_index(0, len(raw))
    for form in (*_WITH_ZONE, *_WITHOUT_ZONE):
        waiting = result.is_null() & raw.is_not_null()
        if not waiting.any():
            break
        if form in _WITH_ZONE:
            parsed = raw.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)
        else:
            naive = raw.str.to_datetime(form, time_unit="us", strict=False)
            parsed = naive.dt.replace_time_zone("UTC")
        result = parsed.zip_with(waiting, result)
    return result


_PARSERS: dict[ColumnType, Callable[[pl.Series], pl.Series]] = {
    ColumnType.FLOAT: partial(_number, dtype=pl.Float64()),
    ColumnType.FLOAT32: partial(_number, dtype=pl.Float32()),
    ColumnType.INTEGER: partial(_number, dtype=pl.Int64()),
    ColumnType.INT32: partial(_number, dtype=pl.Int32()),
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: lambda raw: raw.str.to_date("%Y-%m-%d", strict=False),
    ColumnType.TIMESTAMP: _timestamp,
}
