"""A model's code that tries every door of the sandbox, in each language; none of them opens.

All of it aims at files of the test's own folder, so that it does no harm where a defence is missing.
"""

from __future__ import annotations

import errno
import subprocess
from typing import Any

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.errors import WorkerFailed
from kronkers_batch.runtimes import process, seccomp

CLONE_NEWUSER, SIGCHLD = 0x10000000, 17
SHUT = {errno.EPERM, errno.ENOSYS, errno.EACCES, errno.ESRCH}
"""What a refused system call is answered. EFAULT, for a wrong pointer, means that it got through."""


def number(name: str) -> int:
    machine = seccomp.architecture()
    assert machine is not None
    table = {
        **seccomp.REFUSED,
        **seccomp.ABSENT,
        "socketpair": (53, 199),
        "ioctl": (16, 29),
        "mmap": (9, 222),
    }
    table |= {"clone": (56, 220), "personality": (135, 92), "kill": (62, 129)}
    found = table[name][machine.index]
    assert found is not None
    return found


CALLS: dict[str, tuple[str, list[int]]] = {
    "a socket of the internet": ("socket", [2, 1, 0]),
    "a socket between programs": ("socket", [1, 1, 0]),
    "a socket to the kernel": ("socket", [16, 3, 0]),
    "a socket of the kernel's ciphers": ("socket", [38, 5, 0]),
    "a socket to the host of a virtual machine": ("socket", [40, 1, 0]),
    "a pair of datagram sockets": ("socketpair", [1, 2, 0, 0]),
    "the session keyring": ("keyctl", [0, -3, 0]),
    "a keyring of its own": ("keyctl", [1, 0]),
    "a key left for the next": ("add_key", [0, 0, 0, 0, -3]),
    "a key taken": ("request_key", [0, 0, 0, -3]),
    "tracing": ("ptrace", [0, 0, 0, 0]),
    "another's memory": ("process_vm_readv", [1, 0, 0, 0, 0, 0]),
    "another's descriptors": ("pidfd_getfd", [0, 0, 0]),
    "a user namespace": ("unshare", [CLONE_NEWUSER]),
    "a user namespace for a child": ("clone", [CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0]),
    "a namespace by the newer call": ("clone3", [0, 88]),
    "another's namespace": ("setns", [0, CLONE_NEWUSER]),
    "a mount": ("mount", [0, 0, 0, 0, 0]),
    "a file by its handle": ("open_by_handle_at", [-100, 0, 0]),
    "a program in the kernel": ("bpf", [0, 0, 0]),
    "the kernel's counters": ("perf_event_open", [0, 0, -1, -1, 0]),
    "the kernel's rings": ("io_uring_setup", [1, 0]),
    "page faults": ("userfaultfd", [0]),
    "memory that is no process's": ("memfd_create", [0, 0]),
    "shared memory that outlives it": ("shmget", [0, 4096, 0o1600]),
    "semaphores that outlive it": ("semget", [0, 32000, 0o1600]),
    "the machine's queues for files": ("io_setup", [1, 0]),
    "memory that stays when it is no longer mapped": ("mmap", [0, 4096, 3, 0x21, -1, 0]),
    "pages that the machine keeps ready": ("mmap", [0, 2**21, 3, 0x40022, -1, 0]),
    "addresses that are not random": ("personality", [0x0040000]),
    "typing into a terminal": ("ioctl", [0, 0x5412, 0]),
}


