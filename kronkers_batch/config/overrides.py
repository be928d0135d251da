"""Overrides on the command line, in Hydra's grammar: ``model.NAME.key=value``, ``+model...``, ``~source...``.

Those that begin with ``model.`` or ``source.`` change that one file's tree, after its templates. The rest is
Hydra's own: values and groups of the root.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as SequenceType
from dataclasses import dataclass, replace
from typing import Any

from kronkers_batch.config.fields import Table
from kronkers_batch.config.nodes import Mapping, Node, Scalar, Sequence, from_plain, plain, shown
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import Origin
from kronkers_batch.config.templates import is_another, merge
from kronkers_batch.digests import Json

_PASSWORD = re.compile(r"://[^@\s]*@")
FILE_GROUPS = ("model", "source")
_FORM = (
    "write model.NAME.key=value (or source., or a key of conf/config.yaml); +... adds and ~... removes a key"
)
_QUOTES = "put quotes around a value with odd characters, and others around the word: \"key='a b'\""


@dataclass(frozen=True)
class Override:
    """One override. ``change`` is ``set``, ``add``, ``force`` or ``remove``; ``group`` is empty for the root.

    ``shown`` is its text without a password, for messages and the record.
    """

    text: str
    shown: str
    change: str
    group: str
    name: str
    path: tuple[str, ...]
    value: Json

    @property
    def mark(self) -> str:
        """What stands in place of a file in messages."""
        return f"override '{self.shown}'"

    def origin(self) -> Origin:
        """Where its problems are."""
        return Origin(self.mark, 0, ".".join(self.path))


def redact(text: str) -> str:
    """An override without a URL's password and user."""
    return _PASSWORD.sub("://...@", text)


def parse(texts: SequenceType[str], problems: Problems) -> list[Override]:
    """The overrides in order; what is no override is reported."""
    if not texts:
        return []
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import OverrideType
    from hydra.errors import HydraException

    changes = {
        OverrideType.CHANGE: "set",
        OverrideType.ADD: "add",
        OverrideType.FORCE_ADD: "force",
        OverrideType.DEL: "remove",
    }
    parser = OverridesParser.create()
    found = []
    for text in texts:
        where = Origin(f"override '{redact(text)}'", 0, "")
        if any(c < " " or "\ud800" <= c <= "\udfff" for c in text):
            where = Origin("an override", 0, "")
            problems.add(
                where, "found a control character or bytes that are not UTF-8", "type it as plain text"
            )
            continue
        try:
            override = parser.parse_override(text)
            if override.is_sweep_override():
                problems.add(
                    where,
                    "found several values, or a sweep",
                    "give one value; a list is [a,b]; " + _QUOTES,
                )
                continue
            if override.package is not None:
                problems.add(where, "found a package ('@')", "leave it out; " + _FORM)
                continue
            value: Any = override.value()
        except (HydraException, ValueError):
            problems.add(where, "this override cannot be parsed", _FORM + "; " + _QUOTES)
            continue
        path = tuple(override.key_or_group.split("."))
        group, name = "", ""
        if path[0] in FILE_GROUPS:
            if len(path) < 3:
                problems.add(where, f"the override does not say which key of which {path[0]} it sets", _FORM)
                continue
            group, name, path = path[0], path[1], path[2:]
        found.append(Override(text, redact(text), changes[override.type], group, name, path, value))
    return found


def apply(tree: Node, override: Override, table: Table, problems: Problems) -> Node:
    """The tree with one override; the same tree, and a problem reported, where it does not fit."""
    if override.path[0] == "defaults":
        problems.add(
            override.origin(), "templates cannot be overridden", "override the keys that the template sets"
        )
        return tree
    known = check_path(override, table, problems)
    if known is None:
        return tree
    try:
        return _set(tree, override, 0, _Known(known, table))
    except _Misfit as misfit:
        problems.add(override.origin(), *misfit.args)
        return tree


class _Misfit(Exception):
    """What does not fit, and the fix."""


