"""What a model's scores of the holdout are worth, by the metrics of its task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.learning import Rows
from kronkers_batch.pipeline.prepare import TrainingData

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

Naive = float | Mapping[str, float]
"""The naive prediction: one number, or one for each measured output."""


@dataclass(frozen=True)
class ChampionScores:
    """What the champion gives the rows of the holdout.

    Attributes:
        ref: The champion; empty where there is none, or where no metric compares with it.
        scores: Shape (n,), in the sense of the new version; NaN for a row without a score. None where the
            champion gave none.
        why: Why it gave none, in words.
    """

    ref: str = ""
    scores: Floats | None = None
    why: str = ""


NO_CHAMPION = ChampionScores()


def measured(
    model: ModelSpec,
    data: TrainingData,
    scores: pl.DataFrame,
    champion: ChampionScores = NO_CHAMPION,
    steps: Rows | None = None,
) -> tuple[dict[str, float], Naive, list[str]]:
    """Metrics, the naive prediction, and what is worth telling in words.

    Args:
        model: Says what is measured, and how.
        data: ``holdout`` has the truth of each row of ``scores``.
        scores: Of the holdout, in its order.
        champion: What the champion gives the same rows.
        steps: Of series, the rows of the holdout with what else is known of them.

    Raises:
        ScoreFailed: No row has a score, or some scores cannot be.
    """
    import polars as pl

    task, goal = model.judge, model.goal
    given = scores.select(model.measured)
    floats = numbers(given)
    without = _without(model, floats)
    wrong = task.wrong_scores(floats, goal)
    if wrong:
        refusal, names = task.wrong_score, ", ".join(model.measured[:1])
        more = f" (or another of the {len(model.measured)} columns)" if len(model.measured) > 1 else ""
        raise ScoreFailed(
            f"score gave {refusal.what} for {wrong:,} of {floats.height:,} holdout rows: {names}{more} is "
            f"{refusal.there} there",
            where=_at(model),
            fix=refusal.fix,
        )
    truth = _truth(model, data.holdout)
    if flat := task.contradiction(floats.fill_nan(None).drop_nulls(), truth, goal):
        raise ScoreFailed(f"score gave {flat.what}", where=_at(model), fix=flat.fix)
    naive = task.naive(_truth(model, data.fit), _units(model, data.fit), goal)
    predicted = floats.fill_null(float("nan")).to_numpy()
    if not data.measures:
        return {}, _plain(model, naive), [*without, "nothing is held out, so no number says how good it is"]
    groups = None if data.groups is None else data.groups.cast(pl.Int64).to_numpy()
    units = _units(model, data.holdout)
    rows = steps.scored(predicted) if steps else Rows(truth, predicted, units, goal, groups, champion.scores)
    return (
        task.measured(rows, naive),
        _naive_prediction(model, naive, rows),
        [*without, *_moved(data), *_compared(model, rows, champion), *task.remarks(given, goal)],
    )


def _moved(data: TrainingData) -> list[str]:
    words = f"{data.moved:,} rows before the holdout are held out too, because others of their group are"
    return [words] if data.moved else []


def _naive_prediction(model: ModelSpec, naive: Floats, rows: Rows) -> Naive:
    """The naive prediction, or what each metric that compares with the champion would be by chance."""
    return _plain(model, naive) if model.judge.losses else model.judge.by_chance(rows)


def _plain(model: ModelSpec, naive: Floats) -> Naive:
    said = [float(number) for number in naive]
    return said[0] if len(said) == 1 else dict(zip(model.measured, said, strict=True))


def _compared(model: ModelSpec, rows: Rows, champion: ChampionScores) -> list[str]:
    """What is worth telling of the champion that a version was compared with, and of rows left out."""
    left_out = [words] if (words := model.judge.left_out(rows)) else []
    comparing = ", ".join(model.judge.comparing(model.goal))
    if not comparing:
        return left_out
    if not champion.ref:
        first = f"{comparing} is not judged: there is no champion yet to compare with"
        return [first, *left_out]
    if champion.scores is None:
        return [f"{comparing} is undefined: {champion.ref} {champion.why}", *left_out]
    chance = ", ".join(f"{name} {value:.4g}" for name, value in model.judge.by_chance(rows).items())
    return [f"compared with {champion.ref}; by chance it would be {chance}", *left_out]


def numbers(given: pl.DataFrame) -> pl.DataFrame:
    """Measured columns as floats."""
    return given.select(_number(column) for column in given.iter_columns())


def naive_scores(model: ModelSpec, data: TrainingData, naive: Naive) -> pl.DataFrame:
    """What the naive prediction gives the rows of the holdout, as the measured columns."""
    import numpy as np
    import polars as pl

    said = [*naive.values()] if isinstance(naive, Mapping) else [naive]
    truth, units = _truth(model, data.holdout), _units(model, data.holdout)
    rows = Rows(truth, np.zeros((len(truth), len(said))), units, model.goal)
    return pl.DataFrame(
        model.judge.naive_scores(np.array(said), rows), schema=list(model.measured), orient="row"
    )


def _number(column: pl.Series) -> pl.Series:
    """Scores as numbers; of texts, which are not measured, only whether there is one."""
    import polars as pl

    if column.dtype == pl.String:
        return pl.DataFrame([column]).select(pl.when(pl.all().is_not_null()).then(0.0)).to_series()
    return column.cast(pl.Float64)


def _without(model: ModelSpec, floats: pl.DataFrame) -> list[str]:
    """Says how many rows have no score. Raises ScoreFailed where none has."""
    import polars as pl

    rows = floats.height
    nan = floats.select(pl.any_horizontal(pl.all().is_nan().fill_null(False)).sum()).item()
    none = floats.select(pl.any_horizontal(pl.all().fill_nan(None).is_null()).sum()).item()
    if not none:
        return []
    words = f"score gave {'NaN' if nan else 'no value'} for {none:,} of {rows:,} holdout rows"
    if none == rows:
        raise ScoreFailed(
            words,
            where=_at(model),
            fix="check what score does with null features; if it cannot take them, declare a check "
            "{nulls: false}",
        )
    return [words]


def _truth(model: ModelSpec, frame: pl.DataFrame) -> Floats:
    import numpy as np

    if not model.target:
        return np.full(frame.height, np.nan)
    return model.judge.truth_of(frame, model.target, model.goal)


def _units(model: ModelSpec, frame: pl.DataFrame) -> Floats:
    import numpy as np
    import polars as pl

    exposure = model.goal.exposure
    return frame[exposure].cast(pl.Float64).to_numpy() if exposure else np.ones(frame.height)


def _at(model: ModelSpec) -> str:
    for key in ("output.evaluate", "output.columns"):
        if key in model.origins:
            return str(model.origins[key])
    return str(model.origin)


def rounded(values: Mapping[str, float]) -> str:
    """One line for people: ``auc 0.71, brier 0.145``."""
    return ", ".join(f"{name} {value:.4g}" for name, value in values.items())
