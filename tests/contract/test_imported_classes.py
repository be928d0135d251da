"""Of a binary model that was fitted elsewhere, the true class is the declared one, or it is refused."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import joblib
import numpy as np
import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.config.spec import (
    Environment,
    Estimator,
    Origin,
    OutputColumn,
    Resources,
    Unseen,
)
from kronkers_batch.errors import ModelError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.learning import TASKS, Goal
from kronkers_batch.runtimes.model_worker import Worker, start
from kronkers_batch.runtimes.worker_spec import WorkerSpec

X = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
HIGH = [False, True, False, True, False, True]  # the more often, the larger X is
ROWS = pl.DataFrame({"x": [0.0, 5.0]})
SAID = "the model has names of its own for its two classes; declare the name of the one that is true"


def worker(
    language: str, estimator: str, positive: str = "", predict: dict[str, str] | None = None
) -> Worker:
    return start(
        WorkerSpec(
            name="elsewhere",
            language=LANGUAGES[language],
            model=Estimator(estimator, {}, "", Origin("x", 1, "estimator"), "", dict(predict or {})),
            task=TASKS["binary"],
            parameters={},
            data="numpy",
            environment=Environment(),
            features=Schema((Column("x", ColumnType.FLOAT),)),
            target=None,
            outputs=(OutputColumn("score", ColumnType.FLOAT),),
            unseen=Unseen.MISSING,
            resources=Resources(),
            seed=1,
            sandbox=SandboxPolicy.REQUIRE,
            log=lambda _line: None,
            goal=Goal(positive=positive),
            imported=True,
        )
    )


def rises(one: Worker, artifact: bytes) -> bool:
    """Whether the score of a larger x is larger."""
    one.load(artifact)
    low, high = one.score(ROWS)["score"]
    return bool(high > low)


def in_python(no: object, yes: object) -> bytes:
    from sklearn.linear_model import LogisticRegression

    target = np.array([yes if high else no for high in HIGH])
    buffer = io.BytesIO()
    joblib.dump(LogisticRegression().fit(np.array(X)[:, None], target), buffer)
    return buffer.getvalue()


def test_in_python() -> None:
    target = "sklearn.linear_model.LogisticRegression"
    with worker("python", target) as one:
        assert rises(one, in_python(0, 1))
        assert rises(one, in_python(False, True))
        with pytest.raises(ModelError, match=SAID):
            rises(one, in_python("other", "late"))
    with worker("python", target, "late") as one:
        assert rises(one, in_python("other", "late"))  # the first of its classes
        assert not rises(one, in_python("late", "other"))
        assert rises(one, in_python(0, 1))  # coded as 1 where it was fitted
    with worker("python", target, "false") as one:
        assert not rises(one, in_python(False, True))


def test_in_r(tmp_path: Path) -> None:
    text = f"""
    x <- c({", ".join(map(str, X))}); high <- c({", ".join(str(h).upper() for h in HIGH)})
    keep <- function(y, name) saveRDS(glm(y ~ x, family = binomial), file.path("{tmp_path}", name))
    keep(high, "logical"); keep(factor(ifelse(high, "yes", "no"), levels = c("no", "yes")), "second")
    keep(factor(ifelse(high, "yes", "no"), levels = c("yes", "no")), "first")
    """
    subprocess.run(["Rscript", "-e", text], check=True)
    response = {"type": "response"}

    def of(name: str) -> bytes:
        return (tmp_path / name).read_bytes()

    with worker("r", "stats::glm", "", response) as one:
        assert rises(one, of("logical"))
        with pytest.raises(ModelError, match=SAID):
            one.load(of("second"))
    with worker("r", "stats::glm", "yes", response) as one:
        assert rises(one, of("second"))
        with pytest.raises(ModelError, match=SAID):
            one.load(of("first"))
    with worker("r", "stats::glm") as one, pytest.raises(ModelError, match="without a type, predict gives"):
        one.load(of("logical"))
