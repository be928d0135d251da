"""Where a worker runs: in bubblewrap, or with limits alone where that is allowed.

In the sandbox a worker has no network, sees only its interpreter, its libraries and its model's folder, all
of it read-only, and writes only to a private scratch in memory. Its environment is empty but for what is set
here. The command line is built as text, so that it can be read, tested and run by hand.
"""

from __future__ import annotations

import functools
import os
import resource
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kronkers_batch.config.spec import Resources, SandboxPolicy
from kronkers_batch.errors import MissingPart, WorkerFailed
from kronkers_batch.runtimes.languages.base import MIB, SYSTEM_FOLDERS, Command

SCRATCH = "/tmp"  # noqa: S108 - inside the sandbox, where it is private and in memory
SHARED_MEMORY = 64 * MIB
PROCESSES = 256
"""Processes and threads that a worker may have."""

INSTALL = "install it with: sudo apt-get install bubblewrap util-linux"
ALLOW = (
    "allow unprivileged user namespaces on this machine (sysctl user.max_user_namespaces; in a container, "
    "its security profile); executor.sandbox=prefer goes on without a sandbox, and says so"
)
USER_RANGES = (range(1_900_000_000, 2_000_000_000), range(60_000, 65_000))
"""Users that root's workers become: nobody's, and another one for each worker."""


class Tools(NamedTuple):
    """Paths of the programs that build a sandbox, or empty."""

    bwrap: str
    setpriv: str
    prlimit: str


@dataclass(frozen=True)
class SandboxState:
    """What this machine offers: the programs, whether the sandbox works, and if not, why."""

    tools: Tools
    works: bool
    problem: str

    @property
    def fix(self) -> str:
        """The command that mends it; empty where it works."""
        return "" if self.works else ALLOW if all(self.tools) else INSTALL

    def describe(self) -> str:
        """One line for a person."""
        return f"{self.tools.bwrap} works" if self.works else self.problem