def doors(lab: Any, bystander: int) -> dict[str, dict[str, Any]]:
    """By name; the paths are of the test's own folder but for those of /proc and /dev."""
    key, outside = lab.folder / "config" / "identity.key", lab.folder / "outside"
    for folder in (key.parent, outside):
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
    key.write_text("secret")
    found: dict[str, dict[str, Any]] = {
        name: {"kind": "call", "of": [number(call), *arguments]} for name, (call, arguments) in CALLS.items()
    }
    # The numbers of the machine's processes are nobody's inside.
    found["a signal to another process"] = {"kind": "call", "of": [number("kill"), bystander, 0]}
    read = {
        "a key": str(key),
        "a key through the first process": f"/proc/1/root{key}",
        "another's environment": f"/proc/{bystander}/environ",
        "another's memory, as a file": f"/proc/{bystander}/mem",
        "the memory of the first process": "/proc/1/maps",
        "the memory of the first process, by its thread": "/proc/1/task/1/maps",
        "the names of keys": "/proc/keys",
        "the machine's memory": "/dev/mem",
        "virtual machines": "/dev/kvm",
    }
    write = {
        "a file beside the model": str(lab.place("doors").with_name("new")),
        "a file elsewhere": str(outside / "new"),
        "a file elsewhere, through the first process": f"/proc/1/root{outside}/new",
    }
    found |= {name: {"kind": "read", "of": path} for name, path in read.items()}
    found |= {name: {"kind": "write", "of": path} for name, path in write.items()}
    run = {
        "unshare": ["unshare", "-Ur", "true"],
        "mount": ["mount", "-t", "tmpfs", "none", "/tmp"],
        "su": ["su", "-s", "/bin/true", "-c", "true"],
        "nsenter": ["nsenter", "-t", "1", "-m", "true"],
    }
    return found | {name: {"kind": "run", "of": words} for name, words in run.items()}


def opened(fitted: Any, tried: dict[str, dict[str, Any]], **changes: Any) -> list[str]:
    worker = fitted("doors", parameters={"doors": list(tried.values())}, **changes)
    answers = worker.score(pl.DataFrame({"x": [0.0] * len(tried)}))["score"].to_list()
    return [
        f"{name} ({answer:g})"
        for (name, door), answer in zip(tried.items(), answers, strict=True)
        if answer == 0 or (door["kind"] == "call" and answer not in SHUT)
    ]


@pytest.fixture
def bystander():
    with subprocess.Popen(["sleep", "100"]) as found:
        yield found.pid
        found.kill()


def test_no_door_opens(lab, fitted, bystander):
    assert opened(fitted, doors(lab, bystander)) == []


def test_without_bubblewrap_no_call_gets_through(lab, fitted, bystander):
    tried = {name: door for name, door in doors(lab, bystander).items() if name in CALLS}
    assert opened(fitted, tried, sandbox=SandboxPolicy.OFF) == []


def test_without_bubblewrap_and_filter_they_do(lab, fitted, bystander, open_folder, monkeypatch):
    """What shows that the code tries in earnest."""
    monkeypatch.setattr(process, "_confine_bare_workers", lambda: None)
    monkeypatch.setattr(process, "_starting", process._starters())
    tried = doors(lab, bystander)
    harmless = {"a socket of the internet", "a socket between programs", "memory that is no process's"}
    chosen = {name: tried[name] for name in harmless}
    open_folder.chmod(0o777)  # a worker without a sandbox may be another user
    chosen["a file elsewhere"] = {"kind": "write", "of": str(open_folder / "new")}
    found = {name.rpartition(" (")[0] for name in opened(fitted, chosen, sandbox=SandboxPolicy.OFF)}
    assert found == set(chosen)


def hold(children: int, file: int = 0) -> dict[str, Any]:
    """Children with 100 MB each, and a file of so many MB in the scratch, for a second."""
    child = "perl -e 'vec($x, 100e6, 8) = 1; sleep 1' &"
    script = f"head -c {file}000000 /dev/zero > /tmp/held && {{ {child * children} wait; }}"
    return {"many": {"kind": "run", "of": ["sh", "-c", script]}}


def empty_files(count: int) -> dict[str, Any]:
    """So many files without a byte: what the kernel holds for each is memory, too."""
    script = f'open(F, ">/tmp/$_") or die for 1..{count}; sleep 1'
    return {"many": {"kind": "run", "of": ["perl", "-e", script]}}


@pytest.mark.parametrize("lab", [LANGUAGES["r"]], ids=["one for all"], indirect=True)
def test_all_processes_of_a_worker_and_its_files_in_memory_are_bounded_together(lab, fitted):
    """Each of them alone, and each kind alone, stays below the limit. The watch is one for all languages."""
    memory = 400 * 2**20
    assert opened(fitted, hold(children=3), memory=memory) == ["many (0)"]
    assert opened(fitted, empty_files(20_000), memory=memory) == ["many (0)"]
    for tried in (hold(children=20), hold(children=3, file=150), empty_files(400_000)):
        with pytest.raises(WorkerFailed, match=r"took more than 400 MiB together") as error:
            opened(fitted, tried, memory=memory)
        assert "raise resources.memory" in error.value.fix
