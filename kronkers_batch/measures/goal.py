"""What a model file says of its target, of its scores and of columns with a role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from kronkers_batch.digests import Json
from kronkers_batch.frames.panel import Panel


@dataclass(frozen=True)
class Goal:
    """What a model file says of its target and of columns with a role, besides the target's name.

    Attributes:
        positive: The value of the target that counts as true, as text; empty where the target is a boolean,
            or 0 and 1.
        classes: The classes in their order, as text.
        ordered: Whether this order means something, as that of grades does.
        loss: The name of the loss; empty for the kind's first one.
        quantiles: The levels of predicted quantiles, ascending, each in (0, 1).
        weights: The column that says how much a row counts in ``fit``.
        exposure: The column that says over how much (time, area, people) a row counts what happened.
        judged_as: The task by whose metrics scores are measured, where the model's own task leaves it open.
        higher_is: Which rows have high scores, ``odd`` or ``less_odd``; empty for ``odd``.
        group: The column whose equal values are one group of rows, which are ordered together.
        at: How many places of a group count; 0 for ten.
        event: The column that says whether the observation of a row ended with the event.
        horizons: The times by which the event may happen, ascending.
        top: How many rows of each scoring window are chosen; 0 for one in a hundred.
        panel: The time series, of a task whose rows are series.
    """

    positive: str = ""
    classes: tuple[str, ...] = ()
    ordered: bool = False
    loss: str = ""
    quantiles: tuple[float, ...] = ()
    weights: str = ""
    exposure: str = ""
    judged_as: str = ""
    higher_is: str = ""
    top: int = 0
    group: str = ""
    at: int = 0
    event: str = ""
    horizons: tuple[float, ...] = ()
    panel: Panel | None = None

    def to_json(self) -> dict[str, Json]:
        """What is said, as JSON values."""
        said = {f.name: value for f in fields(self) if (value := getattr(self, f.name))}
        lists = {name: list(value) for name, value in said.items() if isinstance(value, tuple)}
        return {**said, **lists, **({"panel": self.panel.to_json()} if self.panel else {})}

    @classmethod
    def of(cls, said: Mapping[str, object]) -> Goal:
        """The inverse of :meth:`to_json`. What this program does not know is a TypeError."""
        lists = {name: tuple(value) for name, value in said.items() if isinstance(value, list)}
        series = {name: Panel.of(value) for name, value in said.items() if isinstance(value, Mapping)}
        return replace(cls(), **{**said, **lists, **series})  # type: ignore[arg-type]
