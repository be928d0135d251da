"""``${...}`` in a file: other keys of the same file, and the environment; a part of OmegaConf's grammar.

``${key.path}`` is another value of the same file (after templates and overrides), ``${.sibling}`` one beside
it, ``${oc.env:NAME}`` and ``${oc.env:NAME,default}`` the environment, ``\\${`` a dollar and
a brace as they are (``\\\\${`` a backslash before an interpolation). What else OmegaConf knows is refused:
docs/reference/hydra.md.
Done on the node tree and not by OmegaConf itself, so that every failure has a line, all are found at once,
and a value of the environment stays marked as one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingType
from dataclasses import replace

from kronkers_batch import redaction
from kronkers_batch.config import account
from kronkers_batch.config.nodes import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_NODES,
    Mapping,
    Node,
    Scalar,
    Sequence,
    as_text,
    mentions,
    shown,
)
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.spec import Origin

_ENVIRONMENT = re.compile(r"\s*oc\.env\s*:\s*([A-Za-z_][A-Za-z0-9_]*)\s*(?:,(.*))?\Z", re.DOTALL)
_QUOTED = re.compile(r""",\s*(['"])(?:\\.|(?!\1)[^\\])*\1\s*(?=\})""", re.DOTALL)  # a default
_KEY = re.compile(r"\s*(\.*)([^\s.:,{}$]+(?:\.[^\s.:,{}$]+)*)\s*\Z")


class _Failed(Exception):
    """What failed, and the fix."""


def resolve(tree: Node, environ: MappingType[str, str], problems: Problems) -> Node:
    """The tree with every interpolation replaced; one that fails is reported and becomes null."""
    if not mentions(tree, "${"):
        return tree
    return _Resolver(tree, environ, problems).tree()


class _Resolver:
    def __init__(self, root: Node, environ: MappingType[str, str], problems: Problems) -> None:
        self.root, self.environ, self.problems = root, environ, problems
        self.active: list[tuple[str, ...]] = []
        self.count = 0
        self.depth = 0  # of defaults within defaults
        self.length = 0  # characters of all texts that were put together

    def tree(self) -> Node:
        return self.node(self.root, ())

    def node(self, node: Node, path: tuple[str, ...]) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            if self.count == MAX_NODES + 1:
                what = f"more than {MAX_NODES} values once interpolations are expanded"
                self.problems.add(
                    node.origin(".".join(path)), what, "write fewer interpolations (${...}) or smaller ones"
                )
            return Scalar(node.file, node.line, None, reported=True)
        if isinstance(node, Mapping):
            return replace(node, items={k: self.node(v, (*path, k)) for k, v in node.items.items()})
        if isinstance(node, Sequence):
            return replace(node, items=[self.node(v, (*path, str(i))) for i, v in enumerate(node.items)])
        if not (isinstance(node, Scalar) and isinstance(node.value, str) and "${" in node.value):
            return node
        if path in self.active:
            chain = " > ".join(".".join(p) for p in (*self.active[self.active.index(path) :], path))
            self.fail(
                node,
                path,
                f"the interpolation refers to itself: {chain}",
                "write the value of one of these keys out",
            )
            return Scalar(node.file, node.line, None, reported=True)
        if len(self.active) > MAX_DEPTH:
            self.fail(node, path, f"interpolations nested deeper than {MAX_DEPTH}", "write the value out")
            return Scalar(node.file, node.line, None, reported=True)
        self.active.append(path)
        try:
            return self.text(node, node.value, path)
        except _Failed as failed:
            self.fail(node, path, *failed.args)
            return Scalar(node.file, node.line, None, reported=True)
        finally:
            self.active.pop()

    def fail(self, node: Node, path: tuple[str, ...], what: str, fix: str) -> None:
        self.problems.add(Origin(node.file, node.line, ".".join(path)), what, fix)

    def text(self, node: Node, text: str, path: tuple[str, ...]) -> Node:
        """The value of a text with interpolations; a text that is one interpolation takes its type."""
        parts: list[str] = []
        environment = ""
        at = 0
        while (start := text.find("${", at)) >= 0:
            before = text[at:start].rstrip("\\")
            slashes = start - at - len(before)  # each pair is one backslash; one left over escapes the '${'
            before += "\\" * (slashes // 2)
            if slashes % 2:
                parts.append(before + "${")
                at = start + 2
                continue
            end = _closing(text, start)
            found = self.one(node, text[start + 2 : end], path)
            if start == 0 and end == len(text) - 1:
                return found
            if found.reported:
                return found
            if not isinstance(found, Scalar) or found.value is None:
                raise _Failed(f"{shown(found)} cannot be a part of a text", "refer to a single value")
            environment = environment or found.environment
            parts += [before, as_text(found.value)]
            at = end + 1
            self.length += len(parts[-1]) + len(parts[-2])
            if self.length > MAX_BYTES:
                what = f"more than {MAX_BYTES} characters once interpolations are expanded"
                raise _Failed(what, "write shorter texts, or refer to them less often")
        whole = "".join([*parts, text[at:]])
        if environment and environment not in redaction.OPEN:
            redaction.add(whole, text)  # as it is written: a part may be too short to be hidden by itself
        return Scalar(node.file, node.line, whole, environment=environment)

    def one(self, node: Node, inside: str, path: tuple[str, ...]) -> Node:
        match = _ENVIRONMENT.match(inside)
        if match:
            default = None if match[2] is None else match[2].strip()
            return self.from_environment(node, match[1], default, path)
        if ":" in inside.split("${")[0]:
            name = inside.split(":")[0].strip()
            raise _Failed(f"the resolver '{name}' is not known", "allowed: ${oc.env:NAME} and ${key.path}")
        if "${" in inside:
            raise _Failed("an interpolation inside a key", "write the key out")
        match = _KEY.match(inside)
        if not match:
            raise _Failed(
                "not an interpolation", "allowed: ${key.path}, ${oc.env:NAME}, ${oc.env:NAME,default}"
            )
        keys = tuple(match[2].split("."))
        dots = len(match[1])
        if dots > len(path):
            raise _Failed(
                f"'{'.' * dots}' leads out of the file", "each dot but the first is one level up; write fewer"
            )
        target = (*path[: len(path) - dots], *keys) if dots else keys
        found = self.lookup(target)
        return self.retarget(self.node(found, target), node)

    def from_environment(self, node: Node, name: str, default: str | None, path: tuple[str, ...]) -> Node:
        if name in account.SECRETS:
            raise _Failed(
                f"the environment variable {name} opens the warehouse, and is for the program alone",
                "use another variable",
            )
        if name in self.environ:
            if not self.environ[name].isprintable() and not _is_text(self.environ[name]):
                raise _Failed(
                    f"the environment variable {name} is not text", "set it to UTF-8 text without NUL"
                )
            if name not in redaction.OPEN:
                redaction.add(self.environ[name], f"${{oc.env:{name}}}")
            return Scalar(node.file, node.line, self.environ[name], environment=name)
        if default is None:
            self.fail(
                node,
                path,
                f"the environment variable {name} is not set",
                f"set it before you start, or give a default: ${{oc.env:{name},default}}",
            )
            return Scalar(node.file, node.line, None, environment=name, reported=True)
        if default.lower() == "null":
            return Scalar(node.file, node.line, None)
        if default[:1] in "'\"" and default[-1:] == default[:1] and len(default) > 1:
            default = _unquoted(default)
        if self.depth > MAX_DEPTH:
            raise _Failed(f"defaults nested deeper than {MAX_DEPTH}", "write the value out")
        self.depth += 1
        try:
            found = (
                self.text(node, default, path) if "${" in default else Scalar(node.file, node.line, default)
            )
        finally:
            self.depth -= 1
        if not isinstance(found, Scalar):
            raise _Failed(f"{shown(found)} cannot be a default", "refer to a single value")
        if found.value is None:  # also where a problem of it was reported
            return found
        # A variable that is set is text too.
        return replace(found, value=as_text(found.value), environment=found.environment or name)

    def lookup(self, path: tuple[str, ...]) -> Node:
        node = self.root
        for key in path:
            if isinstance(node, Mapping) and key in node.items:
                node = node.items[key]
            elif isinstance(node, Sequence) and key.isdigit() and int(key) < len(node.items):
                node = node.items[int(key)]
            else:
                names = list(node.items) if isinstance(node, Mapping) else []
                raise _Failed(f"there is no key '{'.'.join(path)}' in this file", suggest(key, names))
        return node

    @staticmethod
    def retarget(found: Node, at: Node) -> Node:
        return replace(found, file=at.file, line=at.line)


def _is_text(value: str) -> bool:
    """Whether it is UTF-8 without NUL; the operating system hands over other bytes as lone surrogates."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


def _unquoted(text: str) -> str:
    """A text in quotes without them; backslashes escape its quote, and each other before one."""
    quote = text[0]
    return re.sub(rf"(\\+)({quote}|\Z)", lambda found: found[1][: len(found[1]) // 2] + found[2], text[1:-1])


def _closing(text: str, start: int) -> int:
    depth, at = 0, start
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 2
            continue
        quoted = _QUOTED.match(text, at) if text[at] == "," else None
        if quoted:
            at = quoted.end()
            continue
        if text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise _Failed(
        "an interpolation '${' without its '}'", "close it, or write \\${ for the characters themselves"
    )
