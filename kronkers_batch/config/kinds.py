"""The kinds of single values: names, durations, sizes, shares, dates, paths, secrets, and plain data."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from collections.abc import Mapping as MappingType
from enum import StrEnum
from pathlib import Path
from typing import TypeVar, overload
from urllib.parse import urlsplit

from kronkers_batch.config.fields import STRUCTURE, Bad, Kind
from kronkers_batch.config.nodes import Mapping, Node, Plain, Scalar, plain, shown, walk
from kronkers_batch.config.paths import safe_path
from kronkers_batch.config.problems import Problems, suggest
from kronkers_batch.config.saying import say_duration, say_share, say_size
from kronkers_batch.config.secret import Secret
from kronkers_batch.digests import Json

_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)\s*(w|d|h|m|s)\Z")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(K|M|G|T)?i?B\Z", re.IGNORECASE)
_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,9})?)\s*%\Z")
LONGEST = dt.timedelta(days=36_525)
"""A duration that is added to a date, or taken from it, still gives a date."""
LARGEST = 2**50
"""Bytes of a size."""
_LONGEST_COLUMN = 200
_UNSAFE = re.compile(r"[\x00-\x1f\x7f`]|\.\.[/\\]|%[0-9a-fA-F]{2}|^\s|\s$")


def unsafe_name(name: str) -> str:
    """Why a text cannot be a name of a model, source, department or template; empty if it can."""
    if _NAME.match(name):
        return ""
    if "/" in name or "\\" in name or ".." in name:
        return "a name is no path"
    if "%" in name:
        return "a name is not percent-encoded"
    return "a name begins with a letter and has up to 64 letters, digits, '_' and '-'"


def _scalar(node: Node) -> Plain:
    if not isinstance(node, Scalar):
        raise Bad()
    return node.value


def _text(node: Node, _key: str, _problems: Problems) -> str:
    value = _scalar(node)
    if isinstance(value, bool | int | float):
        raise Bad("", "allowed: text; put it in quotes if text is meant")
    if not isinstance(value, str):
        raise Bad()
    return value


def _filled(node: Node, key: str, problems: Problems) -> str:
    value = _text(node, key, problems)
    if not value.strip():
        raise Bad("found an empty text")
    return value


def _name(node: Node, key: str, problems: Problems) -> str:
    value = _text(node, key, problems)
    why = unsafe_name(value)
    if why:
        raise Bad(f"found {shown(node)}: {why}")
    return value


def unsafe_column(name: str) -> bool:
    """Whether a text cannot be a column's name."""
    return bool(_UNSAFE.search(name)) or len(name) > _LONGEST_COLUMN


def _column(node: Node, key: str, problems: Problems) -> str:
    value = _filled(node, key, problems)
    if unsafe_column(value):
        raise Bad(f"found {shown(node)}, which is not safe as a column's name")
    return value


def integer(minimum: int, maximum: int = 2**53) -> Kind[int]:
    """A whole number in an inclusive interval."""

    def parse(node: Node, _key: str, _problems: Problems) -> int:
        value = _scalar(node)
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise Bad()
        return value

    upper = "" if maximum == 2**53 else f" to {maximum}"
    return Kind(f"a whole number from {minimum}{upper}", parse, say=int, plain=int)


def _number(node: Node, _key: str, _problems: Problems) -> float:
    value = _scalar(node)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Bad()
    return float(value)


def _boolean(node: Node, _key: str, _problems: Problems) -> bool:
    value = _scalar(node)
    if not isinstance(value, bool):
        raise Bad()
    return value


def parse_duration(text: str) -> dt.timedelta:
    """``90d``, ``12h``, ``30m``, ``45s``, ``2w``. Raises Bad."""
    match = _DURATION.match(text.strip())
    if not match:
        raise Bad()
    found = dt.timedelta(**{_UNITS[match[2]]: float(match[1])})  # of so few digits it never overflows
    if found > LONGEST:
        raise Bad("", f"allowed: at most {LONGEST.days}d, which is a hundred years")
    return found


def duration(*, positive: bool = False, words: dict[str, dt.timedelta] | None = None) -> Kind[dt.timedelta]:
    """A length of time; ``words`` are names for special lengths."""
    known = words or {}

    def parse(node: Node, _key: str, _problems: Problems) -> dt.timedelta:
        value = _scalar(node)
        if value == 0 and not isinstance(value, bool):
            value = "0d"
        if isinstance(value, int | float):
            raise Bad("", f"give it a unit: {value}d is days, {value}h hours, {value}m minutes")
        if not isinstance(value, str):
            raise Bad()
        found = known[value] if value in known else parse_duration(value)
        if positive and not found and value not in known:
            raise Bad(f"found {shown(node)}, where a number above zero is expected")
        return found

    def say(value: dt.timedelta) -> str:
        return next((word for word, length in known.items() if length == value), say_duration(value))

    extra = "".join(f", or {w}" for w in known)
    return Kind(f"a duration such as 90d, 12h, 30m or 2w{extra}", parse, say=say, plain=str)


def _size(node: Node, _key: str, _problems: Problems) -> int:
    value = _scalar(node)
    match = _SIZE.match(value.strip()) if isinstance(value, str) else None
    if not match:
        raise Bad()
    found = int(float(match[1]) * 1024 ** (" KMGT".index((match[2] or " ").upper())))
    if not 0 < found <= LARGEST:
        raise Bad("", f"allowed: more than nothing, and at most {LARGEST // 2**40}TB")
    return found


