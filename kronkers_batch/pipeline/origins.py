"""What a forecast model is asked from one origin, and what the seasonal naive forecast says from there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kronkers_batch.errors import DataError
from kronkers_batch.frames.panel import Horizon
from kronkers_batch.frames.schema import Schema
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.steps import BORN, END, FIRST, LAST, NUMBER, STEP, THERE, Grid, where

if TYPE_CHECKING:
    import polars as pl

CHUNK_ROWS = 65_536
"""Rows of histories that are asked at once; the history of one series is never cut."""
_PLACE = ":place"


@dataclass(frozen=True)
class Origin:
    """The series that are forecast from one origin, and those that are not.

    Attributes:
        grid: The rows. Only those before the origin, and what is known ahead, are used.
        step: Of the origin.
        spans: Of each series that is forecast: NUMBER, and FIRST and END of its history.
        future: What is known of their steps ahead, with NUMBER and STEP, in order of these.
        ended: How many series have had no row for too long.
        new: How many series have too short a history.
        leaving: How many series end within the horizon, as later rows say: a training leaves them out.
        filled: The same grid with its gaps filled, where somebody has it: then histories are only cut out.
    """

    grid: Grid
    step: int
    spans: pl.DataFrame = field(repr=False)
    future: pl.DataFrame = field(repr=False)
    ended: int
    new: int
    leaving: int
    filled: Grid | None = field(default=None, repr=False)

    def history(self) -> pl.DataFrame:
        """The complete histories of the series that are forecast, with NUMBER and STEP."""
        return (self.filled or self.grid).complete(self.spans)

    def asked(self, history: pl.DataFrame, features: Schema, *, whole: bool) -> Iterator[Horizon]:
        """What is asked of the model: all series at once, or some at a time, each with all of its history.

        Args:
            history: As :meth:`history` gives it.
            features: As the model sees them, with the levels of categories.
            whole: Whether the model needs all series at once.
        """
        panel, steps = self.grid.panel, self.grid.panel.steps
        ahead, before = panel.ahead_of(features), panel.history_of(features)
        rows = asked = 0
        for lengths in self._parts(whole=whole):
            size = sum(lengths)
            yield Horizon(
                as_features(history.slice(rows, size), before),
                as_features(self.future.slice(asked, len(lengths) * steps), ahead),
            )
            rows, asked = rows + size, asked + len(lengths) * steps

    def _parts(self, *, whole: bool) -> Iterator[list[int]]:
        """The lengths of the histories, in parts that are asked at once."""
        part: list[int] = []
        rows = 0
        for length in (self.spans[END] - self.spans[FIRST]).to_list():
            if part and not whole and rows + length > CHUNK_ROWS:
                yield part
                part, rows = [], 0
            part.append(length)
            rows += length
        if part:
            yield part

    def question(self, features: Schema) -> Horizon:
        """All series at once."""
        return next(self.asked(self.history(), features, whole=True))

    def few(self, series: int, rows: int) -> Origin:
        """Up to so many series, spread evenly, with up to so many rows of history; at least one series."""
        import polars as pl

        found = self.spans.gather_every(max(1, self.spans.height // series)).head(series)
        total = (pl.col(END) - pl.col(FIRST)).cum_sum()
        return self._only(found.filter((total <= rows) | (pl.int_range(pl.len()) == 0)))

    def each(self) -> Iterator[Origin]:
        """Each series alone."""
        for span in self.spans.iter_slices(1):
            yield self._only(span)

    def of_its_series(self) -> pl.Expr:
        """Which rows are of one of the series."""
        import polars as pl

        return pl.col(NUMBER).is_in(self.spans[NUMBER].to_list())

    def _only(self, spans: pl.DataFrame) -> Origin:
        few = replace(self, spans=spans)
        return replace(few, future=self.future.filter(few.of_its_series()))

    def naive(self, history: pl.DataFrame, levels: tuple[float, ...]) -> pl.DataFrame:
        """The seasonal naive forecast of each step ahead, in the order of :attr:`future`.

        Its columns: ``point``, what was there a whole number of seasons before, as late as it is known (else
        the last known value); ``scale`` and ``square``, the means of the absolute and squared differences
        between two values a season apart; ``q0``, ``q1``, ... for each level: the point and that quantile of
        the differences.
        """
        import polars as pl

        target, lag = self.grid.panel.target, self.grid.panel.lag
        value = pl.col(target).cast(pl.Float64)
        rows = history.select(NUMBER, self._place(lag), value.alias("value")).with_columns(
            (pl.col("value") - pl.col("value").shift(lag).over(NUMBER)).alias("change")
        )
        change = pl.col("change")
        each = rows.group_by(NUMBER).agg(
            pl.col("value").drop_nulls().last().alias(LAST),
            change.abs().mean().alias("scale"),
            (change**2).mean().alias("square"),
            *(change.quantile(level, "linear").alias(f"q{n}") for n, level in enumerate(levels)),
        )
        known = rows.drop_nulls("value").group_by(NUMBER, _PLACE).agg(pl.col("value").last().alias("point"))
        found = self.future.select(NUMBER, STEP, self._place(lag))
        found = found.join(known, on=[NUMBER, _PLACE], how="left", maintain_order="left")
        found = found.join(each, on=NUMBER, how="left", maintain_order="left")
        point = pl.col("point").fill_null(pl.col(LAST))
        return found.select(
            point.alias("point"),
            "scale",
            "square",
            *((point + pl.col(f"q{n}").fill_null(0)).alias(f"q{n}") for n in range(len(levels))),
        )

    def _place(self, lag: int) -> pl.Expr:
        """Where in the season a step is, counted back from the origin."""
        import polars as pl

        back = (pl.lit(self.step - 1, dtype=pl.Int64) - pl.col(STEP)) % lag
        return ((back + lag) % lag).alias(_PLACE)

    def remarks(self) -> list[str]:
        """Which series are not forecast, in words."""
        panel, found = self.grid.panel, []
        if self.ended:
            found.append(
                f"{self.ended:,} series have ended: they have no row in the last {_days(panel.silent)}"
            )
        if self.new:
            found.append(f"{self.new:,} series are new: their history is shorter than {_days(panel.under)}")
        return found


def origin_of(grid: Grid, step: int, back: int | None, end: pl.DataFrame | None = None) -> Origin:
    """What is asked from an origin.

    Args:
        grid: All rows.
        step: Of the origin.
        back: How many steps before it a history may begin; None for all.
        end: In a training, NUMBER and END of the known rows of each series: a series that ends within
            the horizon cannot be judged.

    Raises:
        DataError: No series has a history; a series has rows ahead and none before, and nothing says what
            then; or a row ahead, or a value that is known ahead, is missing.
    """
    import polars as pl

    panel = grid.panel
    spans = grid.spans(step, back)
    silent = pl.col(LAST) < step - grid.in_steps(panel.silent)
    young = step - pl.col(BORN) < grid.in_steps(panel.under)
    alive = spans.filter(~silent & ~young).select(NUMBER, FIRST, pl.lit(step, pl.Int64).alias(END))
    new = spans.filter(~silent & young).height + _unknown(grid, step, spans)
    leaving = 0
    if end is not None:
        stay = end.filter(pl.col(END) >= step + panel.steps)
        alive, before = alive.join(stay.select(NUMBER), on=NUMBER, how="semi"), alive.height
        leaving = before - alive.height
    alive = alive.sort(NUMBER)
    if not alive.height:
        raise DataError(
            "no series can be forecast: none has a long enough history that goes on to the origin",
            where=where(grid.model, "series"),
            fix="choose a later --date, or change new_series, ended or the source's rows",
        )
    return Origin(grid, step, alive, _ahead(grid, step, alive), spans.filter(silent).height, new, leaving)


def _unknown(grid: Grid, step: int, spans: pl.DataFrame) -> int:
    """How many series have rows ahead alone. Raises DataError where nothing says what happens to them."""
    panel = grid.panel
    if not panel.future:
        return 0
    count = grid.ahead(step).join(spans, on=NUMBER, how="anti")[NUMBER].n_unique()
    if count and not panel.under:
        raise DataError(
            f"{count:,} series have rows from the origin on, and none before it",
            where=where(grid.model, "series"),
            fix="declare what happens to new series: new_series: {under: 56d, use: drop}",
        )
    return count


def _ahead(grid: Grid, step: int, alive: pl.DataFrame) -> pl.DataFrame:
    """The steps ahead of these series, with what is known of them."""
    import polars as pl

    panel = grid.panel
    steps = pl.int_ranges(pl.lit(step, pl.Int64), step + panel.steps)
    whole = alive.select(NUMBER, steps.alias(STEP)).explode(STEP)
    own = whole.join(grid.series, on=NUMBER, how="left", maintain_order="left")
    own = own.with_columns(grid.times(pl.col(STEP)).alias(panel.time))
    if not panel.future:
        return own
    known = grid.ahead(step).select(NUMBER, STEP, *panel.future, pl.lit(value=True).alias(THERE))
    found = own.join(known, on=[NUMBER, STEP], how="left", maintain_order="left")
    lacking = found[THERE].null_count()
    if lacking:
        raise DataError(
            f"{lacking:,} of {found.height:,} steps ahead have no row in the source, which must say "
            f"{', '.join(panel.future)} for the whole horizon",
            where=where(grid.model, "future"),
            fix="add the rows to the source, each with its series and time, or make the horizon shorter",
        )
    for name in panel.future:
        values = found[name].fill_nan(None) if found[name].dtype.is_float() else found[name]
        if nulls := values.null_count():
            raise DataError(
                f"{name} is missing in {nulls:,} of {found.height:,} steps ahead, and is declared as known "
                "for the whole horizon",
                where=where(grid.model, f"future.{name}", "future"),
                fix=f"correct the source, or declare {name} in past",
            )
    return found.drop(THERE)


def _days(length: object) -> str:
    text = str(length)
    return text.removesuffix(", 0:00:00")
