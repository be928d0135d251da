"""Values of the environment, shown as ``${oc.env:NAME}`` wherever they went.

Who interpolates a value of the environment adds it here; every error is redacted when it is made, and what
leaves the process another way (printed, recorded, written to a page) on its way out. So no place where a text
is put together has to know which of its parts came from the environment.

What is shown after all, because it is no secret, or because hiding it would make every text unreadable:

- what stands literally in a file of conf, as a value, a key or a name;
- the account's own places and names (:data:`OPEN`), which messages are about;
- values of less than four characters by themselves. Where such a value is a part of a longer one, such as a
  path, all of that is shown as it is written. Values of four and five characters are hidden where they stand
  as a word, longer ones everywhere.
"""

from __future__ import annotations

import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

OPEN = frozenset({"HOME", "USER", "LOGNAME", "PWD", "KRONKERS_CONF", "KRONKERS_KEY_FILE", "KRONKERS_TRUST"})
_WORD, _ANYWHERE = 4, 6
_CONFIGURATIONS = 16  # a process that loads many remembers the values of the newest


class _Added:
    """What one loading of one configuration added."""

    def __init__(self, project: str = "") -> None:
        self.project = project
        self.shown: dict[str, str] = {}
        self.literal: set[str] = set()


_added: OrderedDict[str, _Added] = OrderedDict()
_lock = threading.Lock()
_pattern: tuple[re.Pattern[str], Mapping[str, str]] | None = None


def begin(configuration: str, project: str = "") -> None:
    """From now on what is added belongs to this configuration; what an earlier loading added is forgotten.

    Paths below the project's folder are also shown relative to it, as ``project:data/x.csv``.
    """
    global _pattern
    with _lock:
        _added.pop(configuration, None)
        _added[configuration] = _Added(project)
        while len(_added) > _CONFIGURATIONS:
            _added.popitem(last=False)
        _pattern = None


def literal(texts: Iterable[str]) -> None:
    """These stand in a file of the configuration and are no secret."""
    global _pattern
    with _lock:
        _newest().literal.update(texts)
        _pattern = None


def add(value: str, shown: str) -> None:
    """A value that came from the environment, alone or as a part, and what is shown in its place."""
    global _pattern
    with _lock:
        if value and _newest().shown.setdefault(value, shown) == shown:
            _pattern = None


def redact(text: str) -> str:
    """The text with every added value replaced, the longest first."""
    global _pattern
    with _lock:
        if not _added:
            return text
        if _pattern is None:
            _pattern = _compiled()
        pattern, shown = _pattern
    return pattern.sub(lambda match: shown[match[0]], text) if shown else text


def redacted(value: Any) -> Any:
    """A JSON value with every text in it redacted."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(k)): redacted(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(v) for v in value]
    return value


def _newest() -> _Added:
    if not _added:
        _added[""] = _Added()
    return next(reversed(_added.values()))


def _compiled() -> tuple[re.Pattern[str], Mapping[str, str]]:
    shown: dict[str, str] = {}
    for added in _added.values():
        for value, instead in added.shown.items():
            if value not in added.literal:
                shown |= {form: instead for form in _forms(value, added.project) if len(form) >= _WORD}
    parts = [
        re.escape(form) if len(form) >= _ANYWHERE else rf"(?<!\w){re.escape(form)}(?!\w)"
        for form in sorted(shown, key=len, reverse=True)
    ]
    return re.compile("|".join(parts) or r"(?!)"), shown


def _forms(value: str, project: str) -> Iterator[str]:
    """How a value may look where it has gone through others' hands."""
    if project and os.path.normpath(value).startswith(f"{project}/"):
        yield f"project:{os.path.relpath(value, project)}"
    import html  # here: a command that has no value to hide does not pay for them
    import json
    from urllib.parse import quote, unquote

    for form in dict.fromkeys((value, unquote(value), os.path.normpath(value) if "/" in value else value)):
        yield form
        yield form.replace("\n", " ")
        yield quote(form)
        yield quote(form, safe="")
        yield html.escape(form)
        yield repr(form)[1:-1]
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]
