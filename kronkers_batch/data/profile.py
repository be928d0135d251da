"""What a table looks like, in numbers: counts, times, quantiles from a sample, levels of categories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kronkers_batch.digests import Json
from kronkers_batch.frames.schema import ColumnType


@dataclass(frozen=True)
class ColumnProfile:
    """One column in numbers.

    ``rows`` counts all rows and ``nulls`` and ``odd`` (NaN and infinite numbers) those that the rest leaves
    out. ``min``, ``max``, ``mean``, ``std`` (of the population) and ``quantiles`` (at 0 %, 1 % to 100 %) are
    None or empty where there are no values; booleans count as 0 and 1, dates and timestamps have only ``min``
    and ``max``, as ISO text in ``first`` and ``last``. ``levels`` are a category's values with their counts,
    ordered by name.
    """

    name: str
    type: ColumnType
    rows: int
    nulls: int
    odd: int = 0
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    std: float | None = None
    quantiles: tuple[float, ...] = ()
    first: str = ""
    last: str = ""
    levels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """The profiles of all columns, by name, in the table's order."""

    rows: int
    columns: Mapping[str, ColumnProfile]

    def levels(self, column: str) -> tuple[str, ...]:
        """The values of a category that occur, ordered by name. Raises KeyError on an unknown column."""
        return tuple(self.columns[column].levels)

    def to_json(self) -> dict[str, Json]:
        """A JSON value from which :meth:`from_json` makes an equal profile."""
        columns: list[Json] = []
        for c in self.columns.values():
            value: dict[str, Json] = {"name": c.name, "type": str(c.type), "rows": c.rows, "nulls": c.nulls}
            value |= {"odd": c.odd, "min": c.min, "max": c.max, "mean": c.mean, "std": c.std}
            value |= {"quantiles": list(c.quantiles), "first": c.first, "last": c.last}
            columns.append(value | {"levels": dict(c.levels)})
        return {"rows": self.rows, "columns": columns}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Profile:
        """The inverse of :meth:`to_json`."""
        columns = {}
        for c in value["columns"]:
            fields = {**c, "type": ColumnType(c["type"]), "quantiles": tuple(c["quantiles"])}
            columns[c["name"]] = ColumnProfile(**fields)
        return cls(value["rows"], columns)
