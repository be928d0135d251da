"""What holds for a worker with and without bubblewrap: limits, another user, a clean environment."""

from __future__ import annotations

import os
import resource
import secrets
from pathlib import Path

from kronkers_batch.config.spec import Resources
from kronkers_batch.runtimes.languages import MIB, Command

PROCESSES = 256
"""Processes and threads that a worker may have."""
FILES = 4096
"""Files that each of them may have open: the kernel's memory for an open file is in no other limit."""
CORE = 1
"""Bytes of a core: no file is that small, and a program that is piped the core is not even started, as it
would be with 0."""
USER_RANGES = (range(1_900_000_000, 2_000_000_000), range(60_000, 65_000))
"""Users that root's workers become: nobody's, and another one for each worker."""


def scratch_size(resources: Resources) -> int:
    """Bytes of the private scratch: room to store a model, and no way around the limit of memory."""
    return max(resources.memory // 2, 64 * MIB)


def become(user: int) -> list[str]:
    """Options of setpriv that make a process this user, without groups and capabilities."""
    who = ["--reuid", str(user), "--regid", str(user), "--clear-groups"]
    return [*who, "--bounding-set=-all", "--inh-caps=-all"]


def limited(resources: Resources, prlimit: str) -> list[str]:
    """The start of a command line that sets the limits of each of the worker's processes."""
    threads = 0 if os.geteuid() == 0 else _threads_of_user(os.getuid())
    wanted = {
        "as": (resource.RLIMIT_AS, resources.memory),
        "nproc": (resource.RLIMIT_NPROC, PROCESSES + threads),
        "fsize": (resource.RLIMIT_FSIZE, scratch_size(resources)),
        "nofile": (resource.RLIMIT_NOFILE, FILES),
        "core": (resource.RLIMIT_CORE, CORE),
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
    # A process that holds keys is not dumpable, so that its folder is root's: ours is not among them.
    own = Path("/proc/self/task")
    return count if own.stat().st_uid == user else count + len(os.listdir(own))  # noqa: PTH208


def free_user() -> int:
    """A user id that is nobody's, and that exists in this (perhaps container's) user namespace."""
    mapped = [tuple(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    for users in USER_RANGES:
        if any(first <= users.start and users.stop <= first + size for first, _, size in mapped):
            return users.start + secrets.randbelow(len(users))
    return 65_534


def variables(command: Command, resources: Resources, scratch: str) -> dict[str, str]:
    """The worker's whole environment."""
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
