"""Python workers: an interpreter or a virtual environment, 3.9 or later, with numpy.

A worker sees of an environment its programs, its libraries and ``pyvenv.cfg``; the installation that it is
made from; and what its packages link to or its ``.pth`` files add, as far as that can be imported.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from kronkers_batch.config.spec import Environment
from kronkers_batch.digests import of_fields
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
    links_out_of,
    require_runnable,
    too_wide,
)

FIX = "install Python 3.9 or later with numpy, or correct environment.executable or environment.venv"
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt")
PARTS = ("bin", "lib", "lib64", "share", "pyvenv.cfg")
"""Of an environment or installation; headers and whatever else lies there are not shown."""
NO_NUMPY = 13
"""What the worker ends with where it finds no numpy."""
NESTED = 2
"""How deep packages are looked for in folders that are no packages themselves (namespaces)."""


def command(environment: Environment, threads: int) -> Command:  # noqa: ARG001 - one interface for all languages
    """The interpreter, unbuffered and isolated from the user's own packages and start-up files."""
    executable = _executable(environment)
    visible = _visible(executable)
    require_runnable(executable)  # after the look at what it is
    return Command(
        argv=(str(executable), "-s", "-u", str(WORKERS / "worker.py")),
        visible=(WORKERS / "worker.py", *visible),
        environment={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "PYTHONHASHSEED": "0"},
        minimum_memory=512 * MIB,
        fix=FIX,
    )


def fingerprint(environment: Environment) -> str:
    """Over ``pyvenv.cfg``, the lock files beside the environment and the names of what is installed in it."""
    if not environment.venv:
        return ""
    root = Path(environment.venv)
    pinned = hash_files([root / "pyvenv.cfg", *(root.parent / lock for lock in LOCKS)])
    installed = sorted(p.name for p in root.glob("lib*/python3*/site-packages/*.dist-info"))
    return of_fields(pinned, *map(os.fsencode, installed))


def unlocked(environment: Environment) -> str:
    """How to lock a virtual environment that has no lock file beside it."""
    root = Path(environment.venv)
    if not environment.venv or any((root.parent / lock).is_file() for lock in LOCKS):
        return ""
    return f"{root / 'bin' / 'pip'} freeze > {root.parent / 'requirements.txt'}"


def by_path(environment: Environment) -> Mapping[str, tuple[Path, ...]]:
    """What links in site-packages and lines of ``.pth`` files lead to."""
    found: dict[str, tuple[Path, ...]] = {}
    for prefix in _prefixes(_executable(environment)):
        for path in _linked(prefix):
            name = path.name.removesuffix(".py")
            found[name] = (*found.get(name, ()), path)
    return found


def install(environment: Environment, package: str) -> str:
    """By pip of the declared interpreter; without one, in an environment of the model's own."""
    python = _declared(environment)
    if python:
        return f"{python} -m pip install {package}"
    return (
        f"python3 -m venv FOLDER && FOLDER/bin/pip install numpy pandas {package}, and declare "
        "environment: {venv: FOLDER}"
    )


def lacking(code: int | None, environment: Environment, data: str) -> tuple[str, str] | None:
    """Whether numpy is missing, which every worker needs."""
    if code != NO_NUMPY:
        return None
    needs = "numpy" if data == "numpy" else f"numpy {data or 'pandas'}"
    fix = f"{_declared(environment) or 'python'} -m pip install {needs}"
    return "the model's Python lacks numpy, which every worker needs", fix


def _declared(environment: Environment) -> str:
    return f"{environment.venv}/bin/python" if environment.venv else environment.executable


def _executable(environment: Environment) -> Path:
    if environment.venv:
        path = Path(environment.venv) / "bin" / "python"
    elif environment.executable:
        found = shutil.which(environment.executable)
        path = Path(found or environment.executable)
    else:
        path = Path(sys.executable)
    if not path.is_file():
        raise MissingPart("there is no Python interpreter here", where=str(path), fix=FIX)
    return path


