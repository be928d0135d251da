"""``conf/source/NAME.yaml`` and ``conf/department/NAME.yaml``: their keys, and what they are read as."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from typing import Any

from kronkers_batch.config.checks import CHECKS
from kronkers_batch.config.fields import Bad, Field, Kind, Table, list_kind, map_kind, read_table, table_kind
from kronkers_batch.config.kinds import COLUMN, FILLED, NAME, PATH, SECRET, SIZE, TEXT, choice, duration
from kronkers_batch.config.nodes import Mapping, Node, Scalar, shown
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import DATABASES, InputRef, Secret, SourceKind
from kronkers_batch.frames.schema import Column, ColumnType

_COLUMN_TYPE = choice(ColumnType)
_COLUMN_TABLE = Table(
    "column",
    (
        Field("type", _COLUMN_TYPE, "The column's type.", required=True),
        Field(
            "levels",
            list_kind(TEXT, empty=False),
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


def _columns(node: Node, key: str, problems: Problems) -> dict[str, Column]:
    kind = map_kind(Kind(f"{_COLUMN_TYPE.allowed}, or {{type: ..., levels: [...]}}", _column), COLUMN)
    found: dict[str, Any] = kind.parse(node, key, problems)
    _check_case(found, "columns", node, key, problems)
    if not found and not (isinstance(node, Mapping) and node.items):
        raise Bad("found no columns")
    return {name: Column(name, kind_, levels) for name, (kind_, levels) in found.items()}


def _check_case(names: Iterable[str], what: str, node: Node, key: str, problems: Problems) -> None:
    """Notes names that SQL does not tell apart: one would silently stand for the other."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name and isinstance(node, Mapping):
            where = node.items[name].origin(f"{key}.{name}")
            found = f"the {what} '{other}' and '{name}' differ only in case"
            problems.add(where, found, "rename one; SQL does not tell them apart")


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
        raise Bad("exactly one of 'source' and 'output' is due", "write a source's name, or {output: MODEL}")
    return InputRef(source=values["source"] or "", output=values["output"] or "")


INPUT = Kind("a source's name, or {output: MODEL}", _input, table=_INPUT_TABLE)
_INPUTS = map_kind(INPUT, NAME)


def _inputs(node: Node, key: str, problems: Problems) -> Any:
    found = _INPUTS.parse(node, key, problems)
    _check_case(found, "inputs", node, key, problems)
    return found


_NULL = 100  # of a text of a million characters the parser builds a tree that ends the process
_CSV = Table(
    "csv",
    (
        Field("delimiter", FILLED, "Between values.", default=",", shown="`,`"),
        Field("quote", FILLED, "Around values.", default='"', shown='`"`'),
        Field("null", TEXT, "What stands for null, besides nothing.", default="", shown="nothing"),
    ),
)


def _csv(node: Node, key: str, problems: Problems) -> dict[str, str]:
    found = read_table(_CSV, node, key, problems)
    for name in ("delimiter", "quote"):
        if len(found[name]) != 1 or not found[name].isascii():
            raise Bad(f"the {name} is not one character", "allowed: one ASCII character")
    if found["delimiter"] == found["quote"]:
        raise Bad("the delimiter and the quote are the same character", "write another one for one of them")
    if len(found["null"]) > _NULL:
        raise Bad(f"the text for null is longer than {_NULL} characters", "write a shorter one")
    return found


SOURCE = Table(
    "conf/source/NAME.yaml",
    (
        Field("name", NAME, "The file's name again; may be left out.", shown="the file's name"),
        Field("department", NAME, "Who owns it: a file in conf/department/.", required=True),
        Field("description", TEXT, "What the rows are.", default=""),
        Field("kind", choice(SourceKind), "Where the rows come from.", required=True),
        Field(
            "columns",
            Kind("a mapping of column to type", _columns, free=True),
            "Columns and types, in order. Required, but for `kind: output`.",
        ),
        Field("key", list_kind(COLUMN, single=True), "The columns that name a row.", default=()),
        Field(
            "time_column",
            COLUMN,
            "The date or timestamp that windows select on; without one the source is read whole.",
            default="",
        ),
        Field("checks", CHECKS, "What must hold for the data.", default=()),
        Field("shared_with", list_kind(NAME, single=True), "Other departments that may read it.", default=()),
        Field("path", PATH, "parquet, csv: file or glob; package: the file inside the package.", default=""),
        Field("package", FILLED, "package: name of the installed Python distribution.", default=""),
        Field(
            "url",
            SECRET,
            "database: sqlite:////PATH or postgresql://USER@HOST/NAME, a password by `${oc.env:NAME}`.",
        ),
        Field(
            "query",
            FILLED,
            "database: SELECT or table; query: DuckDB SQL over the inputs. Given: `:date`, `:from`, `:to`.",
            default="",
        ),
        Field(
            "watermark",
            FILLED,
            "database: a cheap query whose one value changes when the data does.",
            default="",
        ),
        Field(
            "inputs",
            replace(_INPUTS, parse=_inputs),
            "query: the tables of the SQL, each a source or a model's output.",
        ),
        Field("output", NAME, "output: the model whose published output this is.", default=""),
        Field("csv", Kind("a mapping", _csv, table=_CSV), "csv, package: how the file is written."),
        Field(
            "memory",
            SIZE,
            "query: how much it may use; more is an error.",
            default=512 * 2**20,
            shown="512MB",
        ),
        Field(
            "time_limit",
            duration(positive=True),
            "database, query: how long reading may take, and a watermark if that is less than 5m.",
            default=dt.timedelta(hours=1),
            shown="1h",
        ),
    ),
)
DEPARTMENT = Table(
    "conf/department/NAME.yaml",
    (
        Field("name", NAME, "The file's name again; may be left out.", shown="the file's name"),
        Field("title", TEXT, "The department as people call it.", shown="the name"),
        Field("owner", FILLED, "Who answers for it.", required=True),
    ),
)

