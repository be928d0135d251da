"""The words in which a mutation says what it changes: over the program's syntax, not its text.

    swap(old, new)      an expression becomes another one, or a statement becomes other statements
    never(condition)    a condition is false: what it guards is never done
    always(condition)   a condition is true
    drop(statement)     a statement is left out
    without(part)       left out is an element of a tuple, list or set, an entry of a dictionary (by its key),
                        an argument (``name=...``), an operand of ``and``, ``or``, ``|`` or ``+``, or a filter
    sets(name, value)   a variable, an attribute, an argument or an entry of a dictionary (by its key) is set
                        to another value
    returns(value)      a function does nothing but return this
    reword(old, new)    a part of a text becomes another one: of SQL, say, or of a file in another language

What is looked for is Python and is compared by syntax: spaces, quotes, line breaks, comments and where in the
function it stands do not matter. ``...`` stands for anything, and in a list of arguments, elements, operands
or statements for any number of them: ``never("digest(...) != entry.digest")``, ``drop("vault.verify(...)")``,
``always("owner is None or ...")``. It must fit exactly one place in the function, class or variable that the
mutation names; :class:`Misfit` says how many it fits otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.mutations.syntax import Misfit, Slot, fits, place, within

__all__ = [
    "Change", "Misfit", "Reword", "always", "drop", "never", "returns", "reword", "sets", "swap", "without",
    "written",
]  # fmt: skip

_TESTED = {
    (ast.If, "test"), (ast.While, "test"), (ast.IfExp, "test"), (ast.Assert, "test"),
    (ast.match_case, "guard"), (ast.comprehension, "ifs"), (ast.GeneratorExp, "elt"),
    (ast.BoolOp, "values"), (ast.UnaryOp, "operand"),
}  # fmt: skip
_OF_PARTS = (ast.Tuple, ast.List, ast.Set, ast.Call, ast.BoolOp, ast.comprehension)


def written(tree: ast.AST) -> str:
    """The text of a module, as it is written once it was changed: without comments."""
    return ast.unparse(tree) + "\n"


@dataclass(frozen=True)
class Change:
    """A word with what it is about, for people; whether it means a slot; and how it changes that slot."""

    says: str
    is_meant: Callable[[Slot], bool]
    make: Callable[[Slot], None]

    def apply(self, source: str, name: str) -> str:
        """A module's text with the change made inside what a qualified name means. Raises Misfit."""
        tree = ast.parse(source)
        self.make(self.only_place(tree, name))
        return written(tree)

    def only_place(self, tree: ast.Module, name: str) -> Slot:
        """The one place that is meant inside what a qualified name means. Raises Misfit."""
        found = [slot for slot in within(place(tree, name)) if self.is_meant(slot)]
        if len(found) != 1:
            lines = ", ".join(str(getattr(slot.node, "lineno", "?")) for slot in found)
            raise Misfit(f"{self.says} fits {len(found)} places, not one" + (lines and f": lines {lines}"))
        return found[0]


@dataclass(frozen=True)
class Reword(Change):
    """A change of a text, which a file of any language can be."""

    old: str
    new: str

    def apply_to_text(self, text: str) -> str:
        """The text with the one part changed. Raises Misfit."""
        if (found := text.count(self.old)) != 1:
            raise Misfit(f"{self.says} fits {found} places, not one")
        return text.replace(self.old, self.new)


def swap(old: str, new: str) -> Change:
    """An expression becomes another one, or a statement becomes other statements."""
    says = f"swap({old!r}, {new!r})"
    try:
        was, becomes = _expression(old), _expression(new)
    except SyntaxError:
        return _statement(says, old, new)
    return Change(says, lambda slot: fits(was, slot.node), lambda slot: slot.put(becomes))


def never(condition: str) -> Change:
    """A condition is false."""
    return _condition(f"never({condition!r})", condition, is_met=False)


def always(condition: str) -> Change:
    """A condition is true."""
    return _condition(f"always({condition!r})", condition, is_met=True)


def drop(statement: str) -> Change:
    """A statement is left out."""
    return _statement(f"drop({statement!r})", statement, "pass")


def without(part: str) -> Change:
    """A part of an expression is left out."""
    pattern = _part(part)

    def is_meant(slot: Slot) -> bool:
        match slot.parent:
            case ast.Dict():
                return slot.field == "keys" and fits(pattern, slot.node)
            case ast.BinOp():
                return fits(pattern, slot.node)
        return isinstance(slot.parent, _OF_PARTS) and slot.index is not None and fits(pattern, slot.node)

    def make(slot: Slot) -> None:
        match slot.parent:
            case ast.BinOp(left=one, right=other) | ast.BoolOp(values=[one, other]) if slot.above:
                slot.above.put(other if slot.node is one else one)
            case ast.Dict(values=values) if slot.index is not None:
                slot.put()
                del values[slot.index]
            case _:
                slot.put()

    return Change(f"without({part!r})", is_meant, make)


def sets(name: str, value: str) -> Change:
    """A variable, an attribute, an argument or an entry of a dictionary gets another value."""
    pattern, becomes = _expression(name), _expression(value)

    def is_meant(slot: Slot) -> bool:
        match slot.parent:
            case ast.Assign(targets=names) if slot.field == "value":
                return any(fits(pattern, named) for named in names)
            case ast.AnnAssign(target=named) | ast.NamedExpr(target=named) if slot.field == "value":
                return fits(pattern, named)
            case ast.keyword(arg=argument):
                return isinstance(pattern, ast.Name) and pattern.id == argument
            case ast.Dict(keys=keys) if slot.field == "values" and slot.index is not None:
                return fits(pattern, keys[slot.index])
        return False

    return Change(f"sets({name!r}, {value!r})", is_meant, lambda slot: slot.put(becomes))


def returns(value: str) -> Change:
    """A function does nothing but return this."""
    body = ast.parse(f"return {value}").body
    return Change(
        f"returns({value!r})",
        lambda slot: slot.above is None and isinstance(slot.node, ast.FunctionDef),
        lambda slot: setattr(slot.node, "body", body),
    )


def reword(old: str, new: str) -> Reword:
    """A part of a text becomes another one."""

    def text_of(slot: Slot) -> str:
        match slot.node:
            case ast.Constant(value=str(text)):
                return text
        return ""

    return Reword(
        f"reword({old!r}, {new!r})",
        lambda slot: text_of(slot).count(old) == 1,
        lambda slot: slot.put(ast.Constant(text_of(slot).replace(old, new))),
        old,
        new,
    )


def _condition(says: str, condition: str, *, is_met: bool) -> Change:
    pattern = _expression(condition)

    def is_meant(slot: Slot) -> bool:
        if isinstance(slot.node, (ast.Compare, ast.BoolOp)) or (type(slot.parent), slot.field) in _TESTED:
            return fits(pattern, slot.node)
        return False

    return Change(says, is_meant, lambda slot: slot.put(ast.Constant(is_met)))


def _statement(says: str, old: str, new: str) -> Change:
    (was,), becomes = ast.parse(old).body, ast.parse(new).body
    return Change(says, lambda slot: fits(was, slot.node), lambda slot: slot.put(*becomes))


def _expression(text: str) -> ast.expr:
    return ast.parse(f"({text})", mode="eval").body


def _part(text: str) -> ast.AST:
    """An expression, or the argument that ``name=value`` is."""
    match ast.parse(text).body:
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
            return ast.keyword(name, value)
    return _expression(text)
