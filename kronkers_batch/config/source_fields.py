"""The keys of a source that several kinds have, or that other files refer to: how each is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from kronkers_batch.config.fields import Bad, Counts, Field, Kind, Table, list_kind, map_kind, read_table
from kronkers_batch.config.kinds import COLUMN, FILLED, NAME, SECRET, TEXT, choice, duration
from kronkers_batch.config.kinds import PATH as PATH_KIND
from kronkers_batch.config.nodes import Mapping, Node, Scalar
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.spec import InputRef
from kronkers_batch.frames.schema import Column, ColumnType

_COLUMN_TYPE = choice(ColumnType)
_COLUMN_TABLE = Table(
    "column",
    (
        Field("type", _COLUMN_TYPE, "The column's type.", required=True),
        Field(
            "levels",
            list_kind(TEXT, "a list of texts", empty=False),
            "A category's levels in order.",
            shown="learnt in training",
        ),
    ),
)


def _column(node: Node, key: str, problems: Problems) -> tuple[ColumnType, tuple[str, ...]] | None:
    if isinstance(node, Scalar):
        return _COLUMN_TYPE.parse(node, key, problems), ()
    values = read_table(_COLUMN_TABLE, node, key, problems)
    levels = tuple(values["levels"] or ())
    if values["type"] is None:
        return None
    if levels and values["type"] is not ColumnType.CATEGORY:
        raise Bad(
            f"levels are only for the type category, and this column is {values['type']}", "delete levels"
        )
    if len(set(levels)) != len(levels):
        raise Bad("a level is listed twice", "list each level once")
    return values["type"], levels


def _columns(node: Node, key: str, problems: Problems) -> dict[str, Column] | None:
    before = len(problems)
    kind = map_kind(Kind(f"{_COLUMN_TYPE.allowed}, or {{type: ..., levels: [...]}}", _column), COLUMN)
    found = kind.parse(node, key, problems)
    _check_case(found, "columns", node, key, problems)
    if not found and not (isinstance(node, Mapping) and node.items):
        raise Bad("found no columns")
    if len(problems) > before:
        return None  # a column of no known type is there all the same: whoever names it makes no mistake
    return {name: Column(name, kind_, levels) for name, (kind_, levels) in found.items()}


def _check_case(names: Iterable[str], what: str, node: Node, key: str, problems: Problems) -> None:
    """Reports names that SQL does not tell apart: one would silently stand for the other."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name and isinstance(node, Mapping):
            where = node.items[name].origin(f"{key}.{name}")
            found = f"the {what} '{other}' and '{name}' differ only in case"
            problems.add(where, found, "rename one of them: SQL ignores upper and lower case")


_INPUT_TABLE = Table(
    "input",
    (
        Field("source", NAME, "A source's name."),
        Field("output", NAME, "A model's name: its published output."),
    ),
)


def _input(node: Node, key: str, problems: Problems) -> InputRef | None:
    if isinstance(node, Scalar):
        return InputRef(source=NAME.parse(node, key, problems))
    before = len(problems)
    values = read_table(_INPUT_TABLE, node, key, problems)
    if len(problems) > before:
        return None
    if (values["source"] is None) == (values["output"] is None):
        raise Bad(
            "neither or both of 'source' and 'output' are given", "write a source's name, or {output: MODEL}"
        )
    return InputRef(source=values["source"] or "", output=values["output"] or "")


INPUT = Kind("a source's name, or {output: MODEL}", _input, table=_INPUT_TABLE)
_INPUTS = map_kind(INPUT, NAME, "a mapping of names to sources' names or {output: MODEL}")


def _inputs(node: Node, key: str, problems: Problems) -> dict[str, InputRef]:
    found = _INPUTS.parse(node, key, problems)
    _check_case(found, "inputs", node, key, problems)
    return found


_NEVER = ("\n", "\r", "\0")
_NULL = 100  # of a text of a million characters the parser builds a tree that ends the process
_CSV = Table(
    "csv",
    (
        Field("delimiter", TEXT, 'Between values, such as `";"` or `"\\t"`.', default=",", shown="`,`"),
        Field("quote", TEXT, 'Around values; `""` where there is none.', default='"', shown='`"`'),
        Field("null", TEXT, "The text for null, besides an empty field.", default="", shown="nothing"),
    ),
)


def _csv(node: Node, key: str, problems: Problems) -> dict[str, str]:
    found = read_table(_CSV, node, key, problems)
    for name, least in (("delimiter", 1), ("quote", 0)):
        if not least <= len(found[name]) <= 1 or not found[name].isascii() or found[name] in _NEVER:
            raise Bad(
                f"the {name} is not one character",
                'allowed: one ASCII character that ends no line; a tab is written "\\t"',
            )
    if found["delimiter"] == found["quote"]:
        raise Bad("the delimiter and the quote are the same character", "write another one for one of them")
    if len(found["null"]) > _NULL:
        raise Bad(f"the text for null is longer than {_NULL} characters", "write a shorter one")
    return found


COLUMNS = Field("columns", Kind("a mapping of column to type", _columns, free=True))
# A moved checkout trains nothing anew; for scoring the source's identity counts.
PATH = Field("path", PATH_KIND, default="", counts=Counts.NEVER)
URL = Field("url", SECRET, counts=Counts.NEVER)  # a secret
QUERY = Field("query", FILLED, default="")
INPUTS = Field("inputs", replace(_INPUTS, parse=_inputs))
OUTPUT = Field("output", NAME, default="")
CSV = Field("csv", Kind("a mapping", _csv, table=_CSV))
TIME_LIMIT = Field("time_limit", duration(positive=True), default=dt.timedelta(hours=1), counts=Counts.NEVER)
