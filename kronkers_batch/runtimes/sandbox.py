"""Where a worker runs: in bubblewrap, or with limits alone where that is allowed.

In the sandbox a worker has no network, sees only its interpreter, its libraries and its model's files, all
of it read-only, and writes only to a private scratch in memory. Its environment is empty but for what is set
here. See :mod:`~kronkers_batch.runtimes.bubblewrap` for the walls,
:mod:`~kronkers_batch.runtimes.seccomp` for the system calls, and
:mod:`~kronkers_batch.runtimes.watch` for its memory.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Resources
from kronkers_batch.errors import MissingPart, WorkerFailed
from kronkers_batch.runtimes.bubblewrap import Tools, bubblewrap
from kronkers_batch.runtimes.languages import MIB, Command
from kronkers_batch.runtimes.launch import Launch, opened
from kronkers_batch.runtimes.limits import become, free_user, limited, variables

INSTALL = "install it with: sudo apt-get install bubblewrap util-linux"
ALLOW = (
    "allow unprivileged user namespaces on this machine (sysctl user.max_user_namespaces; in a container, "
    "in its security profile); or write executor.sandbox: prefer, which runs models without a sandbox"
)


@dataclass(frozen=True)
class SandboxState:
    """What this machine offers: the programs, whether the sandbox works, and if not, why.

    ``nested`` says that a worker could make user namespaces but for the filter of calls: bubblewrap cannot
    forbid them here.
    """

    tools: Tools
    works: bool
    problem: str
    nested: bool = False

    @property
    def fix(self) -> str:
        """The command that mends it; empty where it works."""
        return "" if self.works else ALLOW if all(self.tools) else INSTALL

    def describe(self) -> str:
        """One line for a person."""
        return f"{self.tools.bwrap} works" if self.works else self.problem


@functools.cache
def sandbox_state() -> SandboxState:
    """Tries the sandbox once in a process, with all that a worker gets."""
    tools = Tools(*(shutil.which(name) or "" for name in Tools._fields))
    missing = [name for name, path in zip(Tools._fields, tools, strict=True) if not path]
    if missing:
        return SandboxState(tools, False, ", ".join(missing) + " is not installed")
    nested, problem = False, _tried(tools, nested=False)
    if problem and not _tried(tools, nested=True):  # before bubblewrap 0.8, and where /proc/sys is read-only
        nested, problem = True, ""
    return SandboxState(tools, not problem, problem, nested)


def _tried(tools: Tools, *, nested: bool) -> str:
    """What is wrong with the sandbox; empty where it works."""
    launch = bubblewrap(Command(("/usr/bin/env", "true"), ()), {}, Resources(), tools, nested=nested)
    try:
        with opened(launch) as (argv, kept):
            done = subprocess.run(
                argv, env={}, capture_output=True, timeout=20, stdin=subprocess.DEVNULL, pass_fds=kept
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start: {type(error).__name__}"
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return "" if done.returncode == 0 else said[-1] if said else f"it ended with {done.returncode}"


def launch(
    command: Command,
    code: Mapping[Path, bytes],
    resources: Resources,
    policy: SandboxPolicy,
    hidden: Iterable[Path] = (),
) -> Launch:
    """How to start ``command`` under ``policy``.

    Args:
        command: The language's worker.
        code: The model's files, by where the sandbox shows them, first its code file; without a sandbox they
            lie in the worker's scratch.
        resources: Its limits.
        policy: ``require``, ``prefer`` or ``off``.
        hidden: Places that are masked where they lie below something that is shown.

    Raises:
        MissingPart: The sandbox is required, but does not work here.
        WorkerFailed: The declared memory is too little for the language to start.
    """
    if resources.memory < command.minimum_memory:
        raise WorkerFailed(
            f"resources.memory is {resources.memory // MIB:,} MiB, and this language needs at "
            f"least {command.minimum_memory // MIB:,} MiB",
            fix=f"raise resources.memory to {command.minimum_memory // MIB:,} MiB or more",
        )
    state = sandbox_state()
    tools = state.tools
    if policy is not SandboxPolicy.OFF and state.works:
        return bubblewrap(command, code, resources, tools, hidden=hidden, nested=state.nested)
    if policy is SandboxPolicy.REQUIRE:
        raise MissingPart(
            f"workers must run in the sandbox, which does not work here: {state.problem}",
            fix=state.fix,
        )
    if not (tools.setpriv and tools.prlimit):
        raise MissingPart("setpriv or prlimit is not installed", fix=INSTALL)
    why = state.problem if policy is SandboxPolicy.PREFER else "executor.sandbox is off"
    return _limits_only(command, code, resources, tools, why)


# ---------------------------------------------------------------- without bubblewrap


def _limits_only(
    command: Command, code: Mapping[Path, bytes], resources: Resources, tools: Tools, why: str
) -> Launch:
    """Limits, the filter of calls, a clean environment and, from root, another user: no walls for files."""
    warnings = [f"NOT SANDBOXED ({why}): the model's code can read this machine's files"]
    user = free_user() if os.geteuid() == 0 else None
    if user and not all(_readable_by_all(path) for path in command.visible):
        user = None
        warnings.append("it runs as root: another user could not read its interpreter")
    memory = Path("/dev/shm")  # noqa: S108 - in memory, so nothing of the model lies on a disk
    scratch = Path(tempfile.mkdtemp(prefix="worker-", dir=memory if memory.is_dir() else None))
    if user:
        os.chown(scratch, user, user)
    folder = _laid_out(code, scratch / "kronkers-code") if code else ""
    argv = [tools.setpriv, "--pdeathsig", "KILL", *(become(user) if user else []), "--no-new-privs", "--"]
    argv += [*limited(resources, tools.prlimit), *command.argv]
    return Launch(
        argv=tuple(argv),
        environment=variables(command, resources, str(scratch)),
        sandboxed=False,
        user=user,
        scratch=str(scratch),
        remove=scratch,
        memory=resources.memory,
        seen={},
        calls=b"",
        code=(),
        folder=folder,
        warnings=tuple(warnings),
    )


def _laid_out(code: Mapping[Path, bytes], folder: Path) -> str:
    """Writes the model's files into the scratch, which is in memory; returns the folder of the first one."""
    above = next(iter(code)).parent
    for path, raw in code.items():
        place = folder / path.relative_to(above)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw)
        place.chmod(0o444)
    for inner in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        inner.chmod(0o755)  # whatever our umask is: the worker may be another user
    return str(folder)


def _readable_by_all(path: Path) -> bool:
    real = path.resolve()
    mode = real.stat().st_mode
    above = all(p.stat().st_mode & 0o001 for p in real.parents)
    return above and bool(mode & 0o004) and (not real.is_dir() or bool(mode & 0o001))