@dataclass(frozen=True)
class _Known:
    """Which keys of an override need not be in the tree: so many leading ones, and those of its table."""

    depth: int
    table: Table

    def new(self, override: Override, old: Node, new: Node) -> str:
        """The first key of a mapping that is laid over another one and has no such key; or nothing."""
        here: Table | None = self.table
        free = False
        for key in override.path:
            kind = here[key].kind if here is not None and key in here.names else None
            here, free = (kind.table, kind.free) if kind is not None else (None, True)
        return _new(old, new, here, free)


def _new(old: Node, new: Node, table: Table | None, free: bool) -> str:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)) or is_another(old, new):
        return ""
    for key, value in new.items.items():
        kind = table[key].kind if table is not None and key in table.names else None
        if key not in old.items:
            if kind is None and free:  # where only the table's keys may be, reading it says so
                return key
        elif inner := _new(old.items[key], value, kind.table if kind else None, kind.free if kind else True):
            return f"{key}.{inner}"
    return ""


def check_path(override: Override, table: Table, problems: Problems) -> int | None:
    """How many leading keys the tables know; those after them must be in the tree. None: a problem."""
    here: Table | None = table
    free = False
    for depth, key in enumerate(override.path):
        if here is not None and key in here.names:
            kind = here[key].kind
            here, free = kind.table, kind.free
            continue
        if free:
            return depth
        parent = ".".join(override.path[:depth])
        if here is None:
            problems.add(
                override.origin(), f"the key '{parent}' has no keys below it", f"write {parent}=value"
            )
        else:
            problems.add(override.origin(), f"the key '{key}' is not known", suggest(key, here.names))
        return None
    return len(override.path)


def _set(node: Node, override: Override, depth: int, known: _Known) -> Node:
    key = override.path[depth]
    if isinstance(node, Scalar) and node.value is None and override.change in ("add", "force"):
        node = Mapping(override.mark, 0, {})
    if isinstance(node, Sequence):
        if not key.isdigit() or int(key) >= len(node.items):
            raise _Misfit(
                f"there is no entry '{key}' in the list", f"it has entries 0 to {len(node.items) - 1}"
            )
        items = list(node.items)
        changed = _child(items[int(key)], override, depth, known)
        items[int(key) : int(key) + 1] = [] if changed is None else [changed]
        return Sequence(node.file, node.line, items)
    if not isinstance(node, Mapping):
        raise _Misfit(
            f"'{'.'.join(override.path[:depth])}' is {shown(node)} and has no keys",
            "override the whole value",
        )
    old = node.items.get(key)
    if old is None and (override.change == "remove" or (override.change == "set" and depth >= known.depth)):
        fix = suggest(key, node.items)
        if override.change == "set":
            fix += f"; to add a key write +{override.shown}"
        raise _Misfit(
            f"there is no key '{key}' to {'remove' if override.change == 'remove' else 'change'}", fix
        )
    entries = dict(node.items)
    changed = _child(old, override, depth, known)
    if changed is None:
        del entries[key]
    else:
        entries[key] = changed
    return replace(node, items=entries)


def _child(old: Node | None, override: Override, depth: int, known: _Known) -> Node | None:
    if depth + 1 < len(override.path):
        return _set(old or Mapping(override.mark, 0, {}), override, depth + 1, known)
    new = from_plain(override.value, override.mark, 0)
    if override.change == "remove":
        if override.value is not None and old is not None and plain(old) != override.value:
            raise _Misfit("the key to remove has another value", f"write {override.shown.split('=')[0]}")
        return None
    if old is None or (isinstance(old, Scalar) and old.value is None):
        return new
    if override.change == "add" and not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        raise _Misfit("the key to add exists already", f"write {override.shown.lstrip('+')} to change it")
    if override.change == "set" and (key := known.new(override, old, new)):
        raise _Misfit(f"there is no key '{key}' to change", f"to add it write +{override.shown}")
    return merge(old, new)
