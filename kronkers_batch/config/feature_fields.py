"""What a model file says of its features: their columns and types, and the levels of categories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kronkers_batch.config.fields import Bad, Field, Table, list_kind, read_table, read_value
from kronkers_batch.config.kinds import BOOLEAN, COLUMN, choice
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, shown
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.task_fields import VALUE
from kronkers_batch.frames.schema import OTHER, ColumnType

_TYPE = choice(ColumnType)
FEATURE = Table(
    "feature",
    (
        Field("type", _TYPE, "The type that the model sees.", shown="the source's"),
        Field(
            "levels",
            list_kind(VALUE, "a list of texts, whole numbers, true or false", empty=False),
            "Of a category: all levels, in order. Another value in a training is an error.",
            default=(),
            shown="those of the rows that the model is fitted on, sorted",
        ),
        Field(
            "reference",
            VALUE,
            "Of a category: the level that comes first, with which formulas compare the others.",
            default="",
            shown="the first one",
        ),
        Field(
            "nulls",
            BOOLEAN,
            "It may be missing on any night, also where training rows are complete: the model always sees it "
            "in the type that nulls need, and score must not fail without it.",
            default=False,
        ),
        Field(
            "known_at",
            COLUMN,
            "The column that says when the value became known. Training and scoring refuse rows in which it "
            "is missing, or later than the time of the row, which is that of the prediction.",
            default="",
        ),
    ),
)


@dataclass(frozen=True)
class RawFeature:
    """A feature as a file says it; a type of None is the source's own."""

    node: Node
    type: ColumnType | None = None
    levels: tuple[str, ...] = ()
    reference: str = ""
    nulls: bool = False
    known_at: str = ""


def read_features(node: Node, key: str, problems: Problems) -> dict[str, RawFeature]:
    """The features by name, in order."""
    if isinstance(node, Sequence):
        found = dict(_listed(node, key, problems))
    elif isinstance(node, Mapping):
        found = dict(_mapped(node, key, problems))
    else:
        raise Bad(f"found {shown(node)}, where a list of columns or a mapping of column to type is expected")
    if not found:
        raise Bad("found no features")
    return found


def _listed(node: Sequence, key: str, problems: Problems) -> Iterator[tuple[str, RawFeature]]:
    names = set()
    for i, item in enumerate(node.items):
        try:
            name = COLUMN.parse(item, f"{key}.{i}", problems)
        except Bad as bad:
            problems.add(
                item.origin(f"{key}.{i}"), bad.what or f"found {shown(item)}", "allowed: a column's name"
            )
            continue
        if name in names:
            problems.add(
                item.origin(f"{key}.{name}"), f"the feature '{name}' is listed twice", "list it once"
            )
        names.add(name)
        yield name, RawFeature(item)


def _mapped(node: Mapping, key: str, problems: Problems) -> Iterator[tuple[str, RawFeature]]:
    for name, child in node.items.items():
        label = Scalar(child.file, child.line, name)
        if read_value(COLUMN, label, f"{key}.{name}", problems) is None:
            continue
        if isinstance(child, Mapping):
            values = read_table(FEATURE, child, f"{key}.{name}", problems)
            _check_levels(child, f"{key}.{name}", values["levels"], values["reference"], problems)
            _check_nulls(child, f"{key}.{name}", name, problems)
            yield name, RawFeature(node=child, **values)
        elif (kind := read_value(_TYPE, child, f"{key}.{name}", problems)) is not None:
            yield name, RawFeature(child, kind)


def _check_nulls(node: Mapping, key: str, name: str, problems: Problems) -> None:
    """``nulls: false`` would read as a check, and check nothing."""
    said = node.items.get("nulls")
    if isinstance(said, Scalar) and said.value is False:
        problems.add(
            said.origin(f"{key}.nulls"),
            "nulls: false of a feature checks nothing",
            f"delete it; to refuse missing values: checks: {{input: [{{column: {name}, nulls: false}}]}}",
        )


def _check_levels(
    node: Mapping, key: str, levels: tuple[str, ...], reference: str, problems: Problems
) -> None:
    if len(set(levels)) < len(levels):
        problems.add(node.origin(f"{key}.levels"), "a level is listed twice", "list each level once")
    if OTHER in (*levels, reference):
        problems.add(
            node.origin(key), f"a level may not be called {OTHER}", "unseen: other makes a level of it"
        )
    if levels and reference and reference not in levels:
        what = f"the reference '{reference}' is none of the levels"
        problems.add(node.origin(f"{key}.reference"), what, f"allowed: {', '.join(levels[:20])}")
