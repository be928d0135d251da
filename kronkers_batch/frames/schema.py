"""Column types and schemas: what a column may hold, in the framework's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kronkers_batch.digests import of_fields


class ColumnType(StrEnum):
    """What a column holds. All types are nullable; a null is not a NaN."""

    FLOAT = "float"  # IEEE 754 binary64
    FLOAT32 = "float32"  # IEEE 754 binary32
    INTEGER = "integer"  # int64
    INT32 = "int32"
    BOOLEAN = "boolean"
    DATE = "date"  # days since 1970-01-01
    TIMESTAMP = "timestamp"  # microseconds since 1970-01-01T00:00:00Z
    STRING = "string"  # UTF-8
    CATEGORY = "category"  # UTF-8 with a closed, ordered list of levels


OTHER = "(other)"
"""The level of a category that stands for all that training did not see, with ``unseen: other``."""
_DAYS = (-719_162, 2_932_896)
SPANS: Mapping[ColumnType, tuple[int, int]] = {
    ColumnType.DATE: _DAYS,
    ColumnType.TIMESTAMP: (_DAYS[0] * 86_400_000_000, (_DAYS[1] + 1) * 86_400_000_000 - 1),
}
"""First and last day and microsecond of the years 1 to 9999: in most languages no others can be shown."""


@dataclass(frozen=True)
class Column:
    """One column: its name, its type, and for a category its levels in order (else empty).

    ``nulls`` is of a model's feature: it may be missing, so the model always sees the type that nulls need.
    """

    name: str
    type: ColumnType
    levels: tuple[str, ...] = ()
    nulls: bool = False


@dataclass(frozen=True)
class Schema:
    """Columns in order, with unique names."""

    columns: tuple[Column, ...]
    _index: dict[str, Column] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._index.update({c.name: c for c in self.columns})
        if len(self._index) != len(self.columns):
            raise ValueError("column names must be unique")

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def __getitem__(self, name: str) -> Column:
        return self._index[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(c.name for c in self.columns)

    def select(self, names: list[str] | tuple[str, ...]) -> Schema:
        """The schema of just these columns, in this order. Raises KeyError on an unknown name."""
        return Schema(tuple(self[n] for n in names))

    def to_json(self) -> list[dict[str, object]]:
        """A JSON value from which :meth:`from_json` makes an equal schema."""
        return [
            {"name": c.name, "type": str(c.type), "levels": list(c.levels)}
            | ({"nulls": True} if c.nulls else {})
            for c in self.columns
        ]

    @classmethod
    def from_json(cls, value: list[dict[str, object]]) -> Schema:
        """The inverse of :meth:`to_json`."""
        return cls(
            tuple(
                Column(
                    str(c["name"]),
                    ColumnType(str(c["type"])),
                    tuple(c.get("levels") or ()),  # type: ignore[arg-type]
                    c.get("nulls") is True,
                )
                for c in value
            )
        )

    def digest(self) -> str:
        """SHA-256 (hex) over names, types and levels, in order; each field is length-prefixed.

        It is of rows as they are stored, so what a model is to see of nulls is not in it.
        """
        fields: list[str] = []
        for column in self.columns:
            fields += [column.name, str(column.type), str(len(column.levels)), *column.levels]
        return of_fields(*fields)
