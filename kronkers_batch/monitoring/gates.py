"""Gates: a training's metrics or an output's statistics held against the declared thresholds."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kronkers_batch.config.spec import Threshold

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Verdict:
    """What a gate says; ``missed`` has one sentence for each threshold that does not hold."""

    missed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every threshold holds."""
        return not self.missed

    def why(self) -> str:
        """One line: the missed thresholds, or that all hold."""
        return "; ".join(self.missed) if self.missed else "every threshold holds"


def as_words(thresholds: Sequence[Threshold]) -> list[str]:
    """Thresholds as text, such as ``auc at least 0.6``: for the ledger, which keeps them as they were."""
    bounds = (
        (t.name, word, bound) for t in thresholds for word, bound in (("least", t.min), ("most", t.max))
    )
    return [f"{name} at {word} {bound:g}" for name, word, bound in bounds if bound is not None]


def judge_metrics(
    thresholds: Sequence[Threshold], values: Mapping[str, float], excused: Sequence[str] = ()
) -> Verdict:
    """Hold metrics against thresholds. A metric that is missing or NaN misses, unless it is ``excused``."""
    judged = [t for t in thresholds if t.name not in excused]
    return Verdict(tuple(m for t in judged for m in _missed(t, values.get(t.name, math.nan))))


def judge_output(thresholds: Sequence[Threshold], stats: Mapping[str, float]) -> Verdict:
    """Hold an output's statistics (see :class:`OutputStats`) against thresholds.

    ``rows`` and ``null_share`` are themselves; a column's name bounds each of its values; ``COLUMN.mean``
    bounds its mean.
    """
    missed: list[str] = []
    for t in thresholds:
        if t.name in stats:
            missed += _missed(t, stats[t.name])
            continue
        low, high = stats.get(f"{t.name}.min", math.nan), stats.get(f"{t.name}.max", math.nan)
        if stats.get("rows"):  # of no rows no value is out of range; `rows` says whether none is right
            missed += _missed(Threshold(f"{t.name}.min", t.min, None, t.origin), low)
            missed += _missed(Threshold(f"{t.name}.max", None, t.max, t.origin), high)
    return Verdict(tuple(missed))


def _missed(threshold: Threshold, value: float) -> Iterable[str]:
    where = f"({threshold.origin})"
    if threshold.min is None and threshold.max is None:
        return
    if math.isnan(value):
        yield f"{threshold.name} is undefined {where}"
    elif threshold.min is not None and value < threshold.min:
        yield f"{threshold.name} {value:.4g} is below {threshold.min:g} {where}"
    elif threshold.max is not None and value > threshold.max:
        yield f"{threshold.name} {value:.4g} is above {threshold.max:g} {where}"


@dataclass
class OutputStats:
    """Statistics of an output's predicted columns, gathered chunk by chunk.

    ``null_share`` is the share of rows in which any predicted column is null, NaN or infinite. What is
    infinite counts in a column's range, too.
    """

    columns: tuple[str, ...]
    rows: int = 0
    unscored: int = 0
    _low: dict[str, float] = field(default_factory=dict)
    _high: dict[str, float] = field(default_factory=dict)
    _sum: dict[str, float] = field(default_factory=dict)
    _count: dict[str, int] = field(default_factory=dict)

    def feed(self, chunk: pl.DataFrame) -> None:
        """Count one more chunk in; it holds at least ``columns``."""
        import polars as pl

        self.rows += chunk.height
        numeric = [c for c in self.columns if chunk.schema[c].is_numeric()]
        floats = chunk.select(
            pl.col(c).cast(pl.Float64).fill_nan(None) if c in numeric else pl.col(c) for c in self.columns
        )
        none = [pl.all().is_null(), *(pl.col(c).is_infinite() for c in numeric)]
        self.unscored += int(floats.select(pl.any_horizontal(none).sum()).item())
        for name in numeric:
            column = floats[name]
            known = column.len() - column.null_count()
            if not known:
                continue
            self._low[name] = min(self._low.get(name, math.inf), float(column.min()))  # type: ignore[arg-type]
            self._high[name] = max(self._high.get(name, -math.inf), float(column.max()))  # type: ignore[arg-type]
            self._sum[name] = self._sum.get(name, 0.0) + float(column.sum())
            self._count[name] = self._count.get(name, 0) + known

    def values(self) -> dict[str, float]:
        """``rows``, ``null_share``, and for each number column ``.min``, ``.max`` and ``.mean``."""
        out = {"rows": float(self.rows), "null_share": self.unscored / self.rows if self.rows else 0.0}
        for name in self._count:
            out |= {f"{name}.min": self._low[name], f"{name}.max": self._high[name]}
            out[f"{name}.mean"] = self._sum[name] / self._count[name]
        return out
