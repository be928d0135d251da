"""One worker's operating-system process: started, listened to, and ended with all that it started."""

from __future__ import annotations

import contextlib
import fcntl
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
from kronkers_batch.runtimes.protocol import PIPE_BYTES, Channel
from kronkers_batch.runtimes.sandbox import Launch

KEPT_OUTPUT = 2**20
"""Bytes of a worker's own output that are passed on; the rest is read, counted and dropped."""
KEPT_LINE = 4096

_starter = ThreadPoolExecutor(1, thread_name_prefix="worker-starter")


def _new_starter() -> None:
    global _starter  # a forked child has the object, but not its thread
    _starter = ThreadPoolExecutor(1, thread_name_prefix="worker-starter")


os.register_at_fork(after_in_child=_new_starter)


class Process:
    """A started worker with its channel.

    Args:
        launch: How to start it.
        say: Gets each line of its standard output and error, bounded; called from another thread.
        note: Gets what this class itself has to say of that output, which holds nothing of it.
        fix: How to install the interpreter, if the start fails for want of it.
    """

    def __init__(
        self, launch: Launch, say: Callable[[str], None], note: Callable[[str], None], fix: str
    ) -> None:
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
        start = partial(
            subprocess.Popen[bytes],
            [*launch.argv, f"/dev/fd/{command_read}", f"/dev/fd/{answer_write}"],
            env=dict(launch.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(command_read, answer_write),
            start_new_session=True,
            cwd="/",
            umask=0o022,  # of the worker's own scratch, where ours could leave it nothing to open
        )
        try:
            # The kernel ends the worker with the thread that started it, so that thread stays.
            self._popen = _starter.submit(start).result()
        except OSError as error:
            self.channel.close()
            self._remove()
            raise MissingPart(
                f"the worker does not start: {os.strerror(error.errno or 0)}", fix=fix
            ) from None
        finally:
            os.close(command_read)
            os.close(answer_write)
        self._listener = threading.Thread(target=self._listen, args=(say, note), daemon=True)
        self._listener.start()

    def _listen(self, say: Callable[[str], None], note: Callable[[str], None]) -> None:
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
            note(f"(and {dropped:,} more bytes of output)")

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
        with contextlib.suppress(ProcessLookupError):  # the whole group has ended already
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        self.channel.close()
        self._listener.join(2)
        self._remove()

    def _remove(self) -> None:
        if self._launch.remove is not None:
            shutil.rmtree(self._launch.remove, ignore_errors=True)
