"""Sentences in which languages and libraries speak of code, not of data: their names and counts stay.

``No module named 'churnlib'`` quotes a name that somebody wrote into code, ``could not convert 'N12345'`` a
value. Quotation marks alone do not tell them apart; the sentence does. A slot says what may stand in it:

- ``{name}``: a module, package, function, class, type, argument or attribute; ``{names}``: several, each in
  quotation marks; ``{class}``: R's class of an object, one name or ``c('a', 'b')``;
- ``{call}``: Julia's name and types of a call;
- ``{count}``: how many; ``{shape}``: the dimensions of an array, such as ``(47,)``;
- ``{sign}``: an operator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PYTHON = """
No module named '{name}'
No module named {name}
cannot import name '{name}' from '{name}'
cannot import name '{name}' from partially initialized module '{name}'
module '{name}' has no attribute '{name}'
partially initialized module '{name}' has no attribute '{name}'
'{name}' object has no attribute '{name}'
type object '{name}' has no attribute '{name}'
'{name}' object is not
'{name}' object does not support
object of type '{name}' has no len()
argument of type '{name}' is not
{name}() missing {count} required positional argument: '{name}'
{name}() missing {count} required positional arguments: {names}
{name}() got an unexpected keyword argument '{name}'
{name}() got multiple values for argument '{name}'
{name}() takes {count} positional arguments but {count} were given
{name}() takes {count} positional argument but {count} were given
{name}() takes from {count} to {count} positional arguments but {count} were given
unsupported operand type(s) for {sign}: '{name}' and '{name}'
'{sign}' not supported between instances of '{name}' and '{name}'
bad operand type for unary {sign}: '{name}'
can only concatenate {name} (not "{name}") to {name}
must be real number, not {name}
Can't get attribute '{name}' on <module '{name}'
This {name} instance is not fitted yet
operands could not be broadcast together with shapes {shape} {shape}
could not broadcast input array from shape {shape} into shape {shape}
shapes {shape} and {shape} not aligned: {count} (dim {count}) != {count} (dim {count})
cannot reshape array of size {count} into shape {shape}
is out of bounds for axis {count} with size {count}
(size {count} is different from {count})
Length of values ({count}) does not match length of index ({count})
X has {count} features, but {name} is expecting {count} features as input
Found input variables with inconsistent numbers of samples: [{count}, {count}]
Found array with {count} sample(s) (shape={shape}) while a minimum of {count} is required
Found array with {count} feature(s) (shape={shape}) while a minimum of {count} is required
[Errno {count}]
score returned {count} values for {count} rows
score returned {count} x {count} values for {count} rows
predict_proba gave {count} classes instead of {count}
{name} gives no probabilities (predict_proba)
score returned values of type {name}
score returned objects of type {name}
"""
_R = """
no applicable method for '{name}' applied to an object of class "{class}"
could not find function "{name}"
there is no package called '{name}'
package or namespace load failed for '{name}'
object '{name}' not found
object '{name}' of mode '{name}' was not found
argument "{name}" is missing, with no default
'{name}' must be
invalid '{name}' argument
invalid type ({name}) for variable '{name}'
invalid class "{name}" object
object of type '{name}' is not subsettable
no slot of name "{name}" for this object of class "{name}"
unable to find an inherited method for function '{name}' for signature
variable '{name}' was fitted with type "{name}" but type "{name}" was supplied
variable lengths differ (found for '{name}')
{name} object does not have a proper '{name}' component
arguments imply differing number of rows: {count}, {count}
replacement has {count} rows, data has {count}
replacement has {count} row, data has {count}
length of '{name}' [{count}] not equal to array extent
'{name}' is not an exported object from
score returned {count} values of '{name}' for {count} rows
score returned a matrix of {count} columns for the one column '{name}'
score returned a list of the class '{name}' with the parts {names}
score returned a list with the parts {names}
score returned a {name} for '{name}'
score returned no column {names}; its columns are: {names}
score returned columns that are not declared: {names}
"""
_JULIA = """
UndefVarError: {name} not defined
type {name} has no field {name}
no method matching {call}
Package {name} not found in current path
attempt to access {count}-element {call} at index
got a dimension with lengths {count} and {count}
has dimensions {shape} but
has dimensions {shape}
score gave {count} values for {count} rows in column {name}
"""

_NAME = r"[A-Za-z_.][\w.]*(?:::?:?[A-Za-z_.][\w.]*)?"
_QUOTES = "'\"‘’“”`"
_SLOTS = {
    "name": rf"({_NAME})",
    "names": rf"((?:[{_QUOTES}]{_NAME}[{_QUOTES}](?:, and |, | and )?)+)",
    "class": rf"({_NAME}|c\((?:'{_NAME}'(?:, )?)+\))",
    "call": r"([\w.!]+(?:\{[\w.,{} ]*\})?(?:\((?:::[\w.,:{} ]*)?\))?)",
    "count": r"(\d{1,9})",
    "shape": r"(\(\d{0,9},?(?: ?\d{1,9},?)*\))",
    "sign": r"([-+*/%@&|^<>=~()a-z ]{1,12})",
}
_SLOT = re.compile(r"\{(\w+)\}")


def _pattern(form: str) -> str:
    parts = _SLOT.split(form)
    fixed = [re.escape(part) for part in parts[::2]]
    # R writes ‘name’ where it can: either pair of quotation marks will do.
    fixed = [part.replace("'", "['‘’]").replace('"', '["“”]') for part in fixed]
    slots = [_SLOTS[kind] for kind in parts[1::2]]
    return "".join(text + slot for text, slot in zip(fixed, [*slots, ""], strict=True))


def _key(form: str) -> str:
    """The longest part of a form that stands in every text that it fits."""
    return max(re.split(r"\{\w+\}|['\"]", form), key=len)


@dataclass(frozen=True)
class Form:
    """A sentence: ``key`` is a part of every text that it fits, ``slots`` are the kinds of its slots."""

    key: str
    pattern: re.Pattern[str]
    slots: tuple[str, ...]


FORMS = [
    Form(_key(form), re.compile(_pattern(form)), tuple(_SLOT.findall(form)))
    for form in (_PYTHON + _R + _JULIA).strip().splitlines()
    if form
]


def longest(text: str) -> tuple[re.Match[str], tuple[str, ...]] | None:
    """The form that fits most of a text: what it matched, and the kinds of its slots; None without one."""
    found = [
        (match, form.slots) for form in FORMS if form.key in text and (match := form.pattern.search(text))
    ]
    return max(found, key=lambda one: len(one[0][0]), default=None)
