"""Rows of time series as steps of a grid: what may not be is refused, and steps without a row are filled.

Steps are counted from an anchor, the logical date: step 0 begins there, step -1 is the last before it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import DataError
from kronkers_batch.frames.panel import Panel

if TYPE_CHECKING:
    import polars as pl

NUMBER, STEP, THERE = ":series", ":step", ":there"
"""Columns of a grid: which series in order, which step, and whether the source has a row for it."""
FIRST, LAST, END, BORN = ":first", ":last", ":end", ":born"
"""Columns of spans: the first and last step of a series that have a row, and where the span ends."""


def panel_of(model: ModelSpec) -> Panel:
    """The series of a model that has some."""
    if model.goal.panel is None:
        raise ValueError(f"{model.name} has no series")
    return model.goal.panel


def where(model: ModelSpec, *keys: str) -> str:
    """Where the first of these keys that a file says is said, for messages."""
    return str(next((model.origins[key] for key in keys if key in model.origins), model.origin))


@dataclass(frozen=True)
class Grid:
    """Rows of a window, by series and step; see :func:`grid_of`.

    Attributes:
        model: For messages, and for what is declared.
        anchor: When step 0 begins.
        rows: The panel's columns, with NUMBER and STEP, in order of these.
        series: One row a series, in order of their numbers: NUMBER, its columns, its static values.
    """

    model: ModelSpec
    anchor: dt.datetime
    rows: pl.DataFrame
    series: pl.DataFrame

    @property
    def panel(self) -> Panel:
        """What is declared of them."""
        return panel_of(self.model)

    def in_steps(self, length: dt.timedelta) -> int:
        """A length of time in steps, the last of which may be over only in part."""
        return -(-length // self.panel.step)

    def spans(self, before: int, back: int | None = None) -> pl.DataFrame:
        """Of each series with rows before a step: NUMBER, BORN (its first row), FIRST and LAST.

        FIRST is where its history begins: with its first row, and no more than ``back`` steps before.
        """
        import polars as pl

        first = pl.col(BORN) if back is None else pl.max_horizontal(BORN, pl.lit(before - back, pl.Int64))
        return (
            self._between(None, before)
            .group_by(NUMBER)
            .agg(pl.col(STEP).min().alias(BORN), pl.col(STEP).max().alias(LAST))
            .with_columns(first.alias(FIRST))
            .sort(NUMBER)
        )

    def ahead(self, step: int) -> pl.DataFrame:
        """The rows of the horizon from a step on."""
        import polars as pl

        return self.rows.filter((pl.col(STEP) >= step) & (pl.col(STEP) < step + self.panel.steps))

    def complete(self, spans: pl.DataFrame) -> pl.DataFrame:
        """A row for each step from FIRST on and before END of each series of ``spans``.

        Steps without a row are filled as the model's ``gaps`` says, and are not THERE.

        Raises:
            DataError: A step has no row and may not lack it, or a row has no target and may not lack it.
        """
        import polars as pl

        spans = spans.select(NUMBER, FIRST, END)
        rows = self.rows.join(spans, on=NUMBER, how="inner", maintain_order="left").filter(
            (pl.col(STEP) >= pl.col(FIRST)) & (pl.col(STEP) < pl.col(END))
        )
        rows = rows.drop(FIRST, END).with_columns(pl.lit(value=True).alias(THERE))
        steps = int(spans.select((pl.col(END) - pl.col(FIRST)).sum()).item() or 0)
        self._refuse_unknown(rows)
        if steps == rows.height:
            return rows
        self._refuse_gaps(rows, spans, steps)
        return self._filled(rows, spans)

    def times(self, steps: pl.Expr) -> pl.Expr:
        """When steps begin, in the type of the time column."""
        import polars as pl

        length = self.panel.step // dt.timedelta(microseconds=1)
        kind = self.rows.schema[self.panel.time]
        start = pl.lit(int(self.anchor.timestamp()) * 1_000_000, dtype=pl.Int64)
        return (start + steps.cast(pl.Int64) * length).cast(pl.Datetime("us")).cast(kind)

    def _between(self, first: int | None, before: int) -> pl.DataFrame:
        import polars as pl

        known = self.rows.lazy().filter(pl.col(STEP) < before)
        return (known if first is None else known.filter(pl.col(STEP) >= first)).collect()

    def _refuse_unknown(self, rows: pl.DataFrame) -> None:
        import polars as pl

        panel = self.panel
        target = rows[panel.target].cast(pl.Float64).fill_nan(None)
        wrong = int((~self.model.task.fits_target(target, self.model.goal)).sum())
        if wrong:
            refusal = self.model.task.wrong_target
            raise DataError(
                f"the target {panel.target} is {refusal.what} in {wrong:,} of {rows.height:,} rows",
                where=where(self.model, "target.min", "target"),
                fix=refusal.fix,
            )
        without = target.null_count()
        if without and panel.gaps != "missing":
            raise DataError(
                f"{without:,} of {rows.height:,} rows before the origin have no {panel.target}",
                where=where(self.model, "gaps", "target"),
                fix="correct the source, or declare gaps: missing",
            )

    def _refuse_gaps(self, rows: pl.DataFrame, spans: pl.DataFrame, steps: int) -> None:
        import polars as pl

        if self.panel.gaps != "error":
            return
        each = rows.group_by(NUMBER).len()
        lacking = spans.join(each, on=NUMBER, how="left").filter(pl.col("len") < pl.col(END) - pl.col(FIRST))
        raise DataError(
            f"{steps - rows.height:,} steps of {lacking.height:,} series have no row in the source",
            where=where(self.model, "gaps", "time"),
            fix="correct the source, or declare gaps: zero where no row means zero, or gaps: missing",
        )

    def _filled(self, rows: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        panel = self.panel
        whole = spans.select(NUMBER, pl.int_ranges(FIRST, END).alias(STEP)).explode(STEP)
        own = [*panel.series, *panel.static]
        found = whole.join(rows.drop(own), on=[NUMBER, STEP], how="left", maintain_order="left")
        found = found.join(self.series, on=NUMBER, how="left", maintain_order="left")
        absent = pl.col(THERE).is_null()
        if panel.gaps == "zero":
            filled = pl.when(absent).then(0).otherwise(panel.target)
            found = found.with_columns(filled.cast(rows.schema[panel.target]).alias(panel.target))
        return found.with_columns(
            self.times(pl.col(STEP)).alias(panel.time), pl.col(THERE).fill_null(value=False)
        ).select(rows.columns)


def grid_of(model: ModelSpec, rows: pl.DataFrame, anchor: dt.datetime) -> Grid:
    """Rows of several series as a grid.

    Args:
        model: Says what the series are.
        rows: The columns of the panel, in any order of rows.
        anchor: When step 0 begins.

    Raises:
        DataError: A row has no series or time, or the series and time of another row; a time is not on the
            grid; or a series has two values of a static column.
    """
    import polars as pl

    panel = panel_of(model)
    _refuse_without(model, panel, rows, (*panel.series, panel.time))
    length = panel.step // dt.timedelta(microseconds=1)
    since = pl.col(panel.time).cast(pl.Datetime("us")).to_physical() - int(anchor.timestamp()) * 1_000_000
    late = (since % length + length) % length
    _refuse_off_grid(model, panel, rows.select(late.alias(STEP))[STEP])
    rows = rows.with_columns(((since - late) // length).cast(pl.Int64).alias(STEP))
    series = rows.select(panel.series).unique().sort(panel.series).with_row_index(NUMBER)
    rows = rows.join(series, on=list(panel.series), how="left").sort(NUMBER, STEP)
    _refuse_twice(model, panel, rows)
    first = rows.group_by(NUMBER, maintain_order=True).agg(pl.col(name).first() for name in panel.static)
    _refuse_changing(model, panel, rows)
    return Grid(model, anchor, rows, series.join(first, on=NUMBER, how="left", maintain_order="left"))


def refuse_late(grid: Grid) -> None:
    """Refuses rows that end before the logical date: what is late must not pass for zeros or gaps.

    A day on which no series has a row, such as Sunday, is no reason if there was none a season before.

    Raises DataError.
    """
    import polars as pl

    lag = grid.panel.lag
    known = set(grid.rows.filter(pl.col(STEP) < 0)[STEP].unique().to_list())
    newest = max(known, default=-1)
    # The same place in the season, as late as there are rows.
    before = (step - -(-(step - newest) // lag) * lag for step in range(newest + 1, 0))
    if any(step in known for step in before):
        raise DataError(
            f"no series has a row in the last {int(-1 - newest):,} steps before the logical date",
            where=where(grid.model, "series"),
            fix="run again when the source has these rows, or choose an earlier --date; if nothing happened, "
            "let the source say so by a row of 0",
        )


def _refuse_without(model: ModelSpec, panel: Panel, rows: pl.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if count := rows[name].null_count():
            raise DataError(
                f"{count:,} of {rows.height:,} rows have no {name}",
                where=where(model, "time" if name == panel.time else "series"),
                fix="leave such rows out in a query source, or correct the source",
            )


def _refuse_off_grid(model: ModelSpec, panel: Panel, late: pl.Series) -> None:
    """Refuses times that are no whole number of steps from the logical date; ``late`` is by how much."""
    off = int((late != 0).sum())
    if not off:
        return
    if late.n_unique() == 1:  # they are on a grid, but another one
        raise DataError(
            f"the logical date is not a step of the series: every {panel.time} is between two steps from it",
            where=where(model, "time.step", "time"),
            fix="choose a --date on which a step begins, or correct time.step",
        )
    raise DataError(
        f"the {panel.time} of {off:,} of {len(late):,} rows is between two steps from the logical date",
        where=where(model, "time.step", "time"),
        fix="correct time.step, or bring the rows to one for each step in a query source",
    )


def _refuse_twice(model: ModelSpec, panel: Panel, rows: pl.DataFrame) -> None:
    again = rows.height - rows.select(NUMBER, STEP).n_unique()
    if again:
        raise DataError(
            f"{again:,} of {rows.height:,} rows have the series and {panel.time} of another row",
            where=where(model, "series"),
            fix="name all columns of a series in `series`, or add such rows up in a query source",
        )


def _refuse_changing(model: ModelSpec, panel: Panel, rows: pl.DataFrame) -> None:
    import polars as pl

    for name in panel.static:
        values = rows.group_by(NUMBER).agg(pl.col(name).n_unique())
        if changing := int((values[name] > 1).sum()):
            raise DataError(
                f"the static column {name} has several values in {changing:,} of {values.height:,} series",
                where=where(model, f"static.{name}", "static"),
                fix=f"correct the source, or declare {name} in past, or in future where it is known ahead",
            )
