"""What a language must say about itself: how its worker is started, and what that worker must see.

A language is one module here (``python``, ``r``, ``julia``) with the two functions of :class:`Builder`,
and one worker file in ``runtimes/workers/``. The process, its pipes, sandbox and limits are the same for all.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kronkers_batch.config.spec import Environment, Language
from kronkers_batch.errors import ConfigError, MissingPart

WORKERS = Path(__file__).resolve().parent.parent / "workers"

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
"""Shown read-only to every worker, with ``/etc/alternatives`` and the dynamic linker's cache."""

MIB = 2**20

LARGEST = 64 * MIB
"""Bytes of a file that describes an environment, such as a lock file."""


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


class Builder(Protocol):
    """The two functions of a language's module. Neither starts a process."""

    def command(self, environment: Environment, threads: int) -> Command:
        """The command line for ``environment``.

        Raises:
            MissingPart: The interpreter or a declared folder does not exist; ``fix`` is the install command.
            ConfigError: A declared folder is not what it should be.
            OSError: One cannot be read.
        """

    def fingerprint(self, environment: Environment) -> str:
        """SHA-256 (hex) of what pins the environment (lock files); empty for the machine's default."""


def builder(language: Language) -> Builder:
    """The module of ``language``, imported when first asked for."""
    module: Builder = importlib.import_module(f"kronkers_batch.runtimes.languages.{language.value}")
    return module


def command_of(language: Language, environment: Environment, threads: int) -> Command:
    """The command line for ``environment``. Raises MissingPart, ConfigError."""
    try:
        return builder(language).command(environment, threads)
    except OSError as error:
        raise MissingPart(
            f"a place of the environment cannot be read: {os.strerror(error.errno or 0)}",
            where=str(error.filename or ""),
            fix="let this account read it, or correct the model's environment",
        ) from None


def small_text(path: Path) -> str:
    """The text of a file that describes an environment; what is no UTF-8 is replaced.

    Raises ConfigError where it is too large, OSError.
    """
    return _small(path).decode(errors="replace")


def _small(path: Path) -> bytes:
    """The contents of a file that may only be small: whoever wrote it may have made it larger than memory."""
    with path.open("rb") as file:
        raw = file.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise ConfigError(
            f"a file that describes an environment is larger than {LARGEST // MIB} MiB",
            where=str(path),
            fix="put the right file there",
        )
    return raw


def hash_files(paths: Iterable[Path]) -> str:
    """SHA-256 (hex) over name and contents of the files that exist, in order; empty when none does."""
    digest, found = hashlib.sha256(), False
    for path in paths:
        if not path.is_file():
            continue
        found = True
        for raw in (path.name.encode(), _small(path)):
            digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest() if found else ""


def is_system(path: Path) -> bool:
    """Whether it is the machine's own, which only root can change and every worker sees."""
    return any(path.is_relative_to(folder) for folder in SYSTEM_FOLDERS)


def inner(folder: Path, names: Iterable[str]) -> list[Path]:
    """Those of the named things that are in ``folder``, and no links out of it."""
    real = folder.resolve()
    found = [folder / name for name in names]
    return [path for path in found if path.exists() and path.resolve().is_relative_to(real)]


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
