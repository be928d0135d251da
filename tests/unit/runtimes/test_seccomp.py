"""The filter's tables against Linux's headers, its program as the kernel would run it, and the keyring."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import struct
import threading
from pathlib import Path

import pytest

from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import Resources
from kronkers_batch.runtimes import process, seccomp
from kronkers_batch.runtimes.languages import Command
from kronkers_batch.runtimes.launch import opened
from kronkers_batch.runtimes.sandbox import launch, sandbox_state

BOTH = list(seccomp.ARCHITECTURES.values())
X86, ARM = BOTH
HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm-generic/unistd.h")
ALLOWED, KILLED = "allowed", "killed"


def answer(machine, number: int, *arguments: int, audit: int | None = None) -> str:
    """What the program says to a call: a small interpreter of the kernel's filter language."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, machine.audit if audit is None else audit, 0, *given)
    code = list(struct.iter_unpack("<HBBI", seccomp.program(machine)))
    at, value = 0, 0
    while True:
        operation, yes, no, k = code[at]
        at += 1
        match operation:
            case 0x20:
                (value,) = struct.unpack_from("<I", data, k)
            case 0x54:
                value &= k
            case 0x15 | 0x25 | 0x35 | 0x45:
                equal, more, bit = value == k, value > k, bool(value & k)
                holds = {0x15: equal, 0x25: more, 0x35: more or equal, 0x45: bit}[operation]
                at += yes if holds else no
            case 0x06:
                kinds = {0x7FFF0000: ALLOWED, 0x80000000: KILLED}
                return kinds.get(k) or errno.errorcode[k & 0xFFFF]
            case _:
                raise AssertionError(f"unknown operation {operation:#x}")


def number(name: str, machine) -> int:
    found = {**seccomp.REFUSED, **seccomp.ABSENT}[name][machine.index]
    assert found is not None
    return found


@pytest.mark.parametrize("machine", BOTH, ids=lambda machine: machine.name)
def test_each_call_of_the_tables_is_refused_and_a_program_fits_the_kernel(machine):
    for table, says in ((seccomp.REFUSED, "EPERM"), (seccomp.ABSENT, "ENOSYS")):
        for name, numbers in table.items():
            if numbers[machine.index] is not None:
                assert answer(machine, numbers[machine.index]) == says, name
    assert len(seccomp.program(machine)) // 8 < 4096


@pytest.mark.parametrize("machine", BOTH, ids=lambda machine: machine.name)
def test_other_architectures_and_unknown_calls(machine):
    other = ARM if machine is X86 else X86
    assert answer(machine, 0, audit=other.audit) == KILLED
    assert answer(machine, 0, audit=0x40000003) == KILLED  # the 32-bit calls of an x86_64
    assert answer(machine, seccomp.NEWEST + 1) == "ENOSYS"
    assert answer(machine, 63) == ALLOWED
    assert answer(X86, 0x40000000 + number("ptrace", X86)) == "ENOSYS"  # x32


def test_calls_that_are_refused_for_some_arguments():
    calls = ((X86, (56, 53, 16, 135, 9)), (ARM, (220, 199, 29, 92, 222)))
    for machine, (clone, pair, ioctl, personality, mmap) in calls:
        threads = 0x3D0F00
        assert answer(machine, clone, threads) == answer(machine, clone, 17) == ALLOWED
        for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000):
            assert answer(machine, clone, threads | flag) == "EPERM"
        assert answer(machine, pair, 1, 1 | 0o2000000, 0) == ALLOWED
        for family, kind in ((1, 2), (1, 5), (2, 1), (40, 1)):
            assert answer(machine, pair, family, kind) == "EPERM"
        assert answer(machine, ioctl, 0, 0x5401) == ALLOWED
        assert answer(machine, ioctl, 0, 0x5412) == answer(machine, ioctl, 0, 2**32 + 0x541C) == "EPERM"
        assert answer(machine, personality, 0xFFFFFFFF) == answer(machine, personality, 0) == ALLOWED
        assert answer(machine, personality, 0x0040000) == "EPERM"
        for private_or_file in (0x22, 0x4022, 0x02, 0x01):
            assert answer(machine, mmap, 0, 4096, 3, private_or_file) == ALLOWED
        for shared_or_huge in (0x21, 0x4021, 0x23, 2**32 + 0x21, 0x40022, 0x40002):
            assert answer(machine, mmap, 0, 4096, 3, shared_or_huge) == "EPERM"


@pytest.mark.parametrize("machine", BOTH, ids=lambda machine: machine.name)
def test_the_numbers_are_those_of_the_headers(machine):
    header = Path(HEADERS[machine.index])
    if not header.is_file():  # a machine without linux-libc-dev: the other tests try the calls themselves
        return
    found = dict(re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text()))
    if "memfd_secret" not in found:
        return
    for name, numbers in {**seccomp.REFUSED, **seccomp.ABSENT}.items():
        assert numbers[machine.index] == (int(found[name]) if name in found else None), name


def test_a_thread_that_is_confined_confines_only_itself_and_what_it_starts():
    said: list[bool] = []

    def inside() -> None:
        said.append(seccomp.confine_this_thread())
        libc = ctypes.CDLL(None, use_errno=True)
        said.append(libc.socket(1, 1, 0) == -1 and ctypes.get_errno() == errno.EPERM)

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert said == [True, True]
    os.close(ctypes.CDLL(None).socket(1, 1, 0))


# ---------------------------------------------------------------- keyrings

FIND = "@a = (KEYCTL, 10, -3); exit(syscall(@a[0], @a[1], @a[2], $ARGV[0], $ARGV[1], 0) == -1 ? 1 : 0)"


@pytest.mark.interpreter
def test_a_worker_finds_nothing_in_the_session_keyring_of_its_starter():
    """The filter is left out, so that the worker may ask; else it could not even do that."""
    machine = seccomp.architecture()
    assert machine is not None
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    name = f"kronkers-test-{os.getpid()}".encode()
    script = FIND.replace("KEYCTL", str(machine.keyctl))
    argv = ("/usr/bin/perl", "-e", script, "user", name.decode())
    made = launch(Command(argv, (), minimum_memory=0), {}, Resources(), SandboxPolicy.REQUIRE)
    bare = [*argv]
    codes: list[int] = []

    def leave_and_start() -> None:
        seccomp.own_session_keyring()  # so that the test leaves nothing in the user's own
        added = number("add_key", machine)
        assert libc.syscall(added, b"user", name, b"secret", ctypes.c_size_t(6), ctypes.c_long(-3)) > 0
        codes.append(os.spawnv(os.P_WAIT, bare[0], bare))
        with process._start(list(made.argv), {}, ()) as found:
            codes.append(found.wait(20))

    thread = threading.Thread(target=leave_and_start)
    thread.start()
    thread.join()
    assert sandbox_state().works
    assert codes == [0, 1]  # whoever inherits it finds it; a worker does not


@pytest.mark.interpreter
def test_the_filter_is_what_the_sandbox_is_tried_with():
    made = launch(Command(("/bin/true",), ()), {}, Resources(), SandboxPolicy.REQUIRE)
    with opened(made) as (argv, kept):
        assert argv[1] == "--seccomp"
        assert os.read(kept[0], 2**16) == seccomp.filter_bytes() != b""
