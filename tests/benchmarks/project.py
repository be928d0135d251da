"""What the benchmarks share: a project in a temporary folder, run by whole processes, and their sizes.

``KRONKERS_BENCH_ROWS`` (1,000,000) and ``KRONKERS_BENCH_ROUNDS`` (3) say how much; ``KRONKERS_BENCH_LARGE``,
where it is set, that there is time and memory for ten times the rows.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measure import Timing, timed

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).parent / "programs"
ROWS = int(os.environ.get("KRONKERS_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("KRONKERS_BENCH_ROUNDS", "3"))
LARGE = bool(os.environ.get("KRONKERS_BENCH_LARGE"))

FEATURES = [f"x{i}" for i in range(16)] + [f"k{i}" for i in range(3)]
CONFIG = """\
defaults: [schema, {warehouse: sqlite}, {executor: local}, {alerts: none}, _self_]
logical_date: 2024-01-01
"""


class Project:
    """One folder with data of several sizes and ``conf/``; the source reads what :meth:`use` put there."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix = folder, suffix
        self.source = folder / f"customers{suffix}"
        self.conf = folder / "conf"
        self.environment = dict(os.environ) | {"HOME": str(folder / "home")}
        self._nights = 0
        self.date = ""
        (folder / "home").mkdir()
        for group in ("warehouse", "executor", "alerts"):
            shutil.copytree(ROOT / "conf" / group, self.conf / group)
        self.write("config.yaml", CONFIG)
        self.write("department/bench.yaml", "title: Bench\nowner: Bench\n")

    def write(self, name: str, text: str) -> None:
        """A file of conf/."""
        path = self.conf / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def python(self, name: str, *arguments: object, watch: float = 0.0) -> Timing:
        """One of the Python programs here, to its end."""
        return timed(self.program(name, *arguments), self.folder, os.environ, watch=watch)

    def program(self, name: str, *arguments: object) -> list[str]:
        """The command line of one of the Python programs here."""
        return [sys.executable, "-W", "ignore", str(PROGRAMS / f"{name}.py"), *map(str, arguments)]

    def data(self, rows: int) -> Path:
        """So many customers, made once."""
        path = self.folder / f"customers-{rows}{self.suffix}"
        if not path.exists():
            self.python("make_data", path, rows)
        return path

    def use(self, rows: int) -> None:
        """Let the source read so many rows. It is a changed one: no earlier ingest is used again."""
        self.source.unlink(missing_ok=True)
        os.link(self.data(rows), self.source)
        os.utime(self.source)

    def kronkers(self, *words: str, watch: float = 0.0) -> Timing:
        """A command of the command line, as a process of its own."""
        return timed(self._command(*words), ROOT, self.environment, watch=watch)

    def printed(self, *words: str) -> str:
        """What a command prints."""
        return subprocess.run(
            self._command(*words), cwd=ROOT, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def night(self, rows: int, *models: str, watch: float = 0.0) -> Timing:
        """A nightly run over so many rows, of a new date."""
        self.use(rows)
        return self.kronkers("run", *models, "--date", self.next_date(), watch=watch)

    def training(self, rows: int, model: str) -> Timing:
        """A training on so many rows, of a new date."""
        self.use(rows)
        return self.kronkers("train", model, "--force", "--date", self.next_date())

    def next_date(self) -> str:
        """A logical date that no run had yet."""
        self._nights += 1
        self.date = str(dt.date(2024, 1, 1) + dt.timedelta(days=self._nights))
        return self.date

    def _command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kronkers_batch.cli.main", *words, "--conf", str(self.conf)]
