"""R workers: R 4, the machine's or another, with the model's own library folder or renv project."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import ConfigError, MissingPart
from kronkers_batch.runtimes.languages import (
    MIB,
    WORKERS,
    Builder,
    Command,
    bytes_of,
    hash_files,
    inner,
    is_system,
    require_runnable,
    too_wide,
)

FIX = (
    "install R 4 with: sudo apt-get install r-base-core (elsewhere: from your distribution or CRAN), "
    "or set environment.executable to its Rscript"
)
START = "sys.source(commandArgs(TRUE)[1L], new.env(parent = baseenv()))"
"""Reads the worker file at once: of a script, R parses an expression anew with each of its lines."""

SITE = Path("/usr/local/lib/R/site-library")
"""Where Debian's R installs packages for all users, besides its own folders."""
HOME_PARTS = ("bin", "etc", "lib", "library", "modules", "share", "site-library")
PREFIX_PARTS = ("bin", "lib", "lib64", "share")
MAX_DESCRIPTION = 65_536
_FIELD = re.compile(rb"^(Package|Built):[ \t]*([^\s;]*)", re.MULTILINE)


@dataclass(frozen=True)
class Installation:
    """An R that was found: its home (None if unknown), and its version as ``4.2.2`` (empty if unknown)."""

    executable: Path
    home: Path | None
    version: str

    @property
    def series(self) -> str:
        """``4.2`` of ``4.2.2``: packages are built for one of these."""
        return ".".join(self.version.split(".")[:2])


def command(environment: Environment, threads: int) -> Command:  # noqa: ARG001 - one interface for all languages
    """R without start-up files, saved workspaces and the user's own library."""
    found = _installation(environment)
    library = _library(environment, found)
    # Without a value the system's Renviron would set the user's and the site's libraries.
    variables = {"R_LIBS": str(library), "R_LIBS_USER": str(library)} if library else {}
    if library and environment.renv:
        variables["R_LIBS_SITE"] = str(library)  # a renv project sees its own packages alone
    return Command(
        argv=(*_start(found.executable), str(WORKERS / "worker.R")),
        visible=tuple(dict.fromkeys([WORKERS / "worker.R", *_home(found), *_libraries(found, library)])),
        environment=variables,
        minimum_memory=256 * MIB,
        fix=FIX,
    )


def fingerprint(environment: Environment) -> str:
    """Over the ``renv.lock`` of the renv project, or beside the library folder; empty without one."""
    if environment.renv:
        return hash_files([Path(environment.renv) / "renv.lock"])
    if environment.library:
        return hash_files([Path(environment.library).parent / "renv.lock"])
    return ""


def unlocked(environment: Environment) -> str:
    """How to lock a library folder that has no ``renv.lock`` beside it; renv projects have one."""
    if not environment.library:
        return ""
    lock = Path(environment.library).parent / "renv.lock"
    if lock.is_file():
        return ""
    return (
        f'Rscript -e \'renv::snapshot(library = "{environment.library}", lockfile = "{lock}", type = "all")\''
    )


def install(environment: Environment, package: str) -> str:
    """Into the declared library or renv project; else into the folder for all users of this machine."""
    if environment.renv:
        lines = f'renv::install("{package}"); renv::snapshot()'
        return f"cd '{environment.renv}' && Rscript -e '{lines}'"
    folder = environment.library or str(SITE)
    return f'Rscript -e \'install.packages("{package}", lib = "{folder}")\''


def by_path(environment: Environment) -> Mapping[str, tuple[Path, ...]]:
    """The packages of the declared library, however they came there."""
    library = _library(environment, _installation(environment))
    if library is None:
        return {}
    return {name: (library / name,) for name in sorted(os.listdir(library)) if _is_package(library / name)}  # noqa: PTH208


# ---------------------------------------------------------------- the interpreter


def _installation(environment: Environment) -> Installation:
    wanted = environment.executable or "Rscript"
    path = Path(shutil.which(wanted) or wanted)
    require_runnable(path)
    if not path.is_file() or not os.access(path, os.X_OK):
        what = "there is no such R interpreter" if environment.executable else "R is not installed"
        raise MissingPart(what, where=environment.executable, fix=FIX)
    home = _find_home(path)
    version = _version(home) if home else ""
    if version and int(version.split(".")[0]) < 4:
        raise MissingPart(f"R {version} is too old: models need R 4", where=str(path), fix=FIX)
    return Installation(path, home, version)


def _start(executable: Path) -> list[str]:
    """Rscript, or R itself, which wants the arguments that Rscript gives it."""
    if executable.name.startswith("Rscript"):
        return [str(executable), "--vanilla", "-e", START]
    return [str(executable), "--no-echo", "--no-restore", "--vanilla", "-e", START, "--args"]


def _find_home(executable: Path) -> Path | None:
    """R's home, which the shell script ``R`` beside the executable names; nothing is run to find it.

    A folder counts only if R's own package ``base`` is installed in it: a script may say anything.
    """
    real = executable.resolve()
    for script in (real, real.parent / "R", executable.parent / "R"):
        if not script.is_file():
            continue
        said = re.search(rb"^R_HOME_DIR=\"?(/[^\"\n]+?)\"?$", bytes_of(script, 4096), re.MULTILINE)
        if said and _is_package(Path(os.fsdecode(said[1])) / "library" / "base"):
            return Path(os.fsdecode(said[1]))
    return None


