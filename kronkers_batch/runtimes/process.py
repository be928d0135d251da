"""One worker's operating-system process: started, listened to, and ended with all that it started."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from kronkers_batch.errors import MissingPart
from kronkers_batch.runtimes.launch import Launch, opened, shown_elsewhere
from kronkers_batch.runtimes.protocol import PIPE_BYTES, Channel
from kronkers_batch.runtimes.seccomp import confine_this_thread, own_session_keyring
from kronkers_batch.runtimes.watch import Family, Watch, processes
from kronkers_batch.store import transaction

KEPT_OUTPUT = 2**20
"""Bytes of a worker's own output that are passed on; the rest is read, counted and dropped."""
KEPT_LINE = 4096


def _starters() -> dict[bool, ThreadPoolExecutor]:
    """The threads that start workers, by whether in bubblewrap; none exists before it is used.

    Those without bubblewrap inherit the filter of system calls from their thread, which can start nothing
    else then.
    """
    return {
        True: ThreadPoolExecutor(1, thread_name_prefix="worker-starter"),
        False: ThreadPoolExecutor(
            1, thread_name_prefix="bare-worker-starter", initializer=_confine_bare_workers
        ),
    }


_bare_workers_are_filtered = False


def _confine_bare_workers() -> None:
    global _bare_workers_are_filtered
    own_session_keyring()  # one for all of them, which they cannot reach: the filter refuses these calls
    _bare_workers_are_filtered = confine_this_thread()


_starting = _starters()


def _new_starters() -> None:
    global _starting  # a forked child has the objects, but not their threads
    _starting = _starters()


os.register_at_fork(after_in_child=_new_starters)


class Process:
    """A started worker with its channel.

    Args:
        launch: How to start it.
        say: Gets each line of its standard output and error, bounded; called from another thread.
        own: Gets what this class itself has to say of that output, which holds nothing of it.
        fix: How to install the interpreter, if the start fails for want of it.
    """

    def __init__(
        self, launch: Launch, say: Callable[[str], None], own: Callable[[str], None], fix: str
    ) -> None:
        transaction.refuse_inside("the start of a worker")
        self._launch = launch
        command_read, command_write = os.pipe2(os.O_CLOEXEC)
        answer_read, answer_write = os.pipe2(os.O_CLOEXEC)
        for descriptor in (command_write, answer_read):
            with contextlib.suppress(
                OSError
            ):  # an unprivileged user's pipes may be used up: slower, not wrong
                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        if launch.user is not None:  # /dev/fd/N opens the pipe anew, and only its owner may
            for descriptor in (command_read, answer_write):
                os.fchown(descriptor, launch.user, launch.user)
        self.channel = Channel(command_write, answer_read)
        self.over_memory = False
        self._reaping = threading.Lock()  # once it is reaped, its number may be another's
        ends = (command_read, answer_write)
        self._info, info = os.pipe2(os.O_CLOEXEC)
        before = processes()
        try:
            with opened(launch, info) as (argv, kept):
                command = [*argv, *(f"/dev/fd/{end}" for end in ends)]
                start = partial(_start, command, dict(launch.environment), (*kept, *ends))
                # The kernel ends the worker with the thread that started it, so that thread stays.
                self._popen = _starting[launch.sandboxed].submit(start).result()
        except OSError as error:
            self._close()
            raise MissingPart(
                f"the worker does not start: {os.strerror(error.errno or 0)}", fix=fix
            ) from None
        finally:
            for end in (*ends, info):
                os.close(end)
        if not (launch.sandboxed or _bare_workers_are_filtered):
            own("NOT FILTERED: it can use the network and every system call; this machine has no filter")
        self._listener = threading.Thread(target=self._listen, args=(say, own), daemon=True)
        try:
            self._listener.start()
            family = Family(self._popen.pid, before)
            self._watch = Watch(family, launch.memory, launch.sandboxed, self._take_too_much)
        except BaseException:  # such as no more threads: a process that nobody watches does not go on
            self._end()
            if self._listener.ident is not None:
                self._listener.join(2)
            self._close()
            raise

    def _take_too_much(self) -> None:
        self.over_memory = True
        self.strike()

    def strike(self) -> None:
        """Kills it and all of its group, and waits for nothing; from any thread."""
        with self._reaping, contextlib.suppress(ProcessLookupError):  # the whole group has ended already
            if self._popen.returncode is None:
                os.killpg(self._popen.pid, signal.SIGKILL)

    def shown_elsewhere(self) -> str:
        """Which place the worker sees otherwise than was decided; asked once it has answered."""
        if not self._launch.seen:
            return ""
        # Bubblewrap says it once it has built the sandbox, before it starts the worker, which has answered.
        inner = json.loads(os.read(self._info, 4096))["child-pid"]
        return shown_elsewhere(inner, self._launch.seen)

    def _listen(self, say: Callable[[str], None], own: Callable[[str], None]) -> None:
        output = self._popen.stdout
        if output is None:
            return
        kept, dropped, rest = 0, 0, b""
        with output:
            while data := os.read(output.fileno(), 2**16):
                if kept >= KEPT_OUTPUT:
                    dropped += len(data)
                    continue
                kept += len(data)
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    say(line[:KEPT_LINE].decode(errors="replace"))
                rest = rest[:KEPT_LINE]
        if rest:
            say(rest.decode(errors="replace"))
        if dropped:
            own(f"(and {dropped:,} more bytes of output)")

    def ended(self, wait: float) -> int | None:
        """Its exit code (128 + N for signal N), waiting at most ``wait`` seconds; None while it runs.

        It is not reaped, so that its number, and its group's, is nobody else's until :meth:`kill`.
        """
        deadline = time.monotonic() + wait
        while True:
            state = os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is not None:
                return state.si_status + (0 if state.si_code == os.CLD_EXITED else 128)
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.005)

    def kill(self) -> None:
        """Ends it and all that it started, whatever they ignore; waits until its output is read."""
        if self._popen.returncode is not None:
            return
        self._watch.stop()
        self._end()
        self._listener.join(2)
        self._close()

    def _end(self) -> None:
        self.strike()
        with self._reaping:
            self._popen.wait()

    def _close(self) -> None:
        self.channel.close()
        if self._info >= 0:
            os.close(self._info)
            self._info = -1
        if self._launch.remove is not None:
            shutil.rmtree(self._launch.remove, ignore_errors=True)


def _start(argv: list[str], environment: dict[str, str], kept: tuple[int, ...]) -> subprocess.Popen[bytes]:
    """Starts a worker from the calling thread, whose session keyring it inherits."""
    own_session_keyring()
    return subprocess.Popen[bytes](
        argv,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=kept,
        start_new_session=True,
        cwd="/",
        umask=0o022,  # of the worker's own scratch, where ours could leave it nothing to open
    )
