"""What commands cost with very many models, 300 and 1,000 alike or 90 different, and after very many nights.

.venv/bin/python -m pytest -s -m long tests/benchmarks/test_many_models.py
"""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

import pytest

from tests.benchmarks import many_models
from tests.benchmarks.measure import Timing, median, timed
from tests.benchmarks.project import ROOT, ROUNDS
from tests.benchmarks.recorded import record_nights, record_others

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


def command(folder: Path, *words: str) -> Timing:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    key = folder / "keys" / "identity.key"
    environment = dict(os.environ) | {"HOME": str(home), "KRONKERS_KEY_FILE": str(key)}
    return timed([sys.executable, "-m", "kronkers_batch.cli.main", *words], ROOT, environment)


def check(folder: Path) -> Timing:
    return command(folder, "check", "--conf", str(folder / "conf"))


def cold_and_warm(folder: Path) -> tuple[Timing, float]:
    """The first check of a project, and the median of those that follow."""
    first = check(folder)
    return first, median([check(folder) for _ in range(ROUNDS)])


def test_check_does_not_grow_with_models_that_ask_the_same(tmp_path: Path) -> None:
    """300 models on one estimator: 4 s cold and 1 s warm on two processors."""
    for count in (3, 300):
        (tmp_path / str(count)).mkdir()
        many_models.alike(tmp_path / str(count), count)
    few, few_warm = cold_and_warm(tmp_path / "3")
    many, many_warm = cold_and_warm(tmp_path / "300")
    print(f"\n3 alike: {few.seconds:.2f} s cold, {few_warm:.2f} s warm")
    print(f"300 alike: {many.seconds:.2f} s cold, {many_warm:.2f} s warm")
    assert many.seconds < 5 * few.seconds
    assert many_warm < 10 * few_warm


def test_check_of_different_models(tmp_path: Path) -> None:
    """30 estimators and 60 code files in three languages: 60 s cold on two processors."""
    many_models.different(tmp_path)
    cold, warm = cold_and_warm(tmp_path)
    print(f"\n90 different: {cold.seconds:.1f} s cold, {warm:.2f} s warm")
    assert warm < cold.seconds / 4


@pytest.mark.parametrize("count", [300, 1000])
def test_a_night_with_nothing_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """300 models: a plan takes 1.5 s, a run 3 s on two processors; 1,000 models: a run takes 8 s."""
    seconds = {}
    for number in (3, count):
        folder = tmp_path / str(number)
        folder.mkdir()
        many_models.alike(folder, number)
        monkeypatch.setenv("KRONKERS_KEY_FILE", str(folder / "keys" / "identity.key"))
        conf = ("--conf", str(folder / "conf"))
        command(folder, "run", "alike_0000", *conf)
        record_others(folder / "conf", "alike_0000")
        for words in (("plan",), ("run",)):
            command(folder, *words, *conf)
            seconds[words[0], number] = median([command(folder, *words, *conf) for _ in range(ROUNDS)])
    for verb in ("plan", "run"):
        print(f"\n{verb}: {seconds[verb, 3]:.2f} s for 3, {seconds[verb, count]:.2f} s for {count} models")
        # By far less than the models: most is what a command takes in any case.
        assert seconds[verb, count] < seconds[verb, 3] * count / 30


def test_lists_and_plan_after_many_nights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """900 nights of one model: models, outputs and plan take 0.5 s each on two processors."""
    seconds = {}
    for nights in (3, 900):
        folder = tmp_path / str(nights)
        folder.mkdir()
        many_models.alike(folder, 1)
        monkeypatch.setenv("KRONKERS_KEY_FILE", str(folder / "keys" / "identity.key"))
        conf = ("--conf", str(folder / "conf"))
        command(folder, "run", *conf)
        last = dt.date(2024, 3, 1)
        record_nights(folder / "conf", "alike_0000", (last - dt.timedelta(n) for n in range(1, nights)))
        for words in (("models",), ("outputs", "alike_0000"), ("plan",)):
            command(folder, *words, *conf)
            seconds[words[0], nights] = median([command(folder, *words, *conf) for _ in range(3 * ROUNDS)])
    for verb in ("models", "outputs", "plan"):
        print(f"\n{verb}: {seconds[verb, 3]:.2f} s after 3, {seconds[verb, 900]:.2f} s after 900 nights")
        # By far less than the nights: most is what a command takes in any case.
        assert seconds[verb, 900] < 3 * seconds[verb, 3]


def test_help(tmp_path: Path) -> None:
    """0.1 s: it imports next to nothing."""
    nothing = median([timed([sys.executable, "-c", "pass"], ROOT, os.environ) for _ in range(10)])
    shown = median([command(tmp_path, "--help") for _ in range(10)])
    print(f"\nkronkers --help: {shown:.3f} s; an interpreter alone: {nothing:.3f} s")
    assert shown < 10 * nothing