def _version(home: Path) -> str:
    description = home / "library" / "base" / "DESCRIPTION"
    if not description.is_file():
        return ""
    text = bytes_of(description, MAX_DESCRIPTION).decode(errors="replace")
    said = re.search(r"^Version:\s*(\d[\d.\-]*)", text, re.MULTILINE)
    return said[1] if said else ""


# ---------------------------------------------------------------- the packages


def _library(environment: Environment, found: Installation) -> Path | None:
    """The folder of packages that ``environment`` declares."""
    if environment.renv:
        return _renv_library(Path(environment.renv), found)
    if not environment.library:
        return None
    folder = Path(environment.library)
    if not folder.is_dir():
        raise MissingPart(
            "the model's library folder does not exist",
            where=str(folder),
            fix=f'make it with: mkdir -p "{folder}" and install.packages(..., lib = "{folder}"), '
            "or correct environment.library",
        )
    return folder


def _renv_library(project: Path, found: Installation) -> Path:
    """The restored library of a renv project, for this series of R (renv 0.14 to today's lay it out so)."""
    if not (project / "renv.lock").is_file():
        raise MissingPart(
            "there is no renv.lock in the model's renv project",
            where=str(project),
            fix="make it with renv::init() or renv::snapshot() there, or correct environment.renv",
        )
    series = f"R-{found.series}" if found.version else "R-*"
    below = project / "renv" / "library"
    candidates = [p for pattern in (f"{series}/*", f"*/{series}/*") for p in sorted(below.glob(pattern))]
    folders = [p for p in candidates if p.is_dir()]
    if not folders:
        others = sorted({p.name for pattern in ("R-*", "*/R-*") for p in below.glob(pattern)})
        built = f" (it has: {', '.join(others)})" if others else ""
        raise MissingPart(
            f"the renv project has no packages for R {found.series or 4}{built}",
            where=str(project),
            fix=f"restore them with: cd \"{project}\" && Rscript -e 'renv::restore(prompt = FALSE)'",
        )
    return folders[0]


# ---------------------------------------------------------------- what the worker sees


def _home(found: Installation) -> list[Path]:
    """R itself: Debian's has its settings in /etc/R, others all under one prefix."""
    shown = [Path("/etc/R")] if Path("/etc/R").is_dir() else []
    for path in (found.executable, found.executable.resolve()):
        shown.append(path)
        if path.parent.name == "bin" and found.home and found.home.is_relative_to(path.parent.parent):
            # Of /opt/R/4.4.1/bin/Rscript also the libraries that R was built with.
            shown += inner(path.parent.parent, PREFIX_PARTS)
        else:
            shown += [script for script in [path.parent / "R"] if script.is_file()]
    return [*shown, *(inner(found.home, HOME_PARTS) if found.home else [])]


def _libraries(found: Installation, library: Path | None) -> list[Path]:
    """Installed packages, each by itself where anything else lies beside them."""
    site = [found.home / name for name in ("library", "site-library")] if found.home else []
    folders = [f for f in (library, SITE, *site) if f and f.is_dir() and (f == library or not is_system(f))]
    return [path for folder in folders for path in _packages(folder)]


def _packages(folder: Path) -> list[Path]:
    """``folder`` if it holds packages and nothing else; else the packages in it. Raises ConfigError."""
    names = sorted(os.listdir(folder))  # noqa: PTH208 - a library has hundreds
    found = [folder / name for name in names if _is_package(folder / name)]
    if names and not found:
        raise ConfigError(
            "this folder has no installed R packages",
            where=str(folder),
            fix="correct environment.library: it is the folder that install.packages(..., lib = ...) fills",
        )
    whole = len(found) == len(names) and not any(p.is_symlink() for p in (folder, *found))
    return [folder] if whole else found  # one mount is quicker than hundreds


def _is_package(path: Path) -> bool:
    """Whether an R package of this name was installed there; it may be a link, to renv's cache for one."""
    try:
        text = bytes_of(path / "DESCRIPTION", MAX_DESCRIPTION)
    except (OSError, ConfigError):
        return False
    fields = dict(_FIELD.findall(text))
    return fields.get(b"Package") == os.fsencode(path.name) and b"Built" in fields and not too_wide(path)


_SENTENCES = """
the formula names the exposure '{name}': take it out
the formula predicts from '{name}', which only fit has
{name} has no formula that an exposure could be the offset of
declare it so, such as with {name}:
data.frame() keeps these names with {name} = FALSE
the predictions of {name} do not grow with the exposure
no applicable method for '{name}' applied to an object of class "{class}"
could not find function "{name}"
declare predict_arguments with type response, or with type link if that is meant
predict_arguments: {type: response}, {type: prob} or, for ranger, arguments: {probability: true}
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

KIND = Builder(command, fingerprint, unlocked, by_path, install, sentences=_SENTENCES)
