"""Golden rows: a few rows with their scores, kept with a version and scored each time it is opened.

They are in parts: the rows of one part are scored as one frame, since what a model makes of a row may depend
on what stands beside it (it must not, but that is what they are to find).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import Feature, ModelSpec, Unseen
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.schema import ColumnType, Schema

if TYPE_CHECKING:
    import polars as pl

GOLDEN_ROWS = 20
MOST_NULLS, MOST_UNSEEN, MOST_LEVELS = 8, 4, 2
"""Features for which a row with a null, with an unseen level, and rows of one level alone are kept."""
LEVEL_ROWS = 10
_RELATIVE = 1e-6
"""Another processor or BLAS sums in another order: about 1e-7 in float32. A changed model differs by more."""
_NOTHING = 1e-12  # what is left of sums that cancel out
_SCORE, _PART, _HISTORY = "score:", "golden:part", "golden:history"
TEXT = (ColumnType.CATEGORY, ColumnType.STRING)


@dataclass(frozen=True)
class OddRow:
    """A row that may come any night: ``row`` is a frame of it, ``what`` says what is odd about it.

    ``declared`` is the feature whose declaration promises such rows, so that the model has to take it.
    """

    row: pl.DataFrame
    what: str
    declared: Feature | None = None


# ---------------------------------------------------------------- which rows


def spread(rows: pl.DataFrame, most: int = GOLDEN_ROWS) -> pl.DataFrame:
    """Up to so many rows, spread evenly."""
    return rows.gather_every(max(1, rows.height // most)).head(most)


def odd_rows(model: ModelSpec, parts: Sequence[pl.DataFrame]) -> list[OddRow]:
    """Rows with nulls where the data has nulls or may have them, and with levels that no row has.

    Args:
        model: Says which features are categories, and what unseen levels become.
        parts: The features of the holdout and of the fitted rows; the first is preferred.
    """
    usual = parts[0].head(1)
    found = [*_with_nulls(model, parts), *_declared_levels(model, usual, parts)]
    texts = [f for f in model.features if f.type in TEXT]
    for feature in texts[:MOST_UNSEEN]:
        if feature.type is ColumnType.CATEGORY and model.unseen is Unseen.ERROR:
            continue  # refused before any model sees it
        found.append(
            OddRow(_unseen(usual, feature.name, parts), f"a {feature.name} that training did not see")
        )
    return found


def one_level(rows: pl.DataFrame, features: Schema) -> dict[str, tuple[pl.Series, pl.DataFrame]]:
    """Rows in which a text has one level alone, by the text's name: where they stand, and the rows.

    It is the last level in order: what numbers the levels that it meets numbers the first one rightly anyway.
    """
    found: dict[str, tuple[pl.Series, pl.DataFrame]] = {}
    for column in features:
        levels = rows[column.name].drop_nulls().unique() if column.type in TEXT else None
        if levels is None or len(levels) < 2 or len(found) >= MOST_LEVELS:
            continue
        at = (rows[column.name] == levels.max()).fill_null(False).arg_true().head(LEVEL_ROWS)
        found[column.name] = (at, rows[at])
    return found


def _with_nulls(model: ModelSpec, parts: Sequence[pl.DataFrame]) -> list[OddRow]:
    found: list[OddRow] = []
    for feature in model.features:
        declared = feature if feature.nulls else None
        if len(found) >= MOST_NULLS and not declared:
            continue
        if any(odd.row[feature.name].null_count() for odd in found) and not declared:
            continue
        for rows in parts:
            if rows[feature.name].null_count():
                at = rows[feature.name].is_null().arg_max() or 0
                found.append(OddRow(rows.slice(at, 1), f"no {feature.name}", declared))
                break
        else:
            if declared:
                row = _without(parts[0].head(1), feature.name)
                found.append(OddRow(row, f"no {feature.name}", declared))
    return found


def _without(row: pl.DataFrame, name: str) -> pl.DataFrame:
    import polars as pl

    return row.with_columns(pl.lit(None, dtype=row[name].dtype).alias(name))


def _declared_levels(
    model: ModelSpec, usual: pl.DataFrame, parts: Sequence[pl.DataFrame]
) -> Iterator[OddRow]:
    """A row for each category with declared levels of which one is in no row: the first such level."""
    import polars as pl

    for feature in model.features:
        absent = [level for level in feature.levels if not any(_has(part, feature, level) for part in parts)]
        if absent:
            row = usual.with_columns(pl.lit(absent[0]).alias(feature.name))
            what = f"the declared level {absent[0]} of {feature.name}"
            yield OddRow(row, what, feature)


def _has(part: pl.DataFrame, feature: Feature, level: str) -> bool:
    return bool((part[feature.name] == level).any())


def _unseen(row: pl.DataFrame, name: str, parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    text = "(never seen)"
    while any((rows[name] == text).any() for rows in parts):
        text += "?"
    return row.with_columns(pl.lit(text).alias(name))


# ---------------------------------------------------------------- how they are kept


def packed(parts: Sequence[tuple[pl.DataFrame | Horizon, pl.DataFrame]]) -> pl.DataFrame:
    """Features and scores of each part, as one frame with scores named ``score:NAME``.

    A history stands before the rows that are forecast from it, without scores.
    """
    import polars as pl

    frames = [
        _joined(features, scores.rename(lambda name: _SCORE + name)).with_columns(
            pl.lit(number, dtype=pl.UInt8).alias(_PART)
        )
        for number, (features, scores) in enumerate(parts)
    ]
    return pl.concat(frames)


def _joined(features: pl.DataFrame | Horizon, scores: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    if not isinstance(features, Horizon):
        return pl.concat([features, scores], how="horizontal")
    ahead = pl.concat([features.future, scores], how="horizontal")
    both = [features.history.with_columns(pl.lit(value=True).alias(_HISTORY)), ahead]
    return pl.concat(both, how="diagonal").with_columns(pl.col(_HISTORY).fill_null(value=False))


def _parted(features: pl.DataFrame, scores: pl.DataFrame) -> tuple[pl.DataFrame | Horizon, pl.DataFrame]:
    if _HISTORY not in features.columns:
        return features, scores
    before = features[_HISTORY]
    plain = features.drop(_HISTORY)
    return Horizon(plain.filter(before), plain.filter(~before)), scores.filter(~before)


def unpacked(golden: pl.DataFrame) -> list[tuple[pl.DataFrame | Horizon, pl.DataFrame]]:
    """The inverse of :func:`packed`. Of an older version, all rows are one part."""
    frames = (
        golden.partition_by(_PART, maintain_order=True, include_key=False) if has_parts(golden) else [golden]
    )
    names = [c for c in golden.columns if c.startswith(_SCORE)]
    return [
        _parted(frame.drop(names), frame.select(names).rename(lambda name: name.removeprefix(_SCORE)))
        for frame in frames
    ]


def has_parts(golden: pl.DataFrame) -> bool:
    """Whether they were scored part by part, as they are now; older ones were scored among others."""
    return _PART in golden.columns


def same_scores(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Equal columns, rows, nulls and values; NaN equals NaN.

    Floats may differ by a millionth, of themselves or of what is usual in their column.
    """
    if one.schema != other.schema or one.height != other.height:
        return False
    for first, second in zip(one.iter_columns(), other.iter_columns(), strict=True):
        if not first.dtype.is_float():
            same = first.equals(second, null_equal=True)
        else:
            usual = first.filter(first.is_finite()).abs().quantile(0.5, "lower")
            near = max(_RELATIVE * (usual if isinstance(usual, float) else 0.0), _NOTHING)
            close = (first - second).abs() <= first.abs() * _RELATIVE + near
            same = bool((first.eq_missing(second) | (close & first.is_finite()).fill_null(False)).all())
        if not same:
            return False
    return True
