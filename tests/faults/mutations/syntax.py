"""Places of a program by name, and patterns of syntax, in which ``...`` stands for anything.

A name leads to a function, a class or a variable: ``Trust.principal``, ``CORE``. In a list of arguments,
elements, operands or statements one ``...`` stands for any number of them; in a call, for keywords too.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

_NAMING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_UNSEEN = {"ctx", "kind", "type_comment"}


class Misfit(AssertionError):
    """A mutation that fits no place of the program, or several."""


@dataclass(frozen=True)
class Slot:
    """Where a node stands: ``parent.field`` or ``parent.field[index]``. Above it: where the parent does."""

    parent: ast.AST
    field: str
    index: int | None
    above: Slot | None

    @property
    def node(self) -> ast.AST:
        """What stands there."""
        found = getattr(self.parent, self.field)
        node: ast.AST = found if self.index is None else found[self.index]
        return node

    def put(self, *nodes: ast.AST) -> None:
        """Puts a node in its place; in a list, any number of them."""
        if self.index is None:
            (node,) = nodes
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index : self.index + 1] = nodes


def within(node: ast.AST) -> Iterator[Slot]:
    """A place for the node itself, with nothing above, and then every place inside it."""
    return slots(ast.Expression(cast(ast.expr, node)))


def slots(node: ast.AST, above: Slot | None = None) -> Iterator[Slot]:
    """Every place inside a node, the outer before the inner."""
    for field, value in ast.iter_fields(node):
        inside = list(enumerate(value)) if isinstance(value, list) else [(None, value)]
        for index, child in inside:
            if isinstance(child, ast.AST):
                slot = Slot(node, field, index, above)
                yield slot
                yield from slots(child, slot)


def place(tree: ast.AST, name: str) -> ast.AST:
    """What a qualified name means; the tree itself where it is empty. Raises Misfit."""
    for part in name.split(".") if name else ():
        found = list(_named(tree, part))
        if len(found) != 1:
            raise Misfit(f"{part} is defined {len(found)} times: it must be once")
        tree = found[0]
    return tree


def _named(node: ast.AST, name: str) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if name in _names(child):
            yield child
        elif not isinstance(child, _NAMING):
            yield from _named(child, name)


def _names(node: ast.AST) -> set[str]:
    """The names that a statement defines."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
    return set()


def fits(pattern: object, found: object) -> bool:
    """Whether it is the same syntax, where ``...`` is anything."""
    if _is_any(pattern):
        return True
    if isinstance(pattern, list):
        return isinstance(found, list) and _all_fit(pattern, found)
    if not isinstance(pattern, ast.AST):
        return type(pattern) is type(found) and pattern == found
    compared = set(pattern._fields) - _UNSEEN
    if isinstance(pattern, ast.Call) and not pattern.keywords and any(map(_is_any, pattern.args)):
        compared.remove("keywords")
    return type(pattern) is type(found) and all(
        fits(getattr(pattern, field), getattr(found, field)) for field in compared
    )


def _is_any(pattern: object) -> bool:
    pattern = pattern.value if isinstance(pattern, ast.Expr) else pattern
    return isinstance(pattern, ast.Constant) and pattern.value is ...


def _all_fit(patterns: list[object], found: list[object]) -> bool:
    """The same one after the other, where one ``...`` is any number of them."""
    at = next((at for at, pattern in enumerate(patterns) if _is_any(pattern)), None)
    if at is None:
        return len(patterns) == len(found) and all(map(fits, patterns, found))
    after, rest = patterns[at + 1 :], found[at:]
    is_long_enough = len(found) >= at and len(rest) >= len(after)
    return (
        is_long_enough
        and all(map(fits, patterns[:at], found))
        and all(map(fits, after, rest[len(rest) - len(after) :]))
    )
