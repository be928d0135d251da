"""The languages that a model may be written in: what is declared of each, one file a language.

A file is called as YAML has the language (``language: r``), and its ``KIND`` is an object of a subclass of
:class:`Language`. How its workers are started is in ``runtimes/languages/``, in a file of the same name.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from kronkers_batch.families import Family, Member

DOTTED = r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+\Z"
"""The name of something that a worker imports: a ``_target_``, also where it is nested."""


class Language(Member):
    """A language. All values of a subclass are constants of its class."""

    title: ClassVar[str]
    """Its name as people write it."""
    suffixes: ClassVar[tuple[str, ...]]
    """How files of code end."""
    stored: ClassVar[tuple[str, ...]] = ()
    """How files of models end that were fitted elsewhere; none where it opens no such file."""
    stores: ClassVar[str] = ""
    """How such a file is written, in the language."""
    environment_keys: ClassVar[tuple[str, ...]]
    """The keys of ``environment:`` that it takes, of those that ``Environment`` in ``config/spec.py`` has."""
    estimator_key: ClassVar[Literal["_target_", "function"]]
    """The key of ``estimator:`` that names what is fitted."""
    estimator_pattern: ClassVar[str]
    """What its value matches."""
    estimator_words: ClassVar[str]
    """What is allowed there, in words."""
    has_formula: ClassVar[bool]
    """Whether an estimator may have a formula."""
    attach: ClassVar[str]
    """How code attaches packages for good, as an advice."""
    opens: ClassVar[str]
    """What a person writes to open a stored model, with ``{file}`` for its file."""
    no_memory: ClassVar[tuple[str, ...]] = ()
    """Classes of errors that say that there is too little memory."""
    no_package: ClassVar[tuple[str, ...]] = ()
    """Classes of errors that say that a package is missing."""
    hidden_package: ClassVar[tuple[str, ...]] = ()
    """Classes of errors of code that found a model's own file where it meant a package of that name."""


LANGUAGES: Family[Language] = Family(__name__)


def titles(key: Literal["_target_", "function"]) -> str:
    """The languages whose estimators are named by this key, for pages and messages."""
    return ", ".join(language.title for language in LANGUAGES.values() if language.estimator_key == key)
