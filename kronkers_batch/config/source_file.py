"""``conf/source/NAME.yaml`` and ``conf/department/NAME.yaml``: their keys, and what they are read as."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from kronkers_batch.config.check_specs import CHECKS, RawCheck
from kronkers_batch.config.fields import Bad, Counts, Field, Table, list_kind, read_table
from kronkers_batch.config.kinds import COLUMN, FILLED, NAME, SOME_COLUMNS, TEXT, choice
from kronkers_batch.config.nodes import Mapping, Node, shown
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.source_fields import COLUMNS
from kronkers_batch.config.source_kind import SourceKind
from kronkers_batch.config.source_kinds import SOURCE_KINDS
from kronkers_batch.config.spec import InputRef
from kronkers_batch.frames.schema import Column


def _special() -> Iterator[Field]:
    """The keys that some kinds have and others have not, each once, with what it is for which kind.

    Raises ValueError where two kinds read a key of the same name differently.
    """
    fields: dict[str, Field] = {}
    words: dict[str, dict[str, list[str]]] = {}
    for kind in SOURCE_KINDS.values():
        for key in kind.keys:
            if fields.setdefault(key.name, key.field) is not key.field:
                raise ValueError(f"two kinds of source read the key {key.name} differently")
            words.setdefault(key.name, {}).setdefault(key.words, []).append(kind.name)
    for name, field in fields.items():
        said = "; ".join(f"{', '.join(kinds)}: {text}" for text, kinds in words[name].items())
        yield replace(field, doc=f"{said}.")


def _columns() -> Field:
    without = [kind.name for kind in SOURCE_KINDS.values() if not kind.columns_required]
    but = ", ".join(f"`kind: {name}`" for name in without)
    return replace(COLUMNS, doc=f"Columns and types, in order. Required, except for {but}.")


_SPECIAL = tuple(_special())
SOURCE = Table(
    "conf/source/NAME.yaml",
    (
        Field(
            "name",
            NAME,
            "The file's name again; may be left out.",
            shown="the file's name",
            counts=Counts.NEVER,
        ),
        Field(
            "department",
            NAME,
            "Its department: a file in conf/department/.",
            required=True,
            counts=Counts.NEVER,
        ),
        Field("description", TEXT, "What the rows are.", default="", counts=Counts.NEVER),
        Field("kind", choice(tuple(SOURCE_KINDS)), "Where the rows come from.", required=True),
        _columns(),
        # A model's key counts, where it is used.
        Field(
            "key",
            list_kind(COLUMN, SOME_COLUMNS, single=True),
            "The columns that identify a row.",
            default=(),
            counts=Counts.NEVER,
        ),
        Field(
            "time_column",
            COLUMN,
            "The date or timestamp that windows select on; without one the source is read whole.",
            default="",
        ),
        Field("checks", CHECKS, "Checks that the data must pass.", default=()),
        Field(
            "shared_with",
            list_kind(
                NAME,
                "one name or a list of names (letters, digits, '_', '-'; beginning with a letter)",
                single=True,
            ),
            "Other departments that may read it.",
            default=(),
            counts=Counts.NEVER,
        ),
        *(field for field in _SPECIAL if field.name != COLUMNS.name),
    ),
    counts=Counts.BOTH,
)
DEPARTMENT = Table(
    "conf/department/NAME.yaml",
    (
        Field("name", NAME, "The file's name again; may be left out.", shown="the file's name"),
        Field("title", TEXT, "The department's name for people.", shown="the name"),
        Field("owner", FILLED, "The person who is responsible for it.", required=True),
    ),
)


class SourceValues(TypedDict):
    """What SOURCE reads of a file. None: it is absent, or was refused. A kind may have keys besides."""

    name: str | None
    department: str | None
    description: str
    kind: str | None
    columns: dict[str, Column] | None
    key: tuple[str, ...]
    time_column: str
    checks: tuple[RawCheck, ...]
    shared_with: tuple[str, ...]
    path: str
    inputs: dict[str, InputRef] | None
    output: str


@dataclass(frozen=True)
class RawSource:
    """A source file as read, before references are followed."""

    name: str
    tree: Mapping
    values: SourceValues

    def at(self, key: str) -> Node:
        """The node of a key, or the whole file where it is absent."""
        return self.tree.items.get(key, self.tree)

    @property
    def output(self) -> str:
        """The model whose output it is; empty where it is another kind of source."""
        kind = SOURCE_KINDS.get(self.values["kind"] or "")
        return self.values["output"] if kind is not None and kind.is_output else ""


def read_source(name: str, tree: Node, problems: Problems) -> RawSource | None:
    """The values of one source file; what is wrong is reported."""
    try:
        found: Any = read_table(SOURCE, tree, "", problems)
    except Bad as bad:
        problems.add(tree.origin(""), bad.what, bad.fix)
        return None
    assert isinstance(tree, Mapping)  # noqa: S101 - read_table refuses anything else
    values: SourceValues = found
    check_name(name, values["name"], tree, problems)
    kind = values["kind"]
    if kind is not None:
        _check_keys(SOURCE_KINDS[kind], tree, problems)
        if values["path"].split("/").count("**") > 1:
            what = "the pattern has more than one '**', and would search each folder many times"
            problems.add(tree.items["path"].origin("path"), what, "write one '**', or name the folders")
        SOURCE_KINDS[kind].check(values, tree, problems)
    return RawSource(name, tree, values)


def _check_keys(kind: SourceKind, tree: Mapping, problems: Problems) -> None:
    """Adds the keys that a kind needs and are not there, and those that are not for it."""
    for key in kind.keys:
        if key.required and key.name not in tree.items:
            what = f"a source of kind {kind.name} needs the key '{key.name}'"
            problems.add(tree.origin(key.name), what, SOURCE[key.name].doc)
    names = [key.name for key in kind.keys]
    for name in (field.name for field in _SPECIAL):
        if name in tree.items and name not in names:
            what = f"the key '{name}' is not for a source of kind {kind.name}"
            fix = f"besides the common keys, {kind.name} has: {', '.join(names)}"
            problems.add(tree.items[name].origin(name), what, fix)


def check_name(file_name: str, said: str | None, tree: Node, problems: Problems) -> None:
    """Reports a ``name:`` that is not the file's."""
    if said is not None and said != file_name and isinstance(tree, Mapping):
        what = f"found {shown(tree.items['name'])}, but the file is called {file_name}.yaml"
        problems.add(
            tree.items["name"].origin("name"),
            what,
            f"write name: {file_name}, delete the line, or rename the file",
        )


def check_columns(
    names: tuple[str, ...], known: MappingType[str, object], node: Node, key: str, problems: Problems
) -> None:
    """Reports each name that is no column, and names given twice."""
    for i, name in enumerate(names):
        if name not in known:
            problems.add(node.origin(key), f"there is no column '{name}' in the source", suggest(name, known))
        elif name in names[:i]:
            problems.add(node.origin(key), f"the column '{name}' is listed twice", "list it once")
