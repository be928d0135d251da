"""The page's table of what a worker finds, held against what a worker finds, in each language."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.languages import LANGUAGES
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
from kronkers_batch.runtimes.model_worker import start
from kronkers_batch.runtimes.worker_spec import PLACE, KeptCode, WorkerSpec

PAGE = Path(__file__).parents[2] / "docs/reference/sandbox.md"
THREADS = 2
ASKED = ("VALUE", "readable", "writable", "absent", "refused")

CODE = {
    "python": """\
import os, socket

def fit(data, params):
    return 1

def answer(kind, what):
    if kind == "VALUE":
        return os.environ.get(what, "")
    if kind == "refused":
        try:
            socket.socket().bind((what, 0))
        except OSError:
            return kind
        return "bound"
    if kind == "writable":
        try:
            with open(os.path.join(what, "kb-table"), "w") as file:
                file.write("x")
        except OSError:
            return "closed"
        return kind
    if not os.path.exists(what):
        return "absent"
    if os.access(what, os.W_OK):
        return "writable"
    return "readable" if os.listdir(what) else "empty"

def score(model, data, params):
    return [answer(kind, what) for kind, what in zip(params["kinds"], params["whats"])]
""",
    "r": """\
fit <- function(data, params) 1
answer <- function(kind, what) {
    if (kind == "VALUE") return(Sys.getenv(what))
    if (kind == "refused") {
        opened <- tryCatch(suppressWarnings(serverSocket(45999L)), error = function(e) NULL)
        return(if (is.null(opened)) kind else "bound")
    }
    if (kind == "writable") {
        wrote <- tryCatch(suppressWarnings({writeLines("x", file.path(what, "kb-table")); TRUE}),
                          error = function(e) FALSE)
        return(if (wrote) kind else "closed")
    }
    if (!file.exists(what)) return("absent")
    if (file.access(what, 2L) == 0L) return("writable")
    if (length(list.files(what))) "readable" else "empty"
}
score <- function(model, data, params) unlist(Map(answer, params$kinds, params$whats), use.names = FALSE)
""",
    "julia": """\
using Sockets
fit(data, params) = 1
function answer(kind, what)
    kind == "VALUE" && return get(ENV, what, "")
    if kind == "refused"
        try
            close(listen(IPv4(what), 45999))
        catch
            return kind
        end
        return "bound"
    end
    if kind == "writable"
        try
            write(joinpath(what, "kb-table"), "x")
        catch
            return "closed"
        end
        return kind
    end
    ispath(what) || return "absent"
    try
        touch(joinpath(what, "kb-table"))
        return "writable"
    catch
    end
    return isempty(readdir(what)) ? "empty" : "readable"
end
score(model, data, params) = String[answer(k, w) for (k, w) in zip(params["kinds"], params["whats"])]
""",
}


def table() -> list[tuple[str, str, str]]:
    """What is asked, how, and what the page says: of each name in the first column."""
    section = PAGE.read_text().split("## What a worker finds\n")[1].split("\n## ")[0]
    found = []
    for what, says in re.findall(r"^\| (.+?) \| (.+?) \|$", section, re.MULTILINE)[1:]:
        word = re.split(r"[, ]", says)[0]
        names = re.findall(r"`([^`]+)`", what)
        assert names, f"the row names nothing to ask for: {what}"
        for name in names:
            if word.startswith("`"):
                value = word.strip("`")
                found.append((name, "VALUE", str(THREADS) if value == "resources.threads" else value))
            else:
                absent = "if this machine has" in says and not Path(name).exists()
                found.append((name, word, "absent" if absent else word))
    return found


@pytest.mark.parametrize("language", sorted(CODE))
def test_a_worker_finds_what_the_page_says(language: str) -> None:
    rows = table()
    assert {kind for _, kind, _ in rows} == set(ASKED)
    assert set(CODE) == set(LANGUAGES), "a new language has its own code here"
    kinds, whats = [kind for _, kind, _ in rows], [name for name, _, _ in rows]
    one = LANGUAGES[language]
    code = KeptCode(
        PLACE / f"model{one.suffixes[0]}", Origin("x", 1, "code"), CODE[language], {"a.csv": b"1"}
    )
    spec = WorkerSpec(
        name="table",
        language=one,
        model=code,
        task=TASKS["regression"],
        parameters={"kinds": kinds, "whats": whats},
        data="numpy",
        environment=Environment(),
        features=Schema((Column("x", ColumnType.FLOAT),)),
        target=Column("y", ColumnType.FLOAT),
        outputs=(OutputColumn("answer", ColumnType.STRING),),
        unseen=Unseen.MISSING,
        resources=Resources(threads=THREADS),
        seed=1,
        sandbox=SandboxPolicy.REQUIRE,
        log=lambda _line: None,
    )
    frame = pl.DataFrame({"x": [float(number) for number in range(len(rows))]})
    with start(spec) as worker:
        worker.fit([frame.with_columns(y=pl.col("x"))])
        answers = worker.score(frame)["answer"].to_list()
    said = {(name, kind): says for name, kind, says in rows}
    found = {(name, kind): answer for (name, kind, _), answer in zip(rows, answers, strict=True)}
    assert found == said
