"""What a department's own measures say of a training's scores, by workers that see neither model nor key.

A number by which versions are judged must not depend on chance, on the order of the rows, or, of a loss, on
which other rows are there. Nobody sees in a number that it does. So each measure is asked again: for the same
rows, for the same rows in another order, and a loss for a part of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kronkers_batch.config.own_measure import Measure
from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.declared.measure_code import (
    declared_at,
    measure_spec,
    read_measures,
    score_columns,
    truth_column,
)
from kronkers_batch.declared.workers import walls_of
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Schema
from kronkers_batch.learning import gain
from kronkers_batch.pipeline.features import as_features
from kronkers_batch.pipeline.measuring import naive_scores, numbers
from kronkers_batch.pipeline.prepare import TrainingData
from kronkers_batch.pipeline.runtime import by_path
from kronkers_batch.pipeline.verify import Verified
from kronkers_batch.runtimes.measure_worker import JudgedRows, MeasureWorker, start_measure
from kronkers_batch.session.services import Services

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.learning import Floats

SAME = 1e-9
"""How far numbers may lie apart that are the same but for the order in which they were added."""


@dataclass(frozen=True)
class OwnMeasures:
    """The measures of one model, each with its started worker."""

    model: ModelSpec
    features: Schema
    workers: Mapping[str, MeasureWorker]

    def added(self, verified: Verified, data: TrainingData) -> Verified:
        """What was verified, with the metrics of the measures; ``skill`` by the own loss where one is named.

        Raises:
            ModelError: The code of a measure fails, or its numbers do not depend on the rows alone.
            WorkerFailed, DataError: As for scoring.
        """
        model = self.model
        if not (model.measures and data.measures):
            return verified
        rows, known = judged_rows(model, data, self.features, verified.scores)
        found, remarks = dict(verified.metrics), list(verified.remarks)
        for measure in model.measures:
            asked = Asked(model, measure, self.workers[measure.name])
            if measure.metrics:
                found |= {f"{measure.name}.{key}": value for key, value in asked.metrics(rows).items()}
                continue
            found[measure.name] = float(asked.loss(rows).mean())
            if measure.name == model.own_loss:
                naive = naive_scores(model, data, verified.naive).filter(known)
                naive.columns = list(score_columns(model).names)
                reference = asked.once(replace(rows, scores=naive), " that get the naive prediction")
                found["skill"] = gain(found[measure.name], float(reference.mean()))
                if math.isnan(found["skill"]):
                    remarks.append(
                        f"skill is undefined: by {measure.name} the naive prediction costs 0 or less"
                    )
        return replace(verified, metrics=found, remarks=tuple(remarks))


@contextmanager
def started(services: Services, model: ModelSpec, features: Schema) -> Iterator[OwnMeasures]:
    """Starts a worker for each measure, in the background; none where a model has no measures.

    Raises:
        ModelError: The code of a measure cannot be read.
        MissingPart: The interpreter of a measure, or the required sandbox, is missing.
    """
    with ExitStack() as stack:
        workers: dict[str, MeasureWorker] = {}
        if model.measures:
            services.run.permissions.require(model.name)
            by_path(services, model)  # before a worker opens what lies there
            sandbox, walls = services.config.executor.sandbox, walls_of(services, model)
            for measure in model.measures:
                code = read_measures(services, model)[measure.name]
                spec = measure_spec(model, measure, code, features, sandbox, walls, services.log)
                workers[measure.name] = stack.enter_context(start_measure(spec))
        yield OwnMeasures(model, features, workers)


def judged_rows(
    model: ModelSpec, data: TrainingData, features: Schema, scores: pl.DataFrame
) -> tuple[JudgedRows, pl.Series]:
    """The rows of the holdout that have all scores, as a measure sees them; and which rows those are."""
    import polars as pl

    floats = numbers(scores.select(model.measured))
    known = floats.select(pl.all_horizontal(pl.all().fill_nan(None).is_not_null())).to_series()
    floats.columns = list(score_columns(model).names)
    target = model.judge.send(data.holdout[model.target], model.goal).alias(model.target)
    truth = as_features(pl.DataFrame([target]), Schema((truth_column(model),)))
    rows = JudgedRows(truth, floats, as_features(data.holdout, features))
    return JudgedRows(rows.truth.filter(known), rows.scores.filter(known), rows.data.filter(known)), known


@dataclass(frozen=True)
class Asked:
    """One measure, asked for rows and tried."""

    model: ModelSpec
    measure: Measure
    worker: MeasureWorker

    def loss(self, rows: JudgedRows) -> Floats:
        """What each row costs, shape (n,). Raises ModelError where it hangs on more than the row."""
        first, moved = self.once(rows), another_order(len(rows.data), self.model.seed)
        self._refuse_chance(first, self.once(rows))
        self._refuse_other(first[moved.to_numpy()], self.once(rows.picked(moved)), "in another order")
        part = moved[: (len(moved) + 1) // 2]
        self._refuse_other(first[part.to_numpy()], self.once(rows.picked(part)), "beside fewer other rows")
        return first

    def metrics(self, rows: JudgedRows) -> dict[str, float]:
        """The declared numbers. Raises ModelError where they hang on more than the rows."""
        first = self.once(rows)
        self._refuse_chance(first, self.once(rows))
        moved = another_order(len(rows.data), self.model.seed)
        self._refuse_other(first, self.once(rows.picked(moved)), "in another order")
        return dict(zip(self.measure.columns, map(float, first), strict=True))

    def once(self, rows: JudgedRows, about: str = "") -> Floats:
        """The numbers for these rows. Raises ModelError where one is not finite."""
        import numpy as np

        found = self.worker.measure(rows).to_numpy()
        wrong, count = ~np.isfinite(found), len(rows.data)
        if not wrong.any():
            return found[0] if self.measure.metrics else found[:, 0]
        if self.measure.metrics:
            names = ", ".join(n for n, bad in zip(self.measure.columns, wrong[0], strict=True) if bad)
            raise self._unfit(f"gives NaN or an infinite number as {names} of {count:,} rows", _FINITE)
        what = f"gives NaN, an infinite number or none for {int(wrong.sum()):,} of {count:,} rows{about}"
        raise self._unfit(what, _FINITE)

    def _refuse_chance(self, one: Floats, other: Floats) -> None:
        import numpy as np

        if not np.array_equal(one, other):
            raise self._unfit("gives the same rows other numbers the second time", "draw no random numbers")

    def _refuse_other(self, one: Floats, other: Floats, when: str) -> None:
        import numpy as np

        scale = 1.0 if self.measure.metrics else float(np.abs(one).max())
        if not np.allclose(one, other, rtol=SAME, atol=SAME * scale):
            raise self._unfit(
                f"gives the same rows other numbers {when}",
                "compute each number from all rows alike, whatever their order"
                if self.measure.metrics
                else "compute the loss of a row from this row alone",
            )

    def _unfit(self, what: str, fix: str) -> ModelError:
        where = str(declared_at(self.model, self.measure))
        return ModelError(f"the measure {self.measure.name} {what}", where=where, fix=fix)


_FINITE = "return a finite number for whatever truth, score and data may be"


def another_order(count: int, seed: int) -> pl.Series:
    """The numbers of so many rows in an order that is not theirs."""
    import numpy as np
    import polars as pl

    order = np.random.default_rng(seed).permutation(count)
    return pl.Series(order if (order != np.arange(count)).any() else order[::-1].copy(), dtype=pl.UInt32)
