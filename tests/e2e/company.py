"""A small company in a temporary folder, driven through the real command line."""

import io
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import polars as pl

from kronkers_batch.bootstrap import open_system
from kronkers_batch.cli.main import main
from kronkers_batch.session.services import Services

ROOT = Path(__file__).parents[2]

CODE = """\
import numpy as np


def design(data):
    colour, x = data["colour"], data["x"]
    return np.column_stack([np.ones(len(x)), x, colour == "green", colour == "red"])


def fit(data, params):
    X, y = design(data), data["y"].astype(float)
    penalty = params.get("penalty", 1.0) * np.eye(X.shape[1])
    return np.linalg.solve(X.T @ X + penalty, X.T @ y)


def score(model, data):
    return 1 / (1 + np.exp(-4 * (design(data) @ model - 0.5)))
"""

FILES = {
    "conf/config.yaml": """\
defaults:
  - schema
  - warehouse: sqlite
  - executor: local
  - alerts: none
  - _self_
logical_date: 2024-01-20
""",
    "conf/department/sales.yaml": "title: Sales\nowner: Ann\n",
    "conf/department/support.yaml": "title: Support\nowner: Bob\n",
    "conf/source/visits.yaml": """\
department: sales
shared_with: [support]
description: Visits to the shop
kind: csv
path: data/visits.csv
columns: {id: integer, at: timestamp, x: float, colour: category, y: boolean}
key: [id]
time_column: at
checks:
  - {column: x, min: -100, max: 100}
  - {rows: {min: 1}}
""",
    "conf/source/buys_scores.yaml": """\
department: sales
shared_with: [support]
description: The scores of buys
kind: output
output: buys
columns: {id: integer, score: float}
key: [id]
""",
    "conf/source/visits_scored.yaml": """\
department: support
description: Visits with the score of buys
kind: query
inputs: {visits: {source: visits}, buys: {source: buys_scores}}
query: |
  select v.id, v.at, v.x, b.score as buys, v.x * 2 + 1 as z from visits v join buys b using (id)
columns: {id: integer, at: timestamp, x: float, buys: float, z: float}
key: [id]
time_column: at
""",
    "conf/model/buys.yaml": """\
department: sales
owner: Ann
description: Will a visitor buy
task: binary
language: python
data: numpy
code: models/buys/model.py
parameters: {penalty: 1.0}
source: visits
features: {x: float, colour: category}
target: y
window: {train: 10d, holdout: 3d, score: 1d, label_delay: 1d}
checks:
  input:
    - {expression: "x > -50"}
  output:
    - {column: score, nulls: false}
thresholds:
  training: {auc: {min: 0.6}}
  output: {rows: {min: 5}, score: {min: 0, max: 1}}
unseen: missing
rows: independent
""",
    "conf/model/spends.yaml": """\
department: support
owner: Bob
description: How much a visitor spends
task: regression
language: python
data: numpy
code: models/spends/model.py
source: visits_scored
features: [x, buys]
target: z
window: {train: 3d, holdout: 1d, score: 1d, label_delay: 1d}
thresholds:
  training: {rmse: {max: 1}}
  output: {rows: {min: 5}}
""",
    "models/buys/model.py": CODE,
    "models/spends/model.py": """\
import numpy as np


def fit(data, params):
    X = np.column_stack([np.ones(len(data["x"])), data["x"], data["buys"]])
    return np.linalg.lstsq(X, data["z"], rcond=None)[0]


def score(model, data):
    return np.column_stack([np.ones(len(data["x"])), data["x"], data["buys"]]) @ model
""",
}

PLANTED = "PLANTED-COLOUR-7741"
PLANTED_NUMBER = 31.41592653589793


def visits(days: int = 24, rows: int = 40) -> pl.DataFrame:
    """Rows of consecutive days from 2024-01-01, with values planted to be searched for."""
    rng = np.random.default_rng(5)
    n = days * rows
    x = rng.normal(size=n)
    colour = rng.integers(0, 3, n)
    at = np.datetime64("2024-01-01T00:00:00") + np.arange(n) * np.timedelta64(86_400 // rows, "s")
    chance = 1 / (1 + np.exp(-(2 * x + colour - 1)))
    x[3::7] = PLANTED_NUMBER * np.where(x[3::7] > 0, 1, -1)
    return pl.DataFrame(
        {
            "id": np.arange(n) + 5_000,
            "at": at.astype("datetime64[us]"),
            "x": x,
            "colour": np.array(["red", "green", PLANTED])[colour],
            "y": rng.random(n) < np.where(np.abs(x) > 30, x > 0, chance),
        }
    )


@dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


class Project:
    """A checkout's conf/, models/ and data/, and a HOME, under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"

    def make(self) -> None:
        for name, text in FILES.items():
            self.write(name, text)
        for group in ("warehouse", "executor", "alerts"):
            shutil.copytree(ROOT / "conf" / group, self.folder / "conf" / group)
        self.home.mkdir()
        self.data(visits())

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))

    def data(self, frame: pl.DataFrame) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        frame.write_csv(self.folder / "data/visits.csv", datetime_format="%Y-%m-%dT%H:%M:%S")

    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("KRONKERS", "XDG"))}
        return clean | {"HOME": str(self.home)}

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "kronkers_batch.cli.main", *words, "--conf", str(self.folder / "conf")]

    def run(self, *words: str, code: int | None = 0) -> Done:
        """Run the command line in this process (importing it anew would take most of a test's time).

        ``code`` is the exit code that it must end with; None takes any.
        """
        # The server that starts tasks' processes keeps the environment of its start: another test's home.
        vars(forkserver)["_forkserver"]._stop()
        out, err = io.StringIO(), io.StringIO()
        with self.at_home(), redirect_stdout(out), redirect_stderr(err):
            returned = main([*words, "--conf", str(self.folder / "conf")])
        done = Done(returned, out.getvalue(), err.getvalue())
        assert code in (None, done.returncode), f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    @contextmanager
    def opened(self) -> Iterator[Services]:
        """The system as a command of this person opens it."""
        with self.at_home(), closing(open_system(self.folder / "conf")) as services:
            yield services

    @contextmanager
    def at_home(self) -> Iterator[None]:
        """This process has the environment of this person."""
        before, own = dict(os.environ), self.environment()
        os.environ.clear()
        os.environ.update(own)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def json(self, *words: str, code: int = 0):
        return json.loads(self.run(*words, "--json", code=code).stdout)

    def rows(self, *words: str):
        """What ``read`` and ``sql`` print: one JSON value a line."""
        return [json.loads(line) for line in self.run(*words, "--json").stdout.splitlines()]

    def states(self, *words: str, code: int = 0) -> dict[str, str]:
        return {m["model"]: m["state"] for m in self.json("run", *words, code=code)["models"]}

    def plan(self, *words: str) -> list[tuple[str, str]]:
        return [(t["task"], t["subject"]) for t in self.json("plan", *words)["tasks"]]
