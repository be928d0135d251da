"""One suite for every language that a model may be declared in; none of its cases is skipped for one.

`models_LANGUAGE.py` holds `MODELS`, the code text of each case by name (see `models_python.py` for what each
must do), `SUFFIX` of a code file, `ESTIMATOR` and what its errors name, `EQUAL_CODE` and its counterparts,
`plant_startup`, which plants a start-up file that prints, and `own_environment`, which makes an environment
with a package of its own.
"""

from __future__ import annotations

import datetime as dt
import importlib
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kronkers_batch import runtimes
from kronkers_batch.config.languages import LANGUAGES, Language
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    Environment,
    Origin,
    OutputColumn,
    Resources,
    Unseen,
)
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS
from tests.contract.turns import Turns
from tests.contract.unskipped import pytest_make_collect_report, pytest_runtest_makereport
from tests.model_support import kept

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]

ORIGIN = Origin("conf/model/m.yaml", 1, "code")
X = (Column("x", ColumnType.FLOAT),)
Y = Column("y", ColumnType.FLOAT)


def models_of(language: Language | str) -> ModuleType:
    return importlib.import_module(f"tests.contract.models_{language}")


class Lab:
    """Starts workers of one language for test models, and closes them at the end."""

    def __init__(self, language: Language, folder: Path, stack: ExitStack) -> None:
        self.language = language
        self.models = models_of(language)
        self.folder = folder
        self.mark = f"lab-{time.time_ns()}"
        self.log: list[str] = []
        self.turns: Turns | None = None
        self._stack = stack

    def spec(
        self,
        case: str,
        *,
        features: tuple[Column, ...] = X,
        outputs: tuple[OutputColumn, ...] = (OutputColumn("score", ColumnType.FLOAT),),
        memory: int = 2 * 2**30,
        time_limit: float = 60,
        start_limit: float = 60,
        **changes: Any,
    ) -> runtimes.WorkerSpec:
        folder = self.folder / case
        folder.mkdir(exist_ok=True, mode=0o755)
        path = folder / f"model{self.models.SUFFIX}"
        if case in self.models.MODELS:
            path.write_text(self.models.MODELS[case])
        values: dict[str, Any] = {
            "name": case,
            "language": self.language,
            "model": changes["model"] if "model" in changes else kept(path, self.place(case)),
            "task": TASKS["regression"],
            "parameters": {},
            "data": "polars",
            "environment": Environment(),
            "features": Schema(features),
            "target": Y,
            "outputs": outputs,
            "unseen": Unseen.MISSING,
            "resources": Resources(
                memory=memory,
                time_limit=dt.timedelta(seconds=time_limit),
                start_limit=dt.timedelta(seconds=start_limit),
            ),
            "seed": 7,
            "sandbox": SandboxPolicy.REQUIRE,
            "log": self.log.append,
        }
        return runtimes.WorkerSpec(**{**values, **changes})

    def place(self, case: str) -> Path:
        """Where the workers of this lab, and no others on this machine, find a case's code."""
        return Path("/kronkers", self.mark, case, f"model{self.models.SUFFIX}")

    def start(self, case: str, *, own: bool = False, **changes: Any) -> runtimes.Worker:
        """A worker for a case of MODELS; keyword arguments as of :meth:`spec`.

        Its process is its own if the test does not take turns, or says so.
        """
        spec = self.spec(case, **changes)
        takes_turns = self.turns is not None and not own and self.turns.takes(spec)
        return self._stack.enter_context(self.turns.start(spec) if takes_turns else runtimes.start(spec))

    def line(self, case: str, marker: str) -> int:
        """The line of a case's code that holds a marker."""
        lines = self.models.MODELS[case].splitlines()
        return next(i for i, text in enumerate(lines, 1) if marker in text)


@pytest.fixture(params=list(LANGUAGES.values()), ids=str)
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        yield Lab(request.param, tmp_path, stack)


@pytest.fixture(scope="module")
def turns(request: pytest.FixtureRequest) -> Iterator[Turns]:
    """The processes of a module whose cases ask nothing of theirs; its own cases are its ``CASES``."""
    own = getattr(request.module, "CASES", {})
    with Turns({one: {**models_of(one).MODELS, **own.get(one, {})} for one in LANGUAGES.values()}) as made:
        yield made


@pytest.fixture
def in_turn(lab: Lab, turns: Turns) -> None:
    """The workers of the test are told their models in processes that other tests' workers had before."""
    lab.turns = turns


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach, as pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="kronkers-open-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture
def fitted(lab: Lab) -> Callable[..., runtimes.Worker]:
    """A worker whose model is fitted on two rows of its features (all null but floats) and a float target."""
    import polars as pl

    from kronkers_batch.frames.tables import polars_schema

    def make(case: str, **changes: Any) -> runtimes.Worker:
        worker = lab.start(case, **changes)
        columns = Schema((*changes.get("features", X), changes.get("target", Y)))
        rows = {c.name: [1.5, 2.5] if c.type is ColumnType.FLOAT else [None, None] for c in columns}
        worker.fit([pl.DataFrame(rows, schema=polars_schema(columns))])
        return worker

    return make
