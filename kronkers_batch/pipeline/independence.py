"""A model that is scored in chunks must give a row the same score whatever stands beside it, and alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import ModelSpec
from kronkers_batch.errors import ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import ColumnType, Schema
from kronkers_batch.pipeline.golden import one_level, same_scores, spread

if TYPE_CHECKING:
    import polars as pl

    from kronkers_batch.runtimes.model_worker import Worker

INVARIANCE_ROWS = 2_000
FEW = 5
"""With fewer different scores, equal ones may be equal by chance."""
IN_ORDER = (
    "if score sorts, merges or groups rows, return the scores in the order of the rows it got, and break "
    "ties by a column: a source may give its rows in another order next time"
)


@dataclass(frozen=True)
class Trials:
    """Tries one model's rows in other surroundings.

    Attributes:
        worker: Has the model loaded.
        model: For messages.
        features: As the model sees them.
    """

    worker: Worker
    model: ModelSpec
    features: Schema

    def all(self, rows: pl.DataFrame, scores: pl.DataFrame) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
        """Refuses a model whose ``scores`` of ``rows`` depend on other rows.

        Returns the frames of one level alone, with their scores.

        Raises:
            ScoreFailed: They do, or a row cannot be scored alone. WorkerFailed, DataError: as for scoring.
        """
        self._rearranged(rows.head(INVARIANCE_ROWS), scores.head(INVARIANCE_ROWS))
        self.alone(spread(rows), spread(scores))
        return self._one_level(rows, scores)

    def alone(self, rows: pl.DataFrame, scores: pl.DataFrame, *, apart: bool = False) -> None:
        """Refuses a model that gives one of these rows another score alone. Raises as :meth:`all`."""
        import polars as pl

        ones = [self._try(row, "alone", apart) for row in rows.iter_slices(1)]
        self._compare(pl.concat(ones), scores, "is scored alone")

    def _rearranged(self, rows: pl.DataFrame, scores: pl.DataFrame) -> None:
        import polars as pl

        backwards = self.worker.score(rows.reverse()).reverse()
        parts = [self.worker.score(part) for part in rows.iter_slices(max(1, rows.height // 3))]
        for found in (backwards, pl.concat(parts)):
            self._compare(found, scores, "is scored among other rows, or in another order")

    def _one_level(self, rows: pl.DataFrame, scores: pl.DataFrame) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
        kept = []
        for name, (at, frame) in one_level(rows, self.features).items():
            found = self._try(frame, f"with others of the same {name} alone", False)
            self._compare(found, scores[at], f"is scored only with rows of the same {name}")
            kept.append((frame, found))
        return kept

    def _try(self, rows: pl.DataFrame, how: str, apart: bool) -> pl.DataFrame:
        try:
            return self.worker.score(rows, apart=apart)
        except WorkerFailed:
            raise
        except ScoreFailed as error:
            raise ScoreFailed(
                f"score fails for a row {how}, though it scored this row among others: {error.what}",
                where=error.where,
                fix="let score take a table of one row (in R, keep its shape: x[i, , drop = FALSE]); "
                f"{error.fix}",
            ) from None

    def _compare(self, found: pl.DataFrame, scores: pl.DataFrame, when: str) -> None:
        if same_scores(scores, found):
            return
        texts = [column.name for column in self.features if column.type is ColumnType.STRING]
        declare = f"declare {', '.join(texts)} as category, so that all levels are known; " if texts else ""
        raise ScoreFailed(
            f"the model gives a row another score when the row {when}",
            where=str(self.model.origins.get("rows", self.model.origin)),
            fix=f"{declare}score each row by itself (compute levels and statistics in fit), or declare "
            "rows: whole",
        )


def misplaced(worker: Worker, model: ModelSpec, rows: pl.DataFrame, scores: pl.DataFrame) -> str:
    """Refuses a model that sees all rows at once and gives their scores back in an order of its own.

    Then these ``rows`` backwards get the same scores, but not each its own. A model whose scores hang on
    the order of the rows, as a lag does, gives others.

    Returns:
        What is worth telling where only some rows, such as tied ones, get another row's score; else "".

    Raises:
        ScoreFailed: More than half do; or the code raises. WorkerFailed: As for scoring.
    """
    import polars as pl

    column = model.measured[0]
    usual = scores.select(column)
    if usual[column].n_unique() < FEW:
        return ""
    found = worker.score(rows.reverse(), apart=True).select(column)
    if not same_scores(usual.sort(column), found.sort(column)):
        return ""
    pairs = pl.DataFrame([usual[column], found[column].reverse().alias("again")])
    others = sum(
        not same_scores(one.select(column), one.select(pl.col("again").alias(column)))
        for one in pairs.iter_slices(1)
    )
    words = f"with the rows in reverse order, {others:,} of {len(rows):,} rows get the score of another row"
    if 2 * others > rows.height:
        raise ScoreFailed(words, where=str(model.model.origin), fix=IN_ORDER)
    return f"{words}: {IN_ORDER}" if others else ""
