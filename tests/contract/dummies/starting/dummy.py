"""How the workers of the dummy language are started: Python's, with a worker file that says another name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from kronkers_batch.config.spec import Environment
from kronkers_batch.runtimes.languages import WORKERS, Builder, Command, python

FOLDER = Path()  # a test's own


def command(environment: Environment, threads: int) -> Command:
    usual, worker = WORKERS / "worker.py", FOLDER / "worker.dum"
    worker.write_text(usual.read_text().replace('"language": "python"', '"language": "dummy"'))
    found = python.command(environment, threads)
    return replace(
        found,
        argv=(*found.argv[:-1], str(worker)),
        visible=tuple(worker if path == usual else path for path in found.visible),
    )


def none(_environment: Environment) -> str:
    return ""


KIND = Builder(command, none, none, lambda _environment: {})
