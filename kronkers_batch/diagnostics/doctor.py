"""What a run needs of this machine, what was found, and the command that mends it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config import account
from kronkers_batch.config.databases import file_of
from kronkers_batch.config.folder import find_conf
from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.load import load
from kronkers_batch.config.paths import is_in
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.errors import ConfigErrors, KronkersError
from kronkers_batch.runtimes.probing import interpreter_version, sandbox_state
from kronkers_batch.runtimes.walls import bubblewrap_version, walls
from kronkers_batch.session.space import LITTLE, Room, rooms
from kronkers_batch.vault import keyfile, pin

_FIRST = "the administrator's first `kronkers plan` makes it; others: kronkers access whoami --new"
_LOST = (
    "make one: kronkers access whoami --new, and send its line to an administrator; where no administrator "
    "has a key any more: docs/how-to/keys.md, Everything is lost: recovery"
)


@dataclass(frozen=True)
class Finding:
    """One part: whether it is there, what was found, whether a run needs it, and how to mend it."""

    part: str
    ok: bool
    found: str
    fix: str
    needed: bool


def examine(conf: str | None, overrides: Sequence[str]) -> list[Finding]:
    """Look at the configuration, the sandbox, each language, the caller's key, and the folders written to."""
    findings: list[Finding] = []
    config: Config | None = None
    try:
        config = load(find_conf(conf, os.environ), tuple(overrides))
        findings.append(Finding("configuration", True, str(config.root), "", True))
    except KronkersError as error:
        findings.append(Finding("configuration", False, error.what, "kronkers check", True))
    findings.append(_sandbox(config))
    findings += [Finding(wall.name, wall.stands, wall.found, wall.fix, False) for wall in walls()]
    enabled = [model for model in config.models.values() if model.enabled] if config else []
    used = {model.language for model in enabled}
    used |= {measure.language for model in enabled for measure in model.measures}
    findings += [_language(language, language in used) for language in LANGUAGES.values()]
    if config is not None:
        findings += _models(config)
        findings += [*_keys(config), _checkpoints(config), *map(_room, rooms(config))]
    return findings


def _room(room: Room) -> Finding:
    if room.problem:
        return Finding(room.name, False, f"{room.problem}: {room.folder}", room.fix, True)
    fix = "" if room.free >= LITTLE else "make room on the disk before the next night"
    return Finding(room.name, not fix, f"{room.folder}, {room.free / 2**30:.1f} GiB free", fix, False)


def _sandbox(config: Config | None) -> Finding:
    state = sandbox_state()
    policy = config.executor.sandbox if config else SandboxPolicy.REQUIRE
    version = bubblewrap_version(state)
    found = f"{state.describe()}{f' ({version})' if version else ''}; policy: {policy}"
    return Finding("sandbox", state.works, found, state.fix, policy is SandboxPolicy.REQUIRE)


def _language(language: Language, needed: bool) -> Finding:
    try:
        return Finding(str(language), True, interpreter_version(language), "", needed)
    except KronkersError as error:
        return Finding(str(language), False, error.what, error.fix, needed)


def _models(config: Config) -> Iterator[Finding]:
    """Whether each model loads in its environment, as ``check`` tries it; and what is not locked."""
    from kronkers_batch.access.unsigned import check_probe
    from kronkers_batch.diagnostics import advice
    from kronkers_batch.diagnostics.model_probes import probe_models
    from kronkers_batch.store.cache import ContentCache

    count = sum(model.enabled for model in config.models.values())
    try:
        check_probe(config)
        probe_models(config, ContentCache(config.home / "cache"))
        yield Finding("models", True, f"{count} load in their environments", "", False)
    except ConfigErrors as errors:
        for problem in errors.problems:
            yield Finding("model", False, f"{problem.where}: {problem.what}", problem.fix, False)
    except KronkersError as error:
        yield Finding("models", False, error.what, error.fix, False)
    for line in advice.unlocked(config):
        what, _, how = line.partition("\n  -> ")
        yield Finding("lock file", False, what, how, False)


def _keys(config: Config) -> Iterator[Finding]:
    trusted = account.trust_file(config.key_file, os.environ)
    yield _key_file(config)
    try:
        count = len(pin.every(trusted))
        yield Finding("trust file", count > 0, f"{trusted}: {count} warehouse(s)", "", False)
    except KronkersError as error:
        yield Finding("trust file", False, f"{error.what}: {trusted}", error.fix, False)
    recovery = sorted(config.key_file.parent.glob(f"{account.RECOVERY}*"))
    if recovery:
        fix = "move it to two places that are offline, then delete it here"
        yield Finding("recovery key", False, f"still on this machine: {recovery[0]}", fix, False)


def _first_or_lost(config: Config) -> str:
    """Where a key comes from, by whether there is a warehouse; of one on a server that is not known here."""
    database = file_of(config.warehouse.url.reveal())
    if not database:
        return f"{_FIRST}; in an old warehouse: {_LOST}"
    return _LOST if Path(database).exists() else _FIRST


def _checkpoints(config: Config) -> Finding:
    """Where they are. Beside the database is in order on one person's machine, so that needs no mending."""
    address = config.warehouse.checkpoints
    if not address:
        found = "none: an older database that is put back would not be noticed"
        return Finding("checkpoints", False, found, "set warehouse.checkpoints in conf", False)
    database, folder = file_of(config.warehouse.url.reveal()), address.removeprefix("file://")
    if "://" in folder or not database or not is_in(os.path.realpath(folder), os.path.dirname(database)):  # noqa: PTH120
        return Finding("checkpoints", True, address, "", False)
    found = f"beside the database: {folder}; who can replace both can put back an older warehouse unnoticed"
    fix = "if somebody else runs the database: set warehouse.checkpoints to where they cannot write"
    return Finding("checkpoints", True, found, fix, False)


def _key_file(config: Config) -> Finding:
    path = config.key_file
    if keyfile.VARIABLE in os.environ:
        return Finding("key", True, f"in the environment: {keyfile.VARIABLE}", "", False)
    if not keyfile.exists(path):
        return Finding("key file", False, f"none: {path}", _first_or_lost(config), False)
    try:
        keyfile.read_private(path)
    except KronkersError as error:
        return Finding("key file", False, f"{error.what}: {path}", error.fix, True)
    sealed = "under a passphrase" if keyfile.is_sealed(path) else "without a passphrase"
    return Finding("key file", True, f"{path}, {sealed}", "", False)