def _share(node: Node, _key: str, _problems: Problems) -> float:
    value = _scalar(node)
    match = _SHARE.match(value.strip()) if isinstance(value, str) else None
    if match:
        found = float(match[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
    else:
        raise Bad()
    if not 0 <= found <= 1:
        raise Bad()
    return found


def parse_date(text: str) -> dt.date:
    """An ISO date. Raises Bad."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise Bad() from None


def _date(node: Node, key: str, problems: Problems) -> dt.date:
    return parse_date(_text(node, key, problems))


def _time_of_day(node: Node, key: str, problems: Problems) -> str:
    value = _text(node, key, problems)
    if not re.match(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z", value):
        raise Bad()
    return value


def member(family: MappingType[str, _T]) -> Kind[_T]:
    """One kind of a family, by its name."""

    def parse(node: Node, key: str, problems: Problems) -> _T:
        return family[choice(tuple(family)).parse(node, key, problems)]

    return Kind("one of " + ", ".join(family), parse)


@overload
def choice(words: type[_E]) -> Kind[_E]: ...


@overload
def choice(words: tuple[str, ...]) -> Kind[str]: ...


def choice(words: type[_E] | tuple[str, ...]) -> Kind[_E] | Kind[str]:
    """One of a few words; the members of an enum are parsed to them."""
    names = tuple(str(w) for w in words)

    def parse(node: Node, _key: str, _problems: Problems) -> _E | str:
        value = _scalar(node)
        if not isinstance(value, str) or value not in names:
            fix = suggest(value, names) if isinstance(value, str) and not node.environment else ""
            raise Bad("", fix)
        return words(value) if isinstance(words, type) else value

    return Kind("one of " + ", ".join(names), parse, say=str, plain=str)


def _path(node: Node, key: str, problems: Problems) -> str:
    value = _filled(node, key, problems)
    safe_path(value, Path("/"))
    return value


def _secret(node: Node, key: str, problems: Problems) -> Secret:
    value = _filled(node, key, problems)
    if not node.environment and has_password(value):
        raise Bad(
            "found a password in the file",
            "put it into an environment variable and write ${oc.env:NAME}",
        )
    return Secret(value)


def has_password(text: str) -> bool:
    """Whether a URL carries a password in clear, in its user part or as a parameter."""
    try:
        return bool(urlsplit(text).password) or bool(
            re.search(r"[?&](password|passwd|token|secret)=", text, re.I)
        )
    except ValueError:
        return True  # not readable as a URL: better called a secret than printed


def _plain(node: Node, key: str, problems: Problems) -> Json:
    _look_into(node, key, problems)
    return plain(node)


def _look_into(node: Node, key: str, problems: Problems) -> None:
    """Reports values that plain data cannot hold."""
    for inner, child in walk(node, key):
        if child.environment:
            problems.replace(
                child.origin(inner),
                f"found {shown(child)}, and this key takes no environment variable: its value shows on pages",
                "write the value here, or give it as an override; environment variables are for secrets "
                "and paths",
            )
        if isinstance(child, Scalar) and isinstance(child.value, float) and not math.isfinite(child.value):
            problems.add(child.origin(inner), f"found {shown(child)}", "allowed: finite numbers")
        if isinstance(child, Scalar) and isinstance(child.value, int) and not -(2**63) <= child.value < 2**63:
            problems.add(child.origin(inner), f"found {shown(child)}", "allowed: whole numbers of 64 bits")


def _plain_mapping(node: Node, key: str, problems: Problems) -> dict[str, Json]:
    if not isinstance(node, Mapping):
        raise Bad(f"found {shown(node)}, where a mapping (key: value) is expected")
    _look_into(node, key, problems)
    return {name: plain(child) for name, child in node.items.items()}


def guarded(
    allowed: str, inner: Kind[_T], refuse: Callable[[_T], str], *, environment: bool = False
) -> Kind[_T]:
    """A kind with one more condition: ``refuse`` gives the reason, or an empty text."""

    def parse(node: Node, key: str, problems: Problems) -> _T:
        value = inner.parse(node, key, problems)
        why = refuse(value)
        if why:
            raise Bad(why)
        return value

    return Kind(allowed, parse, environment=environment, plain=inner.plain)


TEXT = Kind("text", _text, plain=str)
FILLED = Kind("text", _filled, plain=str)
NAME = Kind("a name of letters, digits, '_' and '-' that begins with a letter", _name, plain=str)
COLUMN = Kind("a column's name", _column, plain=str)
SOME_COLUMNS = "one column or a list of columns"
"""What is allowed where one column stands for a list of one."""
NUMBER = Kind("a finite number", _number, plain=float)
BOOLEAN = Kind("true or false", _boolean, say=bool, plain=bool)
DURATION = duration()
SIZE = Kind("a size such as 512MB or 2GB (powers of 1024)", _size, say=say_size, plain=str)
SHARE = Kind("a share such as 1% or 0.01, from 0 to 1", _share, say=say_share)
DATE = Kind("a date such as 2013-06-01", _date, plain=str)
TIME_OF_DAY = Kind('a time of day such as "02:00"', _time_of_day, plain=str)
PATH = Kind("a path, absolute or below the project folder, without '..'", _path, environment=True, plain=str)
SECRET = Kind("a URL; its password through ${oc.env:NAME}", _secret, environment=True, secret=True, plain=str)
ADDRESS = guarded(
    "a folder, or an address such as s3://bucket/path, without a password",
    TEXT,
    lambda v: "found a password in an address; put it into the settings of fsspec" if has_password(v) else "",
    environment=True,
)
PLAIN = Kind("plain values", _plain, free=True)
PLAIN_MAPPING = Kind("a mapping of plain values", _plain_mapping, free=True, plain=STRUCTURE)
