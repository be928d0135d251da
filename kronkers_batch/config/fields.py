"""Declarative field tables: what a file may hold, said once.

From a table come the checker (:func:`read_table`), the paths that an override may name, Hydra's schema
(``root_schema.structure``), what counts as a changed definition (``fingerprint_fields``) and the reference
page.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, Generic, TypeVar

from kronkers_batch.config.nodes import Mapping, Node, Plain, Scalar, Sequence, as_text, shown
from kronkers_batch.config.problems import Problems, listed, suggest

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)

STRUCTURE = dict[str, Any]
"""The type in Hydra's schema of a mapping with free keys."""


class Bad(Exception):
    """A value that its kind refuses.

    Args:
        what: What was found, if that is more than the value itself.
        fix: What is allowed, if that is more than the kind says.
    """

    def __init__(self, what: str = "", fix: str = "") -> None:
        self.what, self.fix = what, fix
        super().__init__(what)


class Counts(StrEnum):
    """What a key counts for: a model trains anew, or a date is scored anew, when it changes."""

    TRAINING = "training"
    SCORING = "scoring"
    BOTH = "training and scoring"
    DIGEST = "training, as a digest"  # of code or environment, handed in by the caller
    NEVER = "neither"


@dataclass(frozen=True)
class Kind(Generic[_T_co]):
    """A kind of value, and the type that it is parsed to.

    ``parse`` gets the node, its dotted key and the problems; it raises Bad, or reports problems of the values
    inside and returns what it could read. ``environment`` says that a value of the environment may go here:
    elsewhere it would enter fingerprints and pages. ``say`` is the way back: a value as a file says it.
    """

    allowed: str
    parse: Callable[[Node, str, Problems], _T_co]
    table: Table | None = None  # of the keys below, for the reference and for overrides
    free: bool = False  # any keys may stand below
    environment: bool = False
    secret: bool = False
    say: Callable[[Any], Plain] | None = None
    plain: Any = Any  # the type in Hydra's schema
    nested: bool = False  # a mapping of the table's keys, and nothing else


@dataclass(frozen=True)
class Field:
    """One key of a file: its kind, one sentence of help, its default, and what it counts for."""

    name: str
    kind: Kind[object]
    doc: str = ""
    required: bool = False
    default: object = None
    shown: str = ""  # the default in words, where its value does not say it
    written: Plain = None  # the default of Hydra's schema, where it refers to other keys
    counts: Counts | None = None  # None: as the key above, and at the top as the table

    @property
    def said(self) -> Plain:
        """The default as a file would say it; None where it has no single word for it."""
        if self.written is None and self.kind.say is not None and self.default is not None:
            return self.kind.say(self.default)
        return self.written

    @property
    def in_words(self) -> str:
        """The default as the reference page shows it."""
        if self.shown or self.said is None:
            return self.shown
        return f"`{self.written}`" if self.written else as_text(self.said)


@dataclass(frozen=True)
class Table:
    """The keys of one mapping, and what they count for that do not say it themselves."""

    title: str
    fields: tuple[Field, ...]
    counts: Counts = Counts.TRAINING

    def __getitem__(self, name: str) -> Field:
        return next(f for f in self.fields if f.name == name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All allowed keys."""
        return tuple(f.name for f in self.fields)


def read_value(kind: Kind[_T | None], node: Node, key: str, problems: Problems) -> _T | None:
    """The value, or None with a problem reported."""
    if node.environment and not kind.environment:
        problems.replace(
            node.origin(key),
            f"found {shown(node)}, and this key takes no environment variable: its value shows on pages",
            "write the value here, or give it as an override; environment variables are for secrets and "
            "paths",
        )
        return None
    if isinstance(node, Scalar) and node.reported:
        return None
    try:
        return kind.parse(node, key, problems)
    except Bad as bad:
        what = bad.what or f"found {shown(node)}"
        problems.add(node.origin(key), what, bad.fix or f"allowed: {kind.allowed}")
        return None


def read_table(table: Table, node: Node, key: str, problems: Problems) -> dict[str, Any]:
    """The parsed value of every key of the table; defaults where a key is absent or was refused.

    Raises:
        Bad: the node is no mapping.
    """
    if not isinstance(node, Mapping):
        raise Bad(
            f"found {shown(node)}, where a mapping (key: value) is expected",
            f"allowed keys: {listed(table.names)}",
        )
    prefix = f"{key}." if key else ""
    for name, child in node.items.items():
        if name not in table.names:
            problems.add(
                child.origin(prefix + name), f"the key '{name}' is not known", suggest(name, table.names)
            )
    values: dict[str, object] = {}
    for field in table.fields:
        values[field.name] = field.default
        found = node.items.get(field.name)
        if found is None:
            if field.required and not node.reported:
                what = f"the key '{field.name}' is missing"
                problems.add(
                    node.origin(prefix + field.name), what, f"add {field.name}: {field.kind.allowed}"
                )
        elif isinstance(found, Scalar) and found.value is None and not (found.environment or found.reported):
            if field.required:
                what = f"the value of '{field.name}' is missing"
                problems.add(found.origin(prefix + field.name), what, f"allowed: {field.kind.allowed}")
        else:
            value = read_value(field.kind, found, prefix + field.name, problems)
            values[field.name] = field.default if value is None else value
    return values


def given(values: MappingType[str, object], name: str, kind: type[_T]) -> _T:
    """The value of a key that is there. Raises TypeError where it is not of this class."""
    value = values[name]
    if not isinstance(value, kind):
        raise TypeError(name)
    return value


def table_kind(table: Table, allowed: str = "a mapping") -> Kind[dict[str, Any]]:
    """A nested mapping with a table of its own."""
    return Kind(
        allowed, lambda node, key, problems: read_table(table, node, key, problems), table=table, nested=True
    )


def list_kind(
    item: Kind[_T | None], allowed: str, *, single: bool = False, empty: bool = True
) -> Kind[tuple[_T, ...]]:
    """A list of values of one kind, as a tuple; ``single`` lets one value stand for a list of one."""

    def parse(node: Node, key: str, problems: Problems) -> tuple[_T, ...]:
        if not isinstance(node, Sequence):
            if single and isinstance(node, Scalar):
                value = read_value(item, node, key, problems)
                return () if value is None else (value,)
            raise Bad(f"found {shown(node)}, where a list is expected")
        if not node.items and not empty:
            raise Bad("found an empty list")
        values = [read_value(item, n, f"{key}.{i}", problems) for i, n in enumerate(node.items)]
        return tuple(v for v in values if v is not None)

    return Kind(allowed, parse, free=True)


def map_kind(item: Kind[_T | None], keys: Kind[object], allowed: str = "") -> Kind[dict[str, _T]]:
    """A mapping with free keys of one kind to values of one kind."""

    def parse(node: Node, key: str, problems: Problems) -> dict[str, _T]:
        if not isinstance(node, Mapping):
            raise Bad(f"found {shown(node)}, where a mapping (key: value) is expected")
        values = {}
        for name, child in node.items.items():
            label = Scalar(child.file, child.line, name)
            if read_value(keys, label, f"{key}.{name}", problems) is not None:
                value = read_value(item, child, f"{key}.{name}", problems)
                if value is not None:
                    values[name] = value
        return values

    return Kind(allowed or f"a mapping of {keys.allowed} to {item.allowed}", parse, free=True)
