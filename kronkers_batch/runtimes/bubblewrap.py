"""The command line of bubblewrap: what a worker sees and may do. Built as text, so that it can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from kronkers_batch.config.spec import Resources
from kronkers_batch.errors import ConfigError
from kronkers_batch.runtimes.languages import MIB, SYSTEM_FOLDERS, WORKERS, Command, is_system
from kronkers_batch.runtimes.launch import CODE, Launch, identity
from kronkers_batch.runtimes.limits import become, free_user, limited, scratch_size, variables
from kronkers_batch.runtimes.seccomp import filter_bytes

SCRATCH = "/tmp"  # noqa: S108 - inside the sandbox, where it is private and in memory
SHARED_MEMORY = 64 * MIB
PUBLIC_SETTINGS = (
    *("/etc/alternatives", "/etc/ld.so.cache", "/etc/fonts"),
    *("/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted"),
)
"""Of /etc, what programs in /usr need of this machine, and what is no secret: links, fonts, certificates."""
NOT_SHOWN = ("/proc/keys", "/proc/key-users", "/proc/1")
"""In the worker's own /proc: the names of keys that its user holds on the whole machine; the first process.

That one is bubblewrap's and has no limits. Where no root starts workers it is the same user's, who could
write a program into its memory.
"""
ZERO, UNMAPPABLE_ZERO = "/dev/zero", "/dev/full"
"""A shared mapping of /dev/zero is memory that no limit counts; /dev/full reads the same, unmapped."""


class Tools(NamedTuple):
    """Paths of the programs that build a sandbox, or empty."""

    bwrap: str
    setpriv: str
    prlimit: str


def bubblewrap(
    command: Command,
    code: Mapping[Path, bytes],
    resources: Resources,
    tools: Tools,
    *,
    hidden: Iterable[Path] = (),
    nested: bool = False,
) -> Launch:
    """A worker in bubblewrap.

    Args:
        command: The language's worker.
        code: The model's files, first its code file, and what is in them; given from memory, since what lies
            on a disk may be exchanged at any time.
        resources: Its limits.
        tools: The programs.
        hidden: Places that no worker sees, whatever is shown above them.
        nested: Whether this bubblewrap cannot forbid user namespaces inside (the filter of calls still does).
    """
    user = free_user() if os.geteuid() == 0 else None
    argv = _alone(tools, nested=nested)
    argv += _tmpfs("/dev/shm", SHARED_MEMORY)  # noqa: S108 - inside
    argv += _tmpfs(SCRATCH, scratch_size(resources))
    shown = _in_order([*_system(), *command.visible, *code])
    for above in sorted({parent for path in shown for parent in path.parents} - {Path("/"), Path(SCRATCH)}):
        if not any(above.is_relative_to(path) for path in shown):
            argv += ["--perms", "0755", "--dir", str(above)]  # else only root could pass through
    bound = [path for path in shown if path not in code]
    looked_at = {path: path.resolve() for path in bound if not is_system(path)}
    for path in bound:
        argv += _show(path)
    for number, path in enumerate(code):
        argv += ["--perms", "0444", "--ro-bind-data", CODE % number, str(path)]
    for path in (Path(p) for p in NOT_SHOWN if Path(p).exists()):
        argv += _mask(path)
    for path in masked(shown, hidden):  # after all that is shown: what is mounted last is what is seen
        argv += _mask(path)
    for mount in ("/dev", "/"):
        argv += ["--remount-ro", mount]
    for name, value in variables(command, resources, SCRATCH).items():
        argv += ["--setenv", name, value]
    argv += ["--chdir", SCRATCH, "--"]
    argv += [tools.setpriv, *become(user), "--no-new-privs", "--"] if user else []
    argv += [*limited(resources, tools.prlimit), *command.argv]
    seen = {str(path): identity(real) for path, real in looked_at.items()}
    return Launch(
        argv=tuple(argv),
        environment={},
        sandboxed=True,
        user=user,
        scratch=SCRATCH,
        remove=None,
        memory=resources.memory,
        seen=seen,
        calls=filter_bytes(),
        code=tuple(code.values()),
        folder=str(next(iter(code)).parent) if code else "",
        warnings=(),
    )


def _alone(tools: Tools, *, nested: bool) -> list[str]:
    """Without anything of the machine's: its own namespaces, and no capability but to become another user."""
    root = os.geteuid() == 0
    argv = [tools.bwrap, "--die-with-parent", "--new-session"]
    # As root no user namespace is made: in one with a single user, the worker could not become another.
    argv += (
        ["--unshare-" + n for n in ("ipc", "pid", "net", "uts", "cgroup-try")] if root else ["--unshare-all"]
    )
    argv += ["--hostname", "worker"] if root else ["--unshare-user", "--hostname", "worker"]
    argv += [] if root or nested else ["--disable-userns"]
    argv += ["--cap-drop", "ALL"]
    if root:  # to become the other user, which ends them
        argv += [a for cap in ("SETUID", "SETGID", "SETPCAP") for a in ("--cap-add", f"CAP_{cap}")]
    argv += ["--proc", "/proc", "--dev", "/dev", "--dev-bind", UNMAPPABLE_ZERO, ZERO]
    return argv


def check_shown(paths: Iterable[Path], refusal: Callable[[Path], str]) -> None:
    """Refuses to show what an environment leads to where that is forbidden. Raises ConfigError."""
    for path in paths:
        real = path.resolve()
        if is_system(real) or real.is_relative_to(WORKERS):
            continue
        if why := refusal(real):
            raise ConfigError(
                f"the model's environment contains a path that a worker may not see: {why}",
                where=str(path),
                fix="correct 'environment' in the model's YAML, or remove the link or path from the "
                "environment",
            )


def masked(shown: Iterable[Path], hidden: Iterable[Path]) -> list[Path]:
    """Where, as the worker sees it, hidden places (with links followed) lie below what is shown."""
    places = [str(place) for place in hidden]  # thousands, at every start
    found: list[Path] = []
    for path in shown:
        if not _is_system_link(path):  # what those lead to is shown, too
            real = f"{path.resolve()}/"
            found += [path / place.removeprefix(real) for place in places if place.startswith(real)]
    return [path for path in dict.fromkeys(found) if os.path.exists(path)]  # noqa: PTH110 - or may not be seen


def _mask(path: Path) -> list[str]:
    if path.is_dir():
        return ["--perms", "0555", "--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
    return ["--ro-bind", "/dev/null", str(path)]


def _tmpfs(path: str, size: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size), "--tmpfs", path]


def _system() -> list[Path]:
    return [Path(p) for p in (*SYSTEM_FOLDERS, *PUBLIC_SETTINGS) if Path(p).exists()]


def _in_order(paths: Sequence[Path]) -> list[Path]:
    """Outer folders first (a later mount hides what lies under it); what is inside another is left out."""
    shown: list[Path] = []
    for path in sorted(set(paths), key=lambda p: len(p.parts)):
        if not any(path.is_relative_to(outer) and not outer.is_symlink() for outer in shown):
            shown.append(path)
    return shown


def _show(path: Path) -> list[str]:
    if _is_system_link(path):
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)]


def _is_system_link(path: Path) -> bool:
    return str(path) in SYSTEM_FOLDERS and path.is_symlink()
