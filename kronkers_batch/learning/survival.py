"""The probability that something happens by given times, where some rows were not observed for so long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from kronkers_batch.frames.schema import ColumnType
from kronkers_batch.learning import (
    BEYOND,
    LOSS,
    NUMBERS,
    SHARE,
    Goal,
    Loss,
    Metric,
    Refusal,
    Rows,
    Task,
    mean_of,
    outside,
)
from kronkers_batch.measures import censored
from kronkers_batch.measures.censored import GRAF, KAPLAN, UNO

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats


def called(horizon: float) -> str:
    """The output column of a horizon: ``by90``, ``by0.5``."""
    return f"by{int(horizon) if horizon == int(horizon) else horizon}"


def weighted(rows: Rows) -> Floats:
    """The squared error of each probability, weighted for what was censored; the mean over horizons."""
    import numpy as np

    each = [censored.brier(rows.truth, rows.score[:, i], h) for i, h in enumerate(rows.goal.horizons)]
    found: Floats = np.mean(each, axis=0)
    return found


def of_horizon(number: int, rows: Rows) -> float:
    """The mean loss of this horizon."""
    return float(censored.brier(rows.truth, rows.score[:, number], rows.goal.horizons[number]).mean())


def concordance(number: int, rows: Rows) -> float:
    """Uno's C: the share of pairs in the right order, of those whose earlier event is before the horizon."""
    return censored.concordance(rows.truth, rows.score[:, number], rows.goal.horizons[number])


def ratio(number: int, rows: Rows) -> float:
    """The mean probability divided by the share with the event by then (Kaplan-Meier); NaN if none has."""
    import numpy as np

    share = 1 - float(censored.surviving(rows.truth, np.array([rows.goal.horizons[number]]))[0])
    return float(rows.score[:, number].mean()) / share if share > 0 else math.nan


class Survival(Task):
    """A time that may be censored."""

    predicts = "the probability that something happens by each of several times"
    keys = ("event", "horizons")
    required = ("event", "horizons")
    example = Goal(event="died", horizons=(90.0, 365.0))
    target_key = "time"
    declarable = False
    measured_types = (ColumnType.FLOAT,)
    losses: ClassVar = {"brier": Loss(weighted, GRAF)}
    asked = "regression"
    details = (
        "**How it is declared**: `target: {time: COLUMN, event: COLUMN, horizons: [90, 365]}`. `time` is "
        "how long a row was observed, above 0; `event` (boolean, or 0 and 1) says whether that ended with "
        "the event. Rows without a time are left out. `fit` sees the event before the time; `score` sees "
        "neither.",
        "**Refused** before `fit`: an event that is missing or neither 0 nor 1; a fit part without an "
        "event; a horizon beyond which no row of the fit or holdout part was observed. `window.label_delay`"
        " should be at least the last horizon.",
        "**Refused** at each scoring: a probability that falls from one horizon to the next.",
        "**No declared estimator**: packages have no common way to give the probabilities of horizons. "
        "Write code.",
    )
    wrong_score = Refusal(
        "no probability",
        "below 0 or above 1",
        "return the probability that the event happens by each horizon",
    )
    wrong_target = Refusal(
        "no time (a finite number above 0)", "", "make them null in a query source: such rows are left out"
    )

    def target_types(self, goal: Goal) -> tuple[ColumnType, ...]:  # noqa: ARG002 - the same for all
        """Numbers."""
        return NUMBERS

    def outputs(self, goal: Goal) -> Mapping[str, ColumnType]:
        """A column for each horizon."""
        return dict.fromkeys(self.fixed(goal), ColumnType.FLOAT)

    def fixed(self, goal: Goal) -> tuple[str, ...]:
        """All of them."""
        return tuple(called(horizon) for horizon in goal.horizons)

    def derive(self, scores: pl.DataFrame, goal: Goal) -> pl.DataFrame:
        """Nothing. Raises ValueError where a probability falls from one horizon to the next."""
        import numpy as np
        import polars as pl

        given = scores.select(pl.col(self.fixed(goal)).cast(pl.Float64)).fill_null(float("nan")).to_numpy()
        falls = int((np.diff(given, axis=1) < -BEYOND).any(axis=1).sum())
        if falls:
            raise ValueError(f"probabilities that fall from one horizon to the next in {falls:,} rows")
        return scores.select()

    def metrics(self, goal: Goal) -> dict[str, Metric]:
        """Those of each horizon are among them."""
        found = {"brier": Metric(LOSS, ("max",), mean_of(weighted), GRAF)}
        for number, horizon in enumerate(goal.horizons):
            name = called(horizon)
            found[f"brier.{name}"] = Metric(LOSS, ("max",), partial(of_horizon, number), GRAF)
            found[f"c.{name}"] = Metric(SHARE, ("min",), partial(concordance, number), UNO)
            found[f"ratio.{name}"] = Metric(LOSS, ("min", "max"), partial(ratio, number), KAPLAN)
        return found

    def fits_target(self, target: pl.Series, goal: Goal) -> pl.Series:  # noqa: ARG002 - the same for all
        """Finite, and above 0."""
        import polars as pl

        number = target.cast(pl.Float64)
        return number.is_finite() & (number > 0)

    def truth_of(self, frame: pl.DataFrame, target: str, goal: Goal) -> Floats:
        """The time where the event happened, minus the time where it did not."""
        import numpy as np
        import polars as pl

        times = self.truth(frame[target], goal)
        return np.where(frame[goal.event].cast(pl.Float64).to_numpy() == 1, times, -times)

    def wrong_scores(self, scores: pl.DataFrame, goal: Goal) -> int:  # noqa: ARG002 - as above
        """Below 0 or above 1."""
        return outside(scores, 0, 1)

    def naive(self, truth: Floats, units: Floats, goal: Goal) -> Floats:  # noqa: ARG002 - as above
        """The share that has the event by each horizon, by Kaplan and Meier."""
        import numpy as np

        return 1 - censored.surviving(truth, np.array(goal.horizons))


KIND = Survival()