# ---------------------------------------------------------------- what the worker sees


def _visible(executable: Path) -> tuple[Path, ...]:
    """The environment of ``executable``, its base installation, and what their packages link to."""
    prefixes = _prefixes(executable)
    shown = [path for prefix in prefixes for path in inner(prefix, PARTS)]
    return tuple(dict.fromkeys([*shown, *(path for prefix in prefixes for path in _linked(prefix))]))


def _prefixes(executable: Path) -> list[Path]:
    root, real = executable.parent.parent, executable.resolve()
    prefixes, config = [root], root / "pyvenv.cfg"
    if not config.is_file():
        _check_installed(root, executable, "this lies in a place")
    for home in _homes(config):
        _check_installed(home, config, "its line 'home' names a place")
        prefixes.append(home)
    if real.parent.parent != root.resolve():  # else it is a copy
        _check_installed(real.parent.parent, executable, "this is a link into a place")
        prefixes.append(real.parent.parent)
    return prefixes


def _linked(prefix: Path) -> Iterator[Path]:
    """What an installation's packages link to, and what its ``.pth`` files add."""
    for site in sorted(prefix.glob("lib*/python3*/site-packages")):
        for target in links_out_of(site):
            yield from _importable(target, NESTED)
        yield from _path_files(site)


def _homes(config: Path) -> list[Path]:
    """The installations that a virtual environment says it was made from."""
    if not config.is_file():
        return []
    lines = (line.partition("=") for line in bytes_of(config).decode(errors="replace").splitlines())
    return [Path(value.strip()).parent for key, _, value in lines if key.strip() == "home"]


def _check_installed(prefix: Path, where: Path, says: str) -> None:
    """Raises ConfigError where Python is not installed there."""
    if not is_system(prefix.resolve()) and not any(prefix.glob("lib*/python3*/os.py")):
        raise ConfigError(f"{says} that is not an installation of Python", where=str(where), fix=FIX)


def _path_files(site: Path) -> list[Path]:
    """Code in the folders that ``.pth`` files add (editable installs); code in them is not followed."""
    lines = [
        line.strip()
        for path in sorted(site.glob("*.pth"))
        if path.is_file()
        for line in bytes_of(path).decode(errors="replace").splitlines()
    ]
    folders = [site / line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
    return [
        found
        for folder in folders
        if folder.is_dir() and not too_wide(folder)
        for entry in sorted(folder.iterdir())
        for found in _importable(entry, NESTED)
    ]


def _importable(path: Path, nested: int) -> Iterator[Path]:
    """``path`` if it is a module, a package or its description; else the packages in it."""
    if path.is_file():
        if path.suffix == ".py" or ".so" in path.suffixes:
            yield path
    elif not path.is_dir() or too_wide(path):
        return
    elif any((path / name).is_file() for name in ("__init__.py", "METADATA", "PKG-INFO")) or _is_libraries(
        path
    ):
        yield path
    elif nested:
        for entry in sorted(path.iterdir()):
            if entry.is_dir():
                yield from _importable(entry, nested - 1)


def _is_libraries(folder: Path) -> bool:
    """Whether only shared libraries lie there (``numpy.libs``)."""
    names = [entry.name for entry in folder.iterdir()]
    return bool(names) and all(".so" in Path(name).suffixes for name in names)


_SENTENCES = """
the model lacks {count} of the declared classes
the model has classes that are not declared ({count})
predict gave {count} columns for {count} quantiles
{name} takes no argument {name}, which
{name} gives no probabilities ({name})
{name} does not say its classes ({name})
the argument {name} asks for other quantiles
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
"[{own}] not in index"
"None of [Index([{own}], dtype='{name}')] are in the [columns]"
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
the artifact holds an object of type '{name}', and not of '{name}'
score returned values of type {name}
score returned objects of type {name}
"""

KIND = Builder(command, fingerprint, unlocked, by_path, install, lacking, sentences=_SENTENCES)