# Per kind: the keys it must have, and those that it may have, besides what every source has.
_BY_KIND: dict[SourceKind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    SourceKind.PARQUET: (("path", "columns"), ()),
    SourceKind.CSV: (("path", "columns"), ("csv",)),
    SourceKind.DATABASE: (("url", "query", "columns"), ("watermark", "time_limit")),
    SourceKind.QUERY: (("query", "inputs", "columns"), ("memory", "time_limit")),
    SourceKind.PACKAGE: (("package", "path", "columns"), ("csv",)),
    SourceKind.OUTPUT: (("output",), ("columns",)),
}
_SPECIAL = (
    "path", "package", "url", "query", "watermark", "inputs", "output", "csv", "memory", "time_limit"
)  # fmt: skip


@dataclass(frozen=True)
class RawSource:
    """A source file as read, before references are followed."""

    name: str
    tree: Mapping
    values: MappingType[str, Any]

    def at(self, key: str) -> Node:
        """The node of a key, or the whole file where it is absent."""
        return self.tree.items.get(key, self.tree)


def read_source(name: str, tree: Node, problems: Problems) -> RawSource | None:
    """The values of one source file; what is wrong is noted."""
    try:
        values = read_table(SOURCE, tree, "", problems)
    except Bad as bad:
        problems.add(tree.origin(""), bad.what, bad.fix)
        return None
    assert isinstance(tree, Mapping)  # noqa: S101 - read_table refuses anything else
    check_name(name, values["name"], tree, problems)
    kind = values["kind"]
    if kind is not None:
        required, optional = _BY_KIND[kind]
        for key in required:
            if key not in tree.items:
                problems.add(
                    tree.origin(key), f"a source of kind {kind} needs the key '{key}'", SOURCE[key].doc
                )
        for key in _SPECIAL:
            if key in tree.items and key not in (*required, *optional):
                fix = f"besides the common keys, {kind} has: {', '.join((*required, *optional))}"
                problems.add(
                    tree.items[key].origin(key), f"the key '{key}' is not for a source of kind {kind}", fix
                )
        if values["path"].split("/").count("**") > 1:
            what = "the pattern has more than one '**', and would look into each folder again and again"
            problems.add(tree.items["path"].origin("path"), what, "write one '**', or name the folders")
        if kind is SourceKind.DATABASE and values["url"] is not None:
            _check_database(values["url"], tree.items["url"], problems)
    return RawSource(name, tree, values)


def _check_database(url: Secret, node: Node, problems: Problems) -> None:
    """Notes a kind of database that cannot be opened for reading only; the URL may be a secret."""
    known = [name for names in DATABASES.values() for name in names]
    if url.reveal().partition("://")[0] not in known:
        what = "the URL is of a kind of database that cannot be opened for reading only"
        problems.add(node.origin("url"), what, f"a URL begins with one of: {', '.join(known)}")


def check_name(file_name: str, said: str | None, tree: Node, problems: Problems) -> None:
    """Notes a ``name:`` that is not the file's."""
    if said is not None and said != file_name and isinstance(tree, Mapping):
        what = f"found {shown(tree.items['name'])}, but the file is called {file_name}.yaml"
        problems.add(
            tree.items["name"].origin("name"), what, f"write name: {file_name}, delete the line, or rename"
        )


def check_columns(
    names: tuple[str, ...], known: MappingType[str, Any], node: Node, key: str, problems: Problems
) -> None:
    """Notes each name that is no column, and names given twice."""
    for i, name in enumerate(names):
        if name not in known:
            problems.add(node.origin(key), f"there is no column '{name}' in the source", suggest(name, known))
        elif name in names[:i]:
            problems.add(node.origin(key), f"the column '{name}' is listed twice", "list it once")


SOURCE_KIND = table_kind(SOURCE)
