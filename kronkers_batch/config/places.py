"""Where no path that conf names may lead: one function decides, for sources, code, environments and exports.

Forbidden are what opens the warehouse (this account's key files and trust files), the warehouse itself, the
machine's own places (``/proc`` and the like), and what another department declares and does not share. It is
asked when the configuration is loaded, and again of what was really opened: links may have changed meanwhile.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config import account
from kronkers_batch.config.databases import file_of
from kronkers_batch.config.file_claims import Claims
from kronkers_batch.config.paths import is_in, resolved
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import SourceSpec

FIX = (
    "Name a file or folder of this department's own. To read data of another department, name the source "
    "that it declares, and ask its owner to list this department under shared_with."
)

# /run holds services' sockets and what containers are given as secrets; disks are mounted in /run/media.
_MACHINE = {
    "/proc": "/proc, which shows this machine's processes",
    "/sys": "/sys, which shows this machine",
    "/dev": "/dev, where this machine's devices are",
    "/run": "/run, where this machine's services are",
}
_SECONDS = 1.0
_DISKS = "/run/media"
_DATABASE_FILES = ("", "-wal", "-shm", "-journal")
_PROGRAMS = {  # what this program makes in a folder that holds other things too
    "home": ("cache", "reports", "runs"),
    "artifacts": ("artifacts", "snapshots"),
    "checkpoints": ("ledger",),
}


@dataclass(frozen=True)
class Closed:
    """A file or folder that nothing may lead to, with links followed, and what it is in words."""

    path: str
    what: str


class Places:
    """The forbidden places of one configuration and account.

    Args:
        closed: Files and folders that are forbidden to every department.
        claims: What the departments declare.
    """

    def __init__(self, closed: tuple[Closed, ...], claims: Claims) -> None:
        self._closed, self._claims = closed, claims
        self._known: dict[tuple[int, int] | None, str] = {}
        self._folders: dict[str, tuple[int, int] | None] = {}
        self._looked = float("-inf")
        self.confined = False  # whether files of a pattern may not be links that lead out of its folder

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str]) -> Places:
        """The forbidden places of a configuration, for the account with this environment."""
        project = config.root.parent
        claims = Claims(config.sources.values(), config.models.values(), project)
        found = [*_keys(config.root, environ, config.key_file), *_warehouse(config)]
        return cls((*_machine(), *(Closed(os.path.realpath(p), what) for p, what in found)), claims)

    @classmethod
    def before(cls, conf: Path, environ: Mapping[str, str]) -> Places:
        """The forbidden places that are known before conf is read: the account's and the machine's."""
        found = (Closed(os.path.realpath(p), what) for p, what in _keys(conf, environ))
        return cls((*_machine(), *found), Claims((), (), conf.parent))

    @classmethod
    def machine(cls) -> Places:
        """The forbidden places of this machine alone, where there is no configuration yet."""
        return cls(_machine(), Claims((), (), Path("/")))

    def refusal(
        self, path: str | Path, *, department: str = "", shows_folder: bool = False, code: bool = False
    ) -> str:
        """Why a path may not be used, as words that follow "the path is refused: "; empty where it may.

        Links are followed. A path that leads nowhere yet is judged by where it would be.

        Args:
            path: The file or folder.
            department: For whom; empty for a person's own export, for which departments do not count.
            shows_folder: All of the folder is shown to code, so it may not hold a forbidden place either.
            code: It is a model's code, which may be one file for several departments.
        """
        try:
            real = os.path.realpath(path)
        except (OSError, ValueError):
            return "it leads nowhere"
        if why := self._root(real, shows_folder) or self._same_as_closed(real, _identity(real)):
            return why
        if not department:
            return ""
        if shows_folder:
            return self._claims.against_folder(real, department)
        why = self._claims.against(real, department, code=code)
        return why or self._twin(real, _status(real), department)

    def opened_refusal(
        self, real: str, info: os.stat_result, *, department: str, source: str = "", code: bool = False
    ) -> str:
        """As :meth:`refusal`, of an opened file: where the kernel says that it lies, and its status.

        Args:
            source: The source whose file it is. It must still be where the path led when the configuration
                was loaded (and signed); where only signed definitions run, patterns find nothing elsewhere.
        """
        why = self._root(real, False) or self._same_as_closed(real, (info.st_dev, info.st_ino))
        if why or not department:
            return why
        return (
            self._claims.against(real, department, code=code)
            or self._twin(real, info, department)
            or self._claims.astray(source, real, confined=self.confined)
        )

    def pattern_refusal(self, pattern: str, department: str) -> str:
        """As :meth:`refusal`, for a source's path that may hold a pattern: without listing any folder."""
        fixed, real = resolved(pattern)
        if fixed == real:
            return self.refusal(pattern, department=department)
        why = self._root(fixed, False) or self._same_as_closed(fixed, _identity(fixed))
        return why or self._claims.found_by(real, department)

    def leads(self, source: SourceSpec) -> str:
        """Where the path of a source of files led when the configuration was loaded; what is read lies there.

        Empty where it has none.
        """
        return self._claims.leads(source.name)

    def declared(self, real: str) -> bool:
        """Whether a file (links followed) is one that a source declares, or a model as its artifact."""
        return self._claims.declared(real)

    def masked(self, department: str = "") -> tuple[Path, ...]:
        """Existing files and folders that a sandbox hides where they lie below something that it shows.

        Those of the root configuration and, for a department's code, what other departments declare. A folder
        that is shown *inside* one of them (a model's own code in the cache) is not meant.
        """
        found = [Path(place.path) for place in self._closed]
        found += self._claims.foreign(department) if department else ()
        return tuple(path for path in dict.fromkeys(found) if os.path.lexists(path))

    # ------------------------------------------------------------ the root configuration

    def _root(self, real: str, shows_folder: bool) -> str:
        for place in self._closed:
            if real == place.path:
                return f"it is {place.what}"
        for place in self._closed:
            if is_in(real, place.path) and not is_in(real, _DISKS):
                return f"it is in {place.what}"
        for place in self._closed:
            if shows_folder and is_in(place.path, real):
                return f"it holds {place.what}"
        return ""

    def _same_as_closed(self, real: str, identity: tuple[int, int] | None) -> str:
        """By identity: another name of the same file (a hard link), or another mount of the same folder."""
        self._refresh()
        for found in (identity, self._above(os.path.dirname(real))):  # noqa: PTH120 - a text, often
            if found in self._known:
                return f"it is another name of {self._known[found]}, or of something in it"
        return ""

    def _above(self, folder: str) -> tuple[int, int] | None:
        """The identity of the nearest folder, from this one up, that is a forbidden one; None without."""
        if folder not in self._folders:
            found = _identity(folder)
            if found not in self._known:
                above = os.path.dirname(folder)  # noqa: PTH120
                found = self._above(above) if above != folder else None
            self._folders[folder] = found
        return self._folders[folder]

    def _refresh(self) -> None:
        """What lies where is looked up once a second, as many files may be opened in one."""
        now = time.monotonic()
        if now - self._looked > _SECONDS:
            known = {_identity(place.path): place.what for place in self._closed}
            self._known = {identity: what for identity, what in known.items() if identity is not None}
            self._folders, self._looked = {}, now

    # ------------------------------------------------------------ the departments

    def _twin(self, real: str, info: os.stat_result | None, department: str) -> str:
        if info is None or info.st_nlink < 2 or not stat.S_ISREG(info.st_mode):
            return ""
        for other, why in self._claims.twins(department):
            if _identity(other) == (info.st_dev, info.st_ino) and other != real:
                return f"it is another name of a file of another department: {why}"
        return ""


