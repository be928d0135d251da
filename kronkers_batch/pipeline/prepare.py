"""The rows that a model sees: its own input checks, its features, and the split into fit and holdout."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import Feature, ModelSpec, OnFailure, RowsPolicy, SourceSpec
from kronkers_batch.data.checks import Checker, CheckResult
from kronkers_batch.data.expiring import use
from kronkers_batch.data.snapshots import SnapshotRef
from kronkers_batch.declared.windows import holdout_start
from kronkers_batch.errors import DataError
from kronkers_batch.frames.chunks import rechunked
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.frames.tables import polars_schema
from kronkers_batch.pipeline.whole_groups import numbers_of, on_one_side
from kronkers_batch.policy.entries import add_entry
from kronkers_batch.session.services import Services
from kronkers_batch.vault.context import Scope

if TYPE_CHECKING:
    import polars as pl

# Multiplies a row's number to spread rows over [0, 2^64): 2^64 / golden ratio (Knuth, TAOCP 3, 6.4).
_FIBONACCI = 0x9E3779B97F4A7C15
# A pandera call costs the same for 65,536 rows as for four times as many.
_CHECKED_ROWS = 262_144
MOST_TRIED = 10_000
"""Fitted rows with which scores are tried where nothing is held out."""


def feature_columns(model: ModelSpec) -> Schema:
    """The features in their declared order and type, without levels."""
    return Schema(tuple(Column(f.name, f.type) for f in model.features))


def checked_rows(
    services: Services, model: ModelSpec, snapshot: SnapshotRef, columns: Sequence[str]
) -> tuple[Iterator[pl.DataFrame], tuple[CheckResult, ...]]:
    """A snapshot's rows after the model's own input checks, and what those found.

    All checks have finished when this returns. Raises CheckFailed. A model without input checks costs no
    extra reading.
    """
    _opened(services, model, snapshot)
    if not model.input_checks:
        return services.snapshots.read(snapshot, columns), ()
    needed = list(dict.fromkeys([*columns, *(c for check in model.input_checks for c in check.columns)]))
    schema = snapshot.schema.select(needed)
    results = _run(schema, model, services.snapshots.read(snapshot, needed), snapshot)
    if not any(check.on_failure is OnFailure.DROP for check in model.input_checks):
        return services.snapshots.read(snapshot, columns), results
    return _dropped(services, model, snapshot, needed, columns), results


def _opened(services: Services, model: ModelSpec, snapshot: SnapshotRef) -> None:
    """Before one row is decrypted: what cannot be recorded is not opened. Once a run."""
    key = (model.name, snapshot.id)
    if key in services.run.opened:
        return
    details = {"for": model.name, "window": str(snapshot.window), "snapshot": snapshot.fingerprint}
    scope = Scope(model.department, model.name)
    with services.db.write() as connection:
        use(connection, snapshot.id)
        add_entry(services.ledger, connection, services.vault, "open", snapshot.source, scope, details)
    services.run.opened.add(key)


def _run(
    schema: Schema, model: ModelSpec, frames: Iterator[pl.DataFrame], snapshot: SnapshotRef
) -> tuple[CheckResult, ...]:
    checker = Checker(schema, model.input_checks, where=f"model {model.name}, input")
    for frame in rechunked(frames, _CHECKED_ROWS):
        checker.feed(frame)
    return checker.finish(snapshot.window.end)


def _dropped(
    services: Services, model: ModelSpec, snapshot: SnapshotRef, needed: Sequence[str], columns: Sequence[str]
) -> Iterator[pl.DataFrame]:
    checker = Checker(snapshot.schema.select(list(needed)), model.input_checks, where=f"model {model.name}")
    for frame in rechunked(services.snapshots.read(snapshot, needed), _CHECKED_ROWS):
        yield checker.feed(frame).select(columns)


@dataclass(frozen=True)
class TrainingData:
    """Rows in memory: features, what only ``fit`` sees, the target where there is one.

    ``unlabelled`` rows had no target and are left out.

    ``windows`` are the held-out rows of a model with ``rows: whole`` as it will get them: all rows of one
    scoring window at a time, also those without a target. Those with one are ``holdout``, in this order.

    ``groups`` are numbers, equal for the rows of ``holdout`` that are measured together; None where all are.
    ``moved`` rows are held out because others of their group are.

    Where nothing is held out, ``holdout`` has some of the fitted rows, with which scores are tried, and
    ``measures`` is False.
    """

    fit: pl.DataFrame
    holdout: pl.DataFrame
    unlabelled: int
    results: tuple[CheckResult, ...]
    windows: tuple[pl.DataFrame, ...] = ()
    groups: pl.Series | None = None
    moved: int = 0
    measures: bool = True


def refuse_many(model: ModelSpec, snapshot: SnapshotRef) -> None:
    """Raises DataError where a snapshot has more rows than ``resources.training_rows``."""
    limit = model.resources.training_rows
    if snapshot.rows > limit:
        raise DataError(
            f"the training window has {snapshot.rows:,} rows, more than the declared {limit:,}",
            where=str(model.origins.get("resources.training_rows", model.origin)),
            fix="shorten window.train, or raise resources.training_rows (and resources.memory)",
        )


def training_data(
    services: Services,
    model: ModelSpec,
    source: SourceSpec,
    snapshot: SnapshotRef,
    more: Sequence[str] = (),
) -> TrainingData:
    """Read, check and split a training snapshot; ``more`` are columns for others, where it has them.

    Raises DataError where there are more rows than ``resources.training_rows``, or none to fit or hold out.
    """
    import polars as pl

    refuse_many(model, snapshot)
    names = [f.name for f in model.features]
    time = source.time_column
    targets = [model.target] if model.target else []
    wanted = list(dict.fromkeys([*names, *(column.name for column in model.fit_only), *targets]))
    wanted += [name for name in more if name in snapshot.schema and name not in wanted]
    group = model.windows.holdout_by
    columns = list(dict.fromkeys([*wanted, *([time] if time else []), *([group] if group else [])]))
    rows, results = checked_rows(services, model, snapshot, columns)
    known = pl.col(model.target).is_not_null() if model.target else pl.lit(True)
    empty = pl.DataFrame(schema=polars_schema(snapshot.schema.select(columns)))
    kept = columns if model.goal.group else wanted
    fits, holdouts, read, unlabelled = [empty.select(kept)], [empty], 0, 0
    whole = model.rows is RowsPolicy.WHOLE
    for frame in rows:  # chunk by chunk, while the next one is opened
        held = _held_out(model, source, snapshot, frame, read)
        fits.append(frame.filter(known & ~held).select(kept))
        holdouts.append(frame.filter(held if whole else known & held))
        read += frame.height
        unlabelled += frame[model.target].null_count() if model.target else 0
    before, held_out = pl.concat(fits), pl.concat(holdouts)
    fit, held_out = on_one_side(model, before, held_out)
    fit, moved = fit.select(wanted), before.height - fit.height
    if not model.windows.measures:
        _refuse_nothing(model, snapshot, fit=fit)
        tried = fit.gather_every(max(1, fit.height // MOST_TRIED)).head(MOST_TRIED)
        return TrainingData(fit, tried, unlabelled, results, measures=False)
    by_window = whole or model.judge.by_window
    windows = [w.select(wanted) for w in _windows(model, source, snapshot, held_out)] if by_window else []
    parts = [window.filter(known) for window in windows] or [held_out.select(wanted)]
    holdout = pl.concat(parts)
    _refuse_nothing(model, snapshot, fit=fit, holdout=holdout)
    groups = _numbered(parts) if model.judge.by_window else numbers_of(model, holdout)
    return TrainingData(fit, holdout, unlabelled, results, tuple(windows) if whole else (), groups, moved)


def _refuse_nothing(model: ModelSpec, snapshot: SnapshotRef, **parts: pl.DataFrame) -> None:
    """Raises DataError where a part has no rows."""
    for part, rows in parts.items():
        if not rows.height:
            raise DataError(
                f"the {part} part of the training window has no rows"
                + (f" with a known {model.target}" if model.target else ""),
                where=f"{model.origin}, window {snapshot.window}",
                fix="change window.holdout_share, or seed: groups are held out by chance"
                if model.windows.holdout_by
                else "choose a later --date, or change window.train, window.holdout or window.label_delay",
            )


def _numbered(parts: Sequence[pl.DataFrame]) -> pl.Series:
    """The number of its part for each row."""
    import polars as pl

    return pl.concat([pl.repeat(number, part.height, eager=True) for number, part in enumerate(parts)])


def _windows(
    model: ModelSpec, source: SourceSpec, snapshot: SnapshotRef, rows: pl.DataFrame
) -> list[pl.DataFrame]:
    """Held-out rows in windows of ``window.score`` from a midnight on; the first and last may be shorter."""
    import polars as pl

    start = holdout_start(model, snapshot.window)
    if not source.time_column or start is None or not rows.height:
        return [rows]
    first = start.replace(hour=0, minute=0, second=0, microsecond=0)
    since = rows[source.time_column].cast(pl.Datetime("us")).to_physical() - pl.Series([first]).to_physical()
    number = since // (model.windows.score // dt.timedelta(microseconds=1))
    return [rows.filter(number == one) for one in number.unique().sort()]


def _held_out(
    model: ModelSpec, source: SourceSpec, snapshot: SnapshotRef, frame: pl.DataFrame, before: int
) -> pl.Expr:
    """Which rows of a frame measure the model, null where that is unknown; ``before`` rows came before it."""
    import numpy as np
    import polars as pl

    if not model.windows.measures:
        return pl.lit(False)
    if model.windows.holdout_by:
        return pl.lit(_groups_held_out(model, frame[model.windows.holdout_by]))
    start = holdout_start(model, snapshot.window)
    if source.time_column and start is not None:
        return pl.col(source.time_column) >= start
    # Without time, the same rows are held out each time: by a hash of the row's number and the seed.
    first = np.uint64(before + model.seed % 2**32)
    spread = np.arange(frame.height, dtype=np.uint64) + first
    share = (spread * np.uint64(_FIBONACCI)) / 2**64  # the product wraps around, as it is meant to
    return pl.lit(pl.Series("held out", share < model.windows.holdout_share))


def _groups_held_out(model: ModelSpec, groups: pl.Series) -> pl.Series:
    """Whether each row's group is held out: by a hash of its value and the seed, the same in every chunk.

    Raises DataError where a row has no group: nothing would say on which side it belongs.
    """
    import polars as pl

    name = model.windows.holdout_by
    if nulls := groups.null_count():
        raise DataError(
            f"{nulls:,} rows have no {name}, by which whole groups are held out",
            where=str(model.origins.get("window.holdout_by", model.origin)),
            fix="leave such rows out in a query source, or give each a group of its own",
        )
    texts = groups.cast(pl.String)
    held = {text: _share_of(f"{model.seed}:{text}") < model.windows.holdout_share for text in texts.unique()}
    return texts.replace_strict(held, return_dtype=pl.Boolean).alias("held out")


def _share_of(text: str) -> float:
    """A number in [0, 1) that the text alone decides."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def with_levels(model: ModelSpec, fit: pl.DataFrame) -> Schema:
    """The features with each category's levels: those declared, else the fitted rows' distinct values.

    Those come in code point order, whole numbers in theirs; a declared reference is the first. A feature that
    is declared with nulls, or has one in these rows, has the type that nulls need from then on.

    Raises:
        DataError: A category has no levels in these rows, a value that is no declared level, or lacks its
            reference.
    """
    return Schema(
        tuple(
            Column(f.name, f.type, _levels(f, fit[f.name]), f.nulls or bool(fit[f.name].null_count()))
            for f in model.features
        )
    )


def _levels(feature: Feature, values: pl.Series) -> tuple[str, ...]:
    import polars as pl

    if feature.type is not ColumnType.CATEGORY:
        return ()
    known = values.drop_nulls()
    if known.is_empty():
        raise DataError(
            f"{feature.name} is null in every row of the training window, so it has no levels to learn",
            where=str(feature.origin),
            fix="remove the feature, or train on a window in which it is known",
        )
    levels = tuple(str(level) for level in known.unique().sort().cast(pl.String))
    if feature.levels:
        others = int((~known.cast(pl.String).is_in(feature.levels)).sum())
        if others:
            raise DataError(
                f"{feature.name} is none of its declared levels in {others:,} of {len(values):,} rows of the "
                "fit part",
                where=str(feature.origin),
                fix="add the level to levels, or derive one of them in a query source",
            )
        levels = feature.levels
    if not feature.reference:
        return levels
    if feature.reference not in levels:
        raise DataError(
            f"no row of the fit part has the reference of {feature.name}: {feature.reference}",
            where=str(feature.origin),
            fix="make window.train longer, or choose another reference",
        )
    return (feature.reference, *(level for level in levels if level != feature.reference))
