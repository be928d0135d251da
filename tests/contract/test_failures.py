"""A model that fails says what, where and what to do, in few words and without data; the parent goes on."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.errors import FitFailed, ModelError, ScoreFailed, WorkerFailed
from kronkers_batch.frames.schema import Column, ColumnType

IN_TURN = pytest.mark.usefixtures("in_turn")
SX = (Column("s", ColumnType.STRING), Column("x", ColumnType.FLOAT))
SECRET, NUMBER = "Zebra-77 Smith", 48151623.42


def rows(n=3):
    return pl.DataFrame({"x": [float(i) for i in range(n)]})


def secret(sign=1):
    return pl.DataFrame({"s": [SECRET], "x": [sign * NUMBER]})


def running(text: str) -> list[str]:
    """Command lines of running processes that contain `text`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


def becomes(true: Callable[[], bool], within: float = 20) -> bool:
    """Whether something is so, or comes to be."""
    deadline = time.monotonic() + within
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def peak_kib() -> int:
    """The most memory that this process has held since its peak was last counted anew."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def assert_no_data(text: str) -> None:
    assert "Zebra" not in text
    assert "Smith" not in text
    assert "4815" not in text


@IN_TURN
def test_an_exception_in_fit(lab):
    worker = lab.start("raise_fit", features=SX)
    with pytest.raises(FitFailed) as error:
        worker.fit([secret().with_columns(y=pl.lit(1.0))])
    said = str(error.value)
    assert "cannot use" in said
    assert f"model{lab.models.SUFFIX}:{lab.line('raise_fit', 'marker')}" in said
    assert_no_data(said)


@IN_TURN
def test_an_exception_in_score_is_bounded_and_the_worker_goes_on(lab, fitted):
    worker = fitted("raise_score", features=SX)
    with pytest.raises(ScoreFailed) as error:
        worker.score(secret(-1))
    said = str(error.value)
    assert "negative" in said
    assert f"model{lab.models.SUFFIX}:{lab.line('raise_score', 'marker')}" in said
    assert len(said) < 6_000
    assert_no_data(said)
    assert worker.score(secret()).height == 1


def test_what_code_says_before_it_was_given_data_is_shown_whole(lab):
    with pytest.raises(ModelError) as error:
        lab.start("raise_loading").fit([])
    assert "ask for `GLM 7` at desk 'Zebra'" in str(error.value)


def test_a_warning_is_logged_and_no_failure(lab, fitted):
    worker = fitted("warn")
    assert worker.score(rows())["score"].to_list() == [0.0, 1.0, 2.0]
    worker.close()
    assert "this is only a warning" in "\n".join(lab.log)


@pytest.mark.parametrize("megabytes", [100, pytest.param(10_000, marks=pytest.mark.long)])
def test_much_output_is_counted_not_kept(lab, fitted, megabytes):
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    before = peak_kib()
    worker = fitted("noise", parameters={"megabytes": megabytes}, time_limit=600)
    assert worker.score(rows()).height == 3
    worker.close()
    assert sum(len(line) for line in lab.log) < 3 * 2**20
    counted = re.fullmatch(r"\(and ([\d,]+) more bytes of output\)", lab.log[-1])
    assert counted is not None
    assert int(counted[1].replace(",", "")) > (megabytes - 2) * 2**20 * 0.99
    assert peak_kib() - before < 64 * 1024


def test_what_a_model_prints_reaches_the_log_without_data(lab, fitted):
    worker = fitted("leak", features=SX)
    worker.score(pl.DataFrame({"s": ["ZEBRA77"], "x": [1.0]}))
    worker.close()
    log = "\n".join(lab.log)
    assert "scoring <value> now" in log
    assert "ZEBRA" not in log


TOLD = (*SX, Column("c", ColumnType.CATEGORY, ("gentle", "wicked")))


def customers(*names: str):
    return pl.DataFrame({"s": names, "x": [1.0] * len(names), "c": ["wicked"] * len(names)})


@IN_TURN
def test_a_word_of_the_data_in_an_error_of_fit(lab):
    worker = lab.start("tell_fit", features=TOLD)
    chunks = [customers(name).with_columns(y=pl.lit(1.0)) for name in ("Ruth", "smith")]
    with pytest.raises(FitFailed) as error:
        worker.fit(chunks)
    assert "bad customer <value>" in str(error.value)
    assert "smith" not in str(error.value)


@IN_TURN
def test_a_word_of_the_data_in_an_error_of_score(lab, fitted):
    """Also of a chunk that is in the pipeline with others, and of a text of several words."""
    worker = fitted("tell_score", features=TOLD)
    chunks = [customers("Anna the Smith of Dover")] * 3
    with pytest.raises(ScoreFailed) as error:
        list(worker.score_stream(chunks))
    said = str(error.value)
    assert "bad customer <value> the <value> of <value>" in said
    assert not any(word in said for word in ("Anna", "Smith", "Dover"))


def test_a_word_of_the_data_in_what_is_printed(lab, fitted):
    worker = fitted("tell_print", features=TOLD)
    worker.score(customers("Smith"))
    worker.close()
    log = "\n".join(lab.log)
    assert "bad customer <value>" in log
    assert "of the kind <value>" in log
    assert "Smith" not in log
    assert "wicked" not in log


@IN_TURN
def test_counts_and_what_is_missing_are_told_and_the_values_are_not(lab, fitted):
    worker = fitted("short", features=TOLD)
    data = customers("Anna", "Ruth", "Smith").with_columns(c=pl.Series(["wicked", "Smith", None]))
    with pytest.raises(ScoreFailed) as error:
        worker.score(data)
    said = str(error.value)
    assert re.search(r"2 values .*3 rows", said)
    assert "it was given 3 rows: c is missing in 1, c is a level that training did not see in 1" in said
    assert not any(word in said for word in ("Anna", "Ruth", "Smith", "wicked"))
    assert "as string" not in said
    with pytest.raises(ScoreFailed, match="c is a level that training did not see in 3") as error:
        worker.score(customers("Anna", "Ruth", "Smith").with_columns(c=pl.Series(["u", "v", "w"])))
    assert error.value.fix.startswith("declare c as string, whose values may be new ones; ")


NAMES = {
    "no_package": (
        "No module named 'churnlib'",
        "there is no package called ‘churnlib’",
        "Package Churnlib not found in current path",
    ),
    "wrong_type": (
        "unsupported operand type(s) for +: 'int' and 'str'",
        "no applicable method for 'predict' applied to an object of class \"ksvm\"",
        "no method matching sqrt(::String)",
    ),
}


@IN_TURN
@pytest.mark.parametrize("case", list(NAMES))
def test_names_of_code_are_told(lab, fitted, case):
    with pytest.raises(ScoreFailed) as error:
        fitted(case, features=TOLD).score(customers("Anna"))
    assert NAMES[case][("python", "r", "julia").index(lab.language.name)] in str(error.value)
    assert "Anna" not in str(error.value)


@IN_TURN
def test_what_was_taken_out_of_an_error_is_kept_apart_for_readers(lab, fitted):
    with pytest.raises(ScoreFailed) as error:
        fitted("tell_score", features=TOLD).score(customers("Anna"))
    assert "Anna" not in str(error.value)
    assert "bad customer Anna" in error.value.found


def test_an_exit_without_an_answer(lab, fitted):
    worker = fitted("exit")
    with pytest.raises(WorkerFailed, match="exit code 0 during 'score', without an answer"):
        worker.score(rows())
    with pytest.raises(WorkerFailed, match="the worker has ended"):
        worker.score(rows())


@pytest.mark.parametrize(
    "sandbox", [SandboxPolicy.REQUIRE, pytest.param(SandboxPolicy.OFF, marks=pytest.mark.long)]
)
def test_a_hang_that_ignores_signals_is_ended_at_the_time_limit(lab, fitted, sandbox):
    worker = fitted("stubborn", time_limit=4, sandbox=sandbox)
    began = time.monotonic()
    with pytest.raises(WorkerFailed, match="longer than 4 s") as error:
        list(worker.score_stream([rows()] * 5))
    assert "resources.time_limit" in error.value.fix
    assert time.monotonic() - began < 60
    assert not running(lab.mark)


def test_a_start_that_hangs_is_ended_at_the_start_limit(lab):
    worker = lab.start("hang_loading", start_limit=1)
    with pytest.raises(WorkerFailed, match="did not start within 1 s") as error:
        worker.fit([])
    assert "resources.start_limit" in error.value.fix
    assert not running(lab.mark)


def test_a_grandchild_ends_with_its_worker(lab, fitted):
    seconds = f"{9_000_000 + time.time_ns() % 1_000_000}"
    worker = fitted("grandchild", parameters={"seconds": seconds})
    worker.score(rows())
    assert becomes(lambda: bool(running(f"sleep {seconds}")))  # it has no command line at first
    worker.close()
    assert becomes(lambda: not running(f"sleep {seconds}"))  # the kernel ends what is in its namespace


def test_too_much_memory(lab):
    worker = lab.start("memory")
    with pytest.raises(ModelError) as error:
        worker.fit([rows().with_columns(y=pl.lit(1.0))])
    assert "resources.memory" in error.value.fix


def test_too_little_memory_to_start_is_said_before(lab):
    with pytest.raises(WorkerFailed, match=r"resources\.memory is 64 MiB"):
        lab.start("identity", memory=64 * 2**20)


def test_nothing_follows_a_close(lab, fitted):
    worker = fitted("identity")
    worker.close()
    worker.close()
    with pytest.raises(WorkerFailed, match="closed"):
        worker.score(rows())