@dataclass(frozen=True)
class Launch:
    """How to start one worker.

    Attributes:
        argv: The whole command line, without the two pipes' paths.
        environment: Of the first process; empty for bubblewrap.
        sandboxed: Whether it is bubblewrap.
        user: Whose the pipes must be, where root starts a worker; else None.
        scratch: The worker's own writable folder, as the worker sees it.
        remove: A folder to remove when the worker has ended, or None.
        warnings: What is weaker than it should be; to be said loudly.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    sandboxed: bool
    user: int | None
    scratch: str
    remove: Path | None
    warnings: tuple[str, ...]


@functools.cache
def sandbox_state() -> SandboxState:
    """Tries the sandbox once in a process, with all that a worker gets."""
    tools = Tools(*(shutil.which(name) or "" for name in Tools._fields))
    missing = [name for name, path in zip(Tools._fields, tools, strict=True) if not path]
    if missing:
        return SandboxState(tools, False, ", ".join(missing) + " is not installed")
    launch = _bubblewrap(Command(("/usr/bin/env", "true"), ()), None, Resources(), tools)
    try:
        done = subprocess.run(launch.argv, env={}, capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired) as error:
        return SandboxState(tools, False, f"bubblewrap does not start: {type(error).__name__}")
    said = done.stderr.decode(errors="replace").strip().splitlines()
    problem = "" if done.returncode == 0 else said[-1] if said else f"it ended with {done.returncode}"
    return SandboxState(tools, done.returncode == 0, problem)


def launch(command: Command, folder: Path | None, resources: Resources, policy: SandboxPolicy) -> Launch:
    """How to start ``command`` under ``policy``.

    Args:
        command: The language's worker.
        folder: The model's folder, or a single file; None without one.
        resources: Its limits.
        policy: ``require``, ``prefer`` or ``off``.

    Raises:
        MissingPart: The sandbox is required, but does not work here.
        WorkerFailed: The declared memory is too little for the language to start.
    """
    if resources.memory < command.minimum_memory:
        raise WorkerFailed(
            f"resources.memory is {resources.memory // MIB:,} MiB, and this language does not start reliably "
            f"below {command.minimum_memory // MIB:,} MiB",
            fix=f"raise resources.memory to {command.minimum_memory // MIB:,} MiB or more",
        )
    state = sandbox_state()
    tools = state.tools
    if policy is not SandboxPolicy.OFF and state.works:
        return _bubblewrap(command, folder, resources, tools)
    if policy is SandboxPolicy.REQUIRE:
        raise MissingPart(
            f"workers must run in the sandbox, which does not work here: {state.problem}",
            fix=state.fix,
        )
    if not (tools.setpriv and tools.prlimit):
        raise MissingPart("setpriv or prlimit is not installed", fix=INSTALL)
    why = state.problem if policy is SandboxPolicy.PREFER else "executor.sandbox is off"
    return _limits_only(command, folder, resources, tools, why)


# ---------------------------------------------------------------- bubblewrap


def _bubblewrap(command: Command, folder: Path | None, resources: Resources, tools: Tools) -> Launch:
    root = os.geteuid() == 0
    user = _free_user() if root else None
    argv = [tools.bwrap, "--die-with-parent", "--new-session"]
    # As root no user namespace is made: in one with a single user, the worker could not become another.
    argv += (
        ["--unshare-" + n for n in ("ipc", "pid", "net", "uts", "cgroup-try")] if root else ["--unshare-all"]
    )
    argv += ["--hostname", "worker"] if root else ["--unshare-user", "--hostname", "worker"]
    argv += ["--cap-drop", "ALL"]
    if root:  # to become the other user, which ends them
        argv += [a for cap in ("SETUID", "SETGID", "SETPCAP") for a in ("--cap-add", f"CAP_{cap}")]
    argv += ["--proc", "/proc", "--dev", "/dev"]
    argv += _tmpfs("/dev/shm", SHARED_MEMORY)  # noqa: S108 - inside
    argv += _tmpfs(SCRATCH, scratch_size(resources))
    shown = _in_order([*_system(), *command.visible, *([folder] if folder else [])])
    for above in sorted({parent for path in shown for parent in path.parents} - {Path("/"), Path(SCRATCH)}):
        if not any(above.is_relative_to(path) for path in shown):
            argv += ["--perms", "0755", "--dir", str(above)]  # else only root could pass through
    for path in shown:
        argv += _show(path)
    for mount in ("/dev", "/"):
        argv += ["--remount-ro", mount]
    for name, value in _variables(command, resources, SCRATCH).items():
        argv += ["--setenv", name, value]
    argv += ["--chdir", SCRATCH, "--"]
    argv += [tools.setpriv, *_user(user), "--no-new-privs", "--"] if user else []
    argv += [*_limits(resources, tools.prlimit), *command.argv]
    return Launch(tuple(argv), {}, True, user, SCRATCH, None, ())


def scratch_size(resources: Resources) -> int:
    """Bytes of the private scratch: room to store a model, and no way around the limit of memory."""
    return max(resources.memory // 2, 64 * MIB)


def _tmpfs(path: str, size: int) -> list[str]:
    return ["--perms", "1777", "--size", str(size), "--tmpfs", path]


def _system() -> list[Path]:
    return [Path(p) for p in (*SYSTEM_FOLDERS, "/etc/alternatives", "/etc/ld.so.cache") if Path(p).exists()]


def _in_order(paths: Sequence[Path]) -> list[Path]:
    """Outer folders first (a later mount hides what lies under it); what is inside another is left out."""
    shown: list[Path] = []
    for path in sorted(set(paths), key=lambda p: len(p.parts)):
        if not any(path.is_relative_to(outer) and not outer.is_symlink() for outer in shown):
            shown.append(path)
    return shown


def _show(path: Path) -> list[str]:
    if str(path) in SYSTEM_FOLDERS and path.is_symlink():
        return ["--symlink", str(path.readlink()), str(path)]
    return ["--ro-bind", str(path), str(path)]


def _user(user: int) -> list[str]:
    who = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    return [*who, "--bounding-set=-all", "--inh-caps=-all"]


def _limits(resources: Resources, prlimit: str) -> list[str]:
    threads = 0 if os.geteuid() == 0 else _threads_of_user(os.getuid())
    wanted = {
        "as": (resource.RLIMIT_AS, resources.memory),
        "nproc": (resource.RLIMIT_NPROC, PROCESSES + threads),
        "fsize": (resource.RLIMIT_FSIZE, scratch_size(resources)),
        "core": (resource.RLIMIT_CORE, 0),
    }
    argv = [prlimit]
    for name, (kind, value) in wanted.items():
        hard = resource.getrlimit(kind)[1]  # a limit above what this process may set would be refused
        argv.append(f"--{name}={value if hard == resource.RLIM_INFINITY else min(value, hard)}")
    return [*argv, "--"]


def _threads_of_user(user: int) -> int:
    """Before Linux 5.14 the limit counts all of the user's threads on the machine, not just the worker's."""
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == user:
                    count += len(os.listdir(entry / "task"))  # noqa: PTH208 - no Path object a thread
            except OSError:
                continue  # it ended meanwhile
    return count


def _free_user() -> int:
    """A user id that is nobody's, and that exists in this (perhaps container's) user namespace."""
    mapped = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for users in USER_RANGES:
        if any(first <= users.start and users.stop <= first + size for first, _, size in mapped):
            return users.start + secrets.randbelow(len(users))
    return 65_534


def _variables(command: Command, resources: Resources, scratch: str) -> dict[str, str]:
    threads = str(resources.threads)
    common = {
        "HOME": scratch,
        "TMPDIR": scratch,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "USER": "worker",
        "LOGNAME": "worker",
        "MALLOC_MMAP_THRESHOLD_": str(32 * MIB),  # a chunk gets the last one's pages: 0.1 s a million rows
        "MALLOC_TRIM_THRESHOLD_": str(256 * MIB),
        "MALLOC_ARENA_MAX": "2",  # else each thread takes 64 MiB of the address space
        "LOKY_MAX_CPU_COUNT": threads,
    }
    pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "RAYON")
    common.update({f"{pool}_NUM_THREADS": threads for pool in pools}, POLARS_MAX_THREADS=threads)
    return {**common, **command.environment}


# ---------------------------------------------------------------- without bubblewrap


def _limits_only(
    command: Command, folder: Path | None, resources: Resources, tools: Tools, why: str
) -> Launch:
    """Limits, a clean environment and, from root, another user: no walls around files or network."""
    warnings = [f"NOT SANDBOXED ({why}): the model's code can use the network and read this machine's files"]
    user = _free_user() if os.geteuid() == 0 else None
    if user and not all(_readable_by_all(p) for p in (*command.visible, *([folder] if folder else []))):
        user = None
        warnings.append("it runs as root: another user could not read its interpreter or the model's folder")
    memory = Path("/dev/shm")  # noqa: S108 - in memory, so nothing of the model lies on a disk
    scratch = Path(tempfile.mkdtemp(prefix="worker-", dir=memory if memory.is_dir() else None))
    if user:
        os.chown(scratch, user, user)
    argv = [tools.setpriv, "--pdeathsig", "KILL", *(_user(user) if user else []), "--no-new-privs", "--"]
    argv += [*_limits(resources, tools.prlimit), *command.argv]
    variables = _variables(command, resources, str(scratch))
    return Launch(tuple(argv), variables, False, user, str(scratch), scratch, tuple(warnings))


def _readable_by_all(path: Path) -> bool:
    real = path.resolve()
    mode = real.stat().st_mode
    above = all(p.stat().st_mode & 0o001 for p in real.parents)
    return above and bool(mode & 0o004) and (not real.is_dir() or bool(mode & 0o001))
