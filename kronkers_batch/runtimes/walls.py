"""Which of the sandbox's walls stand on this machine, for ``kronkers doctor``."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.runtimes.sandbox import SandboxState, sandbox_state
from kronkers_batch.runtimes.seccomp import confine_this_thread, own_session_keyring

CGROUPS = Path("/sys/fs/cgroup")
ACCOUNT = (
    "start the service as root (a unit without User=), which gives each worker another user; or give it an "
    "account of its own that owns nothing but its key and the project's var/"
)


@dataclass(frozen=True)
class Wall:
    """One wall: whether it stands, what was found, and how to mend it."""

    name: str
    stands: bool
    found: str
    fix: str = ""


def walls() -> list[Wall]:
    """All walls but the sandbox itself, which :func:`sandbox_state` tries."""
    state = sandbox_state()
    return [_user(), _namespaces(state), _calls(), _keyring(), _memory()]


def bubblewrap_version(state: SandboxState) -> str:
    """As ``bwrap --version`` says it; empty where there is none."""
    if not state.tools.bwrap:
        return ""
    said = subprocess.run([state.tools.bwrap, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"\d[\d.]*", said)
    return found[0] if found else ""


def _user() -> Wall:
    if os.geteuid() == 0:
        return Wall("workers' user", True, "another for each worker, and nobody's")
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        name = str(os.geteuid())
    return Wall(
        "workers' user",
        False,
        f"{name}, as this program and its key: only the walls are between them",
        ACCOUNT,
    )


def _namespaces(state: SandboxState) -> Wall:
    name = "namespaces in workers"
    if os.geteuid() == 0 or not state.nested:
        return Wall(name, state.works, "forbidden" if state.works else "no sandbox", state.fix)
    return Wall(
        name,
        False,
        f"bubblewrap {bubblewrap_version(state)} cannot forbid them here; the filter of system calls does",
        "install bubblewrap 0.8 or later",
    )


def _calls() -> Wall:
    filtered = _in_thread(confine_this_thread)
    return Wall(
        "system calls of workers",
        filtered,
        "filtered: no sockets, keyrings, tracing, namespaces or mounts" if filtered else "not filtered",
        "" if filtered else "use a kernel with CONFIG_SECCOMP_FILTER on x86_64 or aarch64",
    )


def _keyring() -> Wall:
    own = _in_thread(own_session_keyring)
    found = "one of its own" if own else "not to be had here (a container's profile may forbid it)"
    fix = "allow the call keyctl in the container's profile; workers cannot make it themselves in any case"
    return Wall("session keyring of workers", own, found, "" if own else fix)


def _memory() -> Wall:
    bound = memory_of_group()
    watched = "resources.memory holds for a worker's processes together, watched 5 times a second"
    if bound:
        return Wall(
            "memory of workers", True, f"{watched}; the machine's limit for all of them: {bound:,} bytes"
        )
    return Wall(
        "memory of workers",
        True,
        f"{watched}; nothing bounds what the kernel holds for them",
        "set MemoryMax= for the service (systemd), or --memory for the container",
    )


def memory_of_group(groups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Bytes that this process's control groups allow it and its workers; 0 where they set no limit.

    Args:
        groups: Where control groups are mounted.
        own: The file that says which of them are this process's.
    """
    found = []
    for line in own.read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        inside = Path(path.lstrip("/"))
        if number == "0":  # the second version: the nearest limit above counts, too
            places = [groups / above / "memory.max" for above in (inside, *inside.parents)]
        elif "memory" in controllers.split(","):
            places = [groups / "memory" / inside / "memory.limit_in_bytes"]
        else:
            continue
        for place in places:
            text = place.read_text().strip() if place.is_file() else "max"
            if text.isdigit() and int(text) < 2**60:  # the first version says "none" by a huge number
                found.append(int(text))
    return min(found, default=0)


def _in_thread(ask: Callable[[], bool]) -> bool:
    """What a thread of its own finds out, which then ends: it could do nothing else afterwards."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result()