def _status(path: str) -> os.stat_result | None:
    try:
        return Path(path).stat()
    except (OSError, ValueError):
        return None


def _identity(path: str) -> tuple[int, int] | None:
    info = _status(path)
    return None if info is None else (info.st_dev, info.st_ino)


def _machine() -> tuple[Closed, ...]:
    return tuple(Closed(path, what) for path, what in _MACHINE.items())


def _keys(conf: Path, environ: Mapping[str, str], *named: Path) -> Iterator[tuple[Path, str]]:
    """Key files and what belongs to them: of conf, and of the environment, which conf cannot talk away."""
    key_files = list(named)
    try:
        key_files.append(account.own_key_file(environ))
        yield account.memory_file(environ), "what this account remembers of signed definitions"
    except RuntimeError:
        pass  # a service without a home folder has no default key file
    for key_file in dict.fromkeys(key_files):
        yield key_file, "this account's key file"
        yield account.trust_file(key_file, environ).absolute(), "this account's trust file"
        yield key_file.parent / account.TRUST_FILE, "this account's trust file"
        yield key_file.parent / account.SIGNED, "what this account remembers of signed definitions"
        if not _holds_more(key_file.parent, conf):
            yield key_file.parent, "the folder of this account's key file"
        for path in account.beside(key_file.parent):
            yield path, "a key that belongs offline" if path.name.startswith(account.RECOVERY) else "a key"
    for path in account.other_keys():
        yield path, "the place of this account's keys of other programs"


def _warehouse(config: Config) -> Iterator[tuple[Path, str]]:
    yield from _folder(config.home, "home", "the folder of the program's own files (home)", config)
    database = file_of(config.warehouse.url.reveal())
    for suffix in _DATABASE_FILES if database else ():
        yield Path(database + suffix), "the warehouse's database"
    for name, what in (("artifacts", "the artifact store"), ("checkpoints", "the folder of checkpoints")):
        address = str(getattr(config.warehouse, name)).removeprefix("file://")
        if address and "://" not in address:
            yield from _folder(Path(address), name, what, config)


def _folder(folder: Path, kind: str, what: str, config: Config) -> Iterator[tuple[Path, str]]:
    """All of the folder; where it holds the project or a home too, what the program makes in it."""
    if not _holds_more(folder, config.root):
        yield folder, what
        return
    for name in _PROGRAMS[kind]:
        yield folder / name, what


def _holds_more(folder: Path, conf: Path) -> bool:
    """Whether a folder holds far more than what it is declared for: the project, a home, half a machine."""
    real = os.path.realpath(folder)
    try:
        home = os.path.realpath(Path.home())
    except (OSError, RuntimeError):
        home = ""
    return len(Path(real).parts) <= 2 or any(
        inside and is_in(inside, real) for inside in (os.path.realpath(conf), home)
    )
