"""Every error that a user can cause, as one tree.

Each class says with which exit code the command ends. Each error says *what* happened, *where* (a file
with line and key, a model, a table), and what to do *next*. None of these words holds a data value or a
secret: they are made of what is declared, of counts and positions. A text that was found in a department's
data goes into ``found``, apart from the words, and is shown to nobody but readers (``kronkers log``).

::

    KronkersError ................. exit 1
    ├── UsageError ................ exit 2   a wrong command line
    ├── ConfigError ............... exit 2   one problem in conf/ (a list of them: ConfigErrors)
    │   └── ConfigErrors
    ├── DataError ................. exit 1   a source that cannot be read, or whose data fails a check
    │   ├── SourceError
    │   └── CheckFailed
    ├── ModelError ................ exit 1   model code failed
    │   ├── FitFailed                        its fit raised, or gave nothing usable
    │   ├── ScoreFailed                      its score raised, or gave the wrong rows or columns
    │   └── WorkerFailed                     its process died, hung, or spoke nonsense
    ├── GateFailed ................ exit 1   a threshold was missed: not promoted, or held
    ├── StoreError ................ exit 1   database or artifact store: locked, full, read-only
    │   ├── Stale                            another writer took over
    │   └── NotFound              . exit 2   a model, version or date that does not exist
    ├── AccessRefused ............. exit 3   no key, no grant, no right
    │   └── IdentityError                    the caller's own key file: missing, wrong, readable by others
    ├── IntegrityError ............ exit 4   a signature, digest or chain does not fit: do not trust it
    ├── TakenOver ................. exit 4   another process has this run now: nothing more is written
    └── MissingPart ............... exit 5   an interpreter, sandbox or database that is not installed
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from typing import Self, cast

from kronkers_batch.redaction import redact

MAX_FOUND = 2**16
"""Characters of a found text that are kept."""


class KronkersError(Exception):
    """Root of the tree.

    Args:
        what: One sentence on what happened, without data values or secrets.
        where: File with line and key, model, version or table; empty if the sentence says it.
        fix: What the reader should do next.
        found: What was found in the data, as it stands, for who may read the data. ``str`` leaves it out.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "", found: str = "") -> None:
        # Here and not where it is shown: an error is printed, recorded, put on pages, and raised to programs.
        self.what, self.where, self.fix = redact(what), redact(where), redact(fix)
        self.found = redact(found[:MAX_FOUND])
        super().__init__(self.what)

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        if self.fix:
            lines.append(f"  -> {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions with keyword arguments do not survive pickling between processes otherwise.
        return (_rebuild, (type(self), self.what, self.where, self.fix, self.found))

    def moved(self, where: str) -> Self:
        """The same error at another place."""
        return cast(Self, _rebuild(type(self), self.what, where, self.fix, self.found))


def _rebuild(cls: type[KronkersError], what: str, where: str, fix: str, found: str) -> KronkersError:
    error = cls.__new__(cls)
    KronkersError.__init__(error, what, where=where, fix=fix, found=found)
    return error


class UsageError(KronkersError):
    """The command line is wrong."""

    exit_code = 2


class ConfigError(KronkersError):
    """One problem in the configuration; ``where`` is ``file:line: key``."""

    exit_code = 2


class ConfigErrors(ConfigError):
    """All problems of a configuration at once, in ``problems``."""

    def __init__(self, problems: Iterable[ConfigError]) -> None:
        self.problems = list(problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"{len(self.problems)} {noun} in the configuration")

    def __str__(self) -> str:
        return "\n".join([*(str(p) for p in self.problems), f"{self.what}."])

    def __reduce__(self) -> tuple[object, ...]:
        return (ConfigErrors, (self.problems,))


class DataError(KronkersError):
    """The data is not as declared."""


class SourceError(DataError):
    """A source cannot be read, or does not have the declared columns and types."""


class CheckFailed(DataError):
    """A declared check failed; says check, column and number of rows, never the values."""


class ModelError(KronkersError):
    """The department's model code failed."""


class FitFailed(ModelError):
    """``fit`` raised; carries the language's own message and line, bounded and without data."""


class ScoreFailed(ModelError):
    """``score`` raised, or returned the wrong number of rows or columns."""


class WorkerFailed(ModelError):
    """The worker process died, hung, went over a limit, or broke the protocol."""


class GateFailed(KronkersError):
    """A threshold was missed: the version is not promoted, or the output is held."""


class StoreError(KronkersError):
    """The database or the artifact store refused: locked, full, read-only, unreachable."""


class Stale(StoreError):
    """Another writer holds a newer fencing token, or the head has moved."""


class NotFound(StoreError):
    """A model, version, date or principal that does not exist."""

    exit_code = 2


class AccessRefused(KronkersError):
    """The caller holds no key or right for this."""

    exit_code = 3


class IdentityError(AccessRefused):
    """The caller's own key file is missing, wrong, or readable by others."""


class IntegrityError(KronkersError):
    """A signature, digest, context or chain does not fit. Nothing of it was used."""

    exit_code = 4


class TakenOver(KronkersError):
    """Another process took the run over, or ended it; this one writes nothing any more."""

    exit_code = 4


class MissingPart(KronkersError):
    """Something that must be installed on this machine is not."""

    exit_code = 5


def described(error: Exception) -> str:
    """What is shown of an error: of an unforeseen one its type and place alone, as its text may hold data."""
    if isinstance(error, KronkersError):
        return str(error)
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    return (
        f"unexpected {type(error).__name__} at {places[-1] if places else 'an unknown place'}\n"
        "  -> this is a fault of kronkers, not yours: report it with what the same command prints with -v, "
        "which may show data"
    )


def found_in(error: BaseException) -> str:
    """The text that an error found in the data and does not show; of an unforeseen one its own text."""
    return error.found if isinstance(error, KronkersError) else redact(str(error)[:MAX_FOUND])
