"""Python workers: an interpreter or a virtual environment, 3.9 or later, with numpy."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from kronkers_batch.config.spec import Environment
from kronkers_batch.errors import MissingPart
from kronkers_batch.runtimes.languages.base import MIB, WORKERS, Command, hash_files, links_out_of, too_wide

FIX = "install Python 3.9 or later with numpy, or correct environment.executable or environment.venv"
LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "requirements.txt")


def command(environment: Environment, threads: int) -> Command:  # noqa: ARG001 - one interface for all languages
    """The interpreter, unbuffered and isolated from the user's own packages and start-up files."""
    executable = _executable(environment)
    return Command(
        argv=(str(executable), "-s", "-u", str(WORKERS / "worker.py")),
        visible=(WORKERS / "worker.py", *_visible(executable)),
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
    return hash_text(pinned, *installed)


def hash_text(*parts: str) -> str:
    """SHA-256 (hex) over length-prefixed texts."""
    import hashlib

    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode()
        digest.update(len(raw).to_bytes(8, "little") + raw)
    return digest.hexdigest()


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


def _visible(executable: Path) -> tuple[Path, ...]:
    """The environment of ``executable``, its base installation, and what their packages link to."""
    root = executable.parent.parent
    prefixes = [root, executable.resolve().parent.parent]
    config = root / "pyvenv.cfg"
    if config.is_file():
        for line in config.read_text().splitlines():
            key, _, value = line.partition("=")
            if key.strip() == "home":
                prefixes.append(Path(value.strip()).parent)
    shown: list[Path] = list(prefixes)
    for prefix in prefixes:
        for site in sorted(prefix.glob("lib*/python3*/site-packages")):
            shown += links_out_of(site)
            shown += _path_files(site)
    return tuple(dict.fromkeys(shown))


def _path_files(site: Path) -> list[Path]:
    """Folders that ``.pth`` files add (editable installs); lines of code in them are not followed."""
    lines = [line.strip() for path in sorted(site.glob("*.pth")) for line in path.read_text().splitlines()]
    folders = [site / line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
    return [folder for folder in folders if folder.is_dir() and not too_wide(folder)]
