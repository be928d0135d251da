"""How the workers of each language are started, and what they must see: one file a language.

A file is called as its declared half in ``config/languages/``, and its ``KIND`` is a :class:`Builder`. With
it goes one worker file in ``runtimes/workers/``. The process, its pipes, sandbox and limits are the same for
all.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kronkers_batch.config.languages import Language
from kronkers_batch.config.spec import Environment
from kronkers_batch.digests import of_fields
from kronkers_batch.errors import ConfigError, MissingPart
from kronkers_batch.families import Family

WORKERS = Path(__file__).resolve().parent.parent / "workers"

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Shown read-only to every worker, with ``/etc/alternatives`` and the dynamic linker's cache."""

MIB = 2**20
_SHOWN = 300  # characters of a path in a message
LARGEST_TEXT = 64 * MIB
"""Of a lock file, a manifest or another text of an environment, which this program reads by itself."""


@dataclass(frozen=True)
class Command:
    """How to start one worker.

    ``argv`` is the interpreter with its options and the worker file; the paths of the two pipes are appended.
    ``visible`` are absolute files and folders shown read-only at their own paths, besides
    :data:`SYSTEM_FOLDERS`; links in them are shown together with what they link to.
    ``environment`` is added to the variables that every worker gets (HOME, LANG, TZ, PATH, threads).
    ``minimum_memory`` is the address space in bytes below which this interpreter does not start reliably.
    ``fix`` says how to install the language, for when its start fails.
    """

    argv: tuple[str, ...]
    visible: tuple[Path, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    minimum_memory: int = 256 * MIB
    fix: str = ""


def _no_command(_environment: Environment, _package: str) -> str:
    return ""


def _nothing(_code: int | None, _environment: Environment, _data: str) -> None:
    return None


@dataclass(frozen=True)
class Builder:
    """How the workers of a language are started. None of these functions starts a process.

    Attributes:
        command: The command line for an environment, with so many threads. Raises MissingPart where the
            interpreter or a declared folder does not exist (``fix`` is the install command), ConfigError
            where a declared folder is not what it should be, OSError where one cannot be read.
        fingerprint: SHA-256 (hex) of what pins the environment (lock files); empty for the machine's default.
        unlocked: How to lock a declared environment that has no lock file; empty where it has one, or needs
            none.
        by_path: The packages that are installed by path, by name: what no lock file and no version pins.
        install: The command that installs a package; empty where the environment alone does not say it.
        lacking: What a worker that ended with this exit code before it answered says that it lacks, and what
            to do; given are also its environment and the model's ``data``. None where it says nothing.
        sentences: How the language and its libraries speak of code, one form a line: ``runtimes/forms.py``.
    """

    command: Callable[[Environment, int], Command]
    fingerprint: Callable[[Environment], str]
    unlocked: Callable[[Environment], str]
    by_path: Callable[[Environment], Mapping[str, tuple[Path, ...]]]
    install: Callable[[Environment, str], str] = _no_command
    lacking: Callable[[int | None, Environment, str], tuple[str, str] | None] = _nothing
    sentences: str = ""


BUILDERS: Family[Builder] = Family(__name__)


def builder(language: Language) -> Builder:
    """How workers of ``language`` are started."""
    return BUILDERS[language.name]


def command_of(language: Language, environment: Environment, threads: int) -> Command:
    """The command line for ``environment``. Raises MissingPart, ConfigError."""
    with in_words(environment):
        return builder(language).command(environment, threads)


def by_path_of(language: Language, environment: Environment) -> Mapping[str, tuple[Path, ...]]:
    """The packages that ``environment`` has by path. Raises MissingPart, ConfigError."""
    with in_words(environment):
        return builder(language).by_path(environment)


def environment_fingerprint(language: Language, environment: Environment) -> str:
    """As :meth:`Builder.fingerprint`. Raises MissingPart, ConfigError."""
    with in_words(environment):
        return builder(language).fingerprint(environment)


@contextmanager
def in_words(environment: Environment) -> Iterator[None]:
    """Whatever the files of an environment can do to who looks at them, as MissingPart or ConfigError.

    They may be anybody's: paths with a NUL, links in a circle, names that are no UTF-8, versions that are no
    numbers. One such file is its own model's failure, and no other's.
    """
    try:
        yield
    except OSError as error:
        raise MissingPart(
            f"a file of the environment cannot be read: {os.strerror(error.errno or 0)}",
            where=os.fsencode(error.filename or "").decode(errors="replace")[:_SHOWN],
            fix="let this account read it, or correct the model's environment",
        ) from None
    except (ValueError, RuntimeError) as error:
        declared = environment.venv or environment.library or environment.renv or environment.project
        raise ConfigError(
            f"the environment holds a name, link or value that is not valid ({type(error).__name__})",
            where=declared or environment.executable,
            fix="create the environment again with its own tool; `kronkers check -v` shows where reading "
            "it stopped",
        ) from None


def bytes_of(path: Path, first: int = 0) -> bytes:
    """A file of an environment, which somebody else may have made; devices and pipes are not waited for.

    Args:
        path: The file.
        first: Read so many bytes of its beginning, however large it is; 0 for all of it.

    Raises:
        ConfigError: It is no file, or too large. OSError: it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise _refused(path, "this is a folder, a device or a pipe, not a file")
        found = bytearray()
        most = first or LARGEST_TEXT + 1
        while data := os.read(descriptor, min(most - len(found), MIB)):
            found += data
    finally:
        os.close(descriptor)
    if not first and len(found) > LARGEST_TEXT:
        raise _refused(path, f"this file is larger than {LARGEST_TEXT // MIB} MiB")
    return bytes(found)


def _refused(path: Path, what: str) -> ConfigError:
    fix = "remove it from the environment, or correct 'environment' in the model's YAML"
    return ConfigError(what, where=str(path), fix=fix)


def hash_files(paths: Iterable[Path]) -> str:
    """SHA-256 (hex) over name and contents of the files that exist, in order; empty when none does."""
    there = [path for path in paths if path.is_file()]
    fields = (raw for path in there for raw in (os.fsencode(path.name), bytes_of(path)))
    return of_fields(*fields) if there else ""


def is_system(path: Path) -> bool:
    """Whether it is the machine's own, which only root can change and every worker sees."""
    return any(path.is_relative_to(folder) for folder in SYSTEM_FOLDERS)


def inner(folder: Path, names: Iterable[str]) -> list[Path]:
    """Those of the named things that are in ``folder``, and no links out of it."""
    real = folder.resolve()
    found = [folder / name for name in names]
    return [path for path in found if path.exists() and path.resolve().is_relative_to(real)]


def require_runnable(path: Path) -> None:
    """Raises MissingPart for an interpreter that is there and has no right to be run."""
    if path.is_file() and not os.access(path, os.X_OK):
        raise MissingPart(
            "this interpreter may not be run: the file has no right to",
            where=str(path),
            fix=f"chmod +x '{path}', or correct environment.executable",
        )


def too_wide(folder: Path) -> bool:
    """Whether ``folder`` holds far more than a library: a home, all configuration, this program."""
    real = folder.resolve()
    inside = any(p.resolve().is_relative_to(real) for p in (Path.home(), WORKERS))
    return inside or any((real / name).exists() for name in ("conf/config.yaml", ".ssh"))


def links_out_of(folder: Path) -> tuple[Path, ...]:
    """Where the links directly in ``folder`` lead, if outside of it (shared caches, depots)."""
    if not folder.is_dir():
        return ()
    with os.scandir(folder) as entries:  # hundreds, at every worker's start
        links = [Path(entry.path) for entry in entries if entry.is_symlink()]
    targets = {link.resolve() for link in links if link.exists()}
    return tuple(sorted(t for t in targets if not t.is_relative_to(folder.resolve()) and not too_wide(t)))
