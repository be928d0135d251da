"""A command that dies by SIGKILL right after its n-th durable step: a commit, a rename, a new key file.

``python -m tests.faults.crashing NUMBER WORD...`` runs ``kronkers WORD...`` and kills its process group after
that step. With 0 nothing is killed, and the last line of its errors says how many steps there were.
"""

from __future__ import annotations

import atexit
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from tests.e2e.company import ROOT, Project

STEPS = "durable steps: "


class Steps:
    """Counts durable steps, whichever thread makes them, and dies after one of them."""

    def __init__(self, last: int) -> None:
        self._last, self._lock = last, threading.Lock()
        self._changes: dict[int, int] = {}
        self.count = 0

    def after(self, function: Callable[..., Any], counts: Callable[..., bool]) -> Callable[..., Any]:
        """The function, which makes a step where ``counts`` says so of its arguments."""

        @functools.wraps(function)
        def counted(*args: Any, **named: Any) -> Any:
            with self._lock:
                result = function(*args, **named)
                if counts(*args):
                    self.count += 1
                    if self.count == self._last:
                        os.killpg(0, signal.SIGKILL)
                return result

        return counted

    def wrote(self, _dialect: object, connection: Any) -> bool:
        """Whether a commit had anything to commit."""
        raw = getattr(connection, "dbapi_connection", connection)
        before = self._changes.get(id(raw), 0)
        self._changes[id(raw)] = raw.total_changes
        return raw.total_changes != before


def main() -> None:
    """Run the command line, and count."""
    from sqlalchemy.engine.default import DefaultDialect

    from kronkers_batch import private
    from kronkers_batch.cli.main import entry

    steps = Steps(int(sys.argv.pop(1)))
    DefaultDialect.do_commit = steps.after(DefaultDialect.do_commit, steps.wrote)  # type: ignore[method-assign]
    for module, names in ((os, ("rename", "replace", "link")), (private, ("create",))):
        for name in names:
            setattr(module, name, steps.after(getattr(module, name), lambda *_: True))
    atexit.register(lambda: print(f"{STEPS}{steps.count}", file=sys.stderr))
    entry()


def crashed(project: Project, step: int, *words: str) -> int:
    """Runs a command of a project and kills it after a step; with 0, returns how many steps there are."""
    command = [sys.executable, "-m", "tests.faults.crashing", str(step), *words]
    done = subprocess.run(
        [*command, "--conf", str(project.folder / "conf")],
        cwd=ROOT,
        env=project.environment() | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        capture_output=True,
        text=True,
    )
    assert done.returncode == (-signal.SIGKILL if step else 0), done.stdout + done.stderr
    return step or int(done.stderr.rpartition(STEPS)[2])


if __name__ == "__main__":
    main()
