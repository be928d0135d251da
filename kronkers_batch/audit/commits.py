"""Which commit of their repository the definitions are of: read with git; no run fails for want of one.

Who can write to a repository's own settings can have many of git's commands start a program of theirs: a
file-system monitor, a filter, a signature checker. So only three are asked, which look at objects and at
nothing else, and whether a file is as committed is worked out here, from its bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

from kronkers_batch import texts
from kronkers_batch.config.places import Places
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.spec import CodeFile
from kronkers_batch.declared.model_files import listed
from kronkers_batch.digests import Json
from kronkers_batch.errors import ModelError
from kronkers_batch.events.types import Commit
from kronkers_batch.session.known import Neighbours
from kronkers_batch.session.services import Services

_SECONDS = 5
_MOST_FILES, _MOST_BYTES = 5_000, 64 * 2**20
_NAME = 128  # characters of an author's name that are kept
_LENGTHS = {40: "sha1", 64: "sha256"}


def of_definitions(config: Config) -> Commit | None:
    """The newest commit of the repository that the conf folder lies in; None where there is none to read."""
    try:
        top = Path(os.fsdecode(_git(config.root, "rev-parse", "--show-toplevel").rstrip(b"\n")))
        found = _git(top, "rev-parse", "--verify", "HEAD^{commit}").decode("ascii").strip()
        if len(found) not in _LENGTHS:
            return None
        author = _author(_git(top, "cat-file", "commit", found))
        return Commit(found, author, _is_clean(config, top, found))
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # no git, no repository, one of another account, or one that is broken


def as_recorded(services: Services) -> dict[str, Json]:
    """The commit as a version records it, empty where there is none; asked once a run in each process."""
    known = services.run.commits
    if not known:
        known.append(of_definitions(services.config))
    return asdict(known[0]) if known[0] else {}


def _git(folder: Path, *words: str) -> bytes:
    """What git prints. Raises OSError, SubprocessError."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CONFIG_HOME") if name in os.environ}
    clean = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
    settings = ("core.fsmonitor=false", "core.hooksPath=/dev/null", "protocol.allow=never")
    command = ["git", "--no-pager", "--no-replace-objects", *(w for s in settings for w in ("-c", s))]
    done = subprocess.run(
        [*command, *words],
        cwd=folder,
        env=kept | clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=True,
    )
    return done.stdout


def _author(commit: bytes) -> str:
    for line in commit.split(b"\n\n", 1)[0].split(b"\n"):
        if line.startswith(b"author "):
            name = line.removeprefix(b"author ").rpartition(b" <")[0]
            return texts.one_line(name.decode("utf-8", "replace"))[:_NAME]
    return ""


def _is_clean(config: Config, top: Path, commit: str) -> bool | None:
    """Whether the definitions are as committed; None where there are too many files to say."""
    real = Path(os.path.realpath(top))
    try:
        files = {os.path.realpath(path) for path in _defining(config)}
    except ModelError:  # what cannot be kept of a folder is no definition that was committed
        return False
    folders = [Path(os.path.realpath(config.root)), *_code_folders(config)]
    if not all(Path(path).is_relative_to(real) for path in files):
        return False  # a definition that no commit of this repository holds
    committed = {
        path: digest
        for path, digest in _committed(real, commit).items()
        if any(Path(path).is_relative_to(folder) for folder in folders)
    }
    if len(committed) > _MOST_FILES:
        return None
    if files - committed.keys():
        return False
    left = _MOST_BYTES
    for path, digest in committed.items():
        found = _bytes(path, left)
        if found is None:
            return False
        left -= len(found)
        if left < 0:
            return None
        head = b"blob %d\0" % len(found)
        if hashlib.new(_LENGTHS[len(digest)], head + found, usedforsecurity=False).hexdigest() != digest:
            return False
    return True


def _defining(config: Config) -> Iterator[Path]:
    """The files that say what is run: all YAML of the conf folder, and all files of the models' code."""
    for above, _folders, names in os.walk(config.root):
        yield from (Path(above, name) for name in names if name.endswith(".yaml"))
    places, neighbours = Places.of(config, os.environ), Neighbours.of(config)
    for model in config.models.values():
        if isinstance(model.model, CodeFile):
            yield model.model.path
            yield from (file.path for file in listed(model, places, neighbours))
        yield from (measure.path for measure in model.measures)


def _code_folders(config: Config) -> list[Path]:
    """The folders of code; what lies beside a model's code is kept with a version too."""
    paths = [model.model.path for model in config.models.values() if isinstance(model.model, CodeFile)]
    paths += [measure.path for model in config.models.values() for measure in model.measures]
    return [Path(os.path.realpath(path.parent)) for path in paths]


def _committed(top: Path, commit: str) -> Mapping[str, str]:
    """Each file of a commit by its path, and the digest of its contents; links and modules are left out."""
    found = {}
    for line in _git(top, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        head, _, name = line.partition(b"\t")
        if head.startswith((b"100644 ", b"100755 ")):
            found[str(top / os.fsdecode(name))] = head.split()[2].decode("ascii")
    return found


def _bytes(path: str, most: int) -> bytes | None:
    """The contents of a file as far as asked, and one byte more; None where it is no file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        return file.read(most + 1) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
