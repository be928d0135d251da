"""How the program ends: nothing that was printed is lost in silence, and the exit code is the error's."""

from __future__ import annotations

import os
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from kronkers_batch.cli import checking, machine, printing
from kronkers_batch.cli.main import main
from tests.data_support import MARKER

ROOT = Path(__file__).parents[3]
PROGRAM = [sys.executable, "-m", "kronkers_batch.cli.main"]
BUFFERED = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}


def overridden(args: Namespace) -> int:
    print(args.names, args.overrides)
    return 0


def test_a_word_with_a_tilde_is_an_override(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "check", overridden)
    assert main(["check", "~model.late.window.train", "seed=3"]) == 0
    assert capsys.readouterr().out == "[] ('~model.late.window.train', 'seed=3')\n"
    assert main(["check", "model.late.seed", "=", "3"]) == 2
    assert "Write an override without spaces: KEY=VALUE" in capsys.readouterr().err


def test_a_missing_reason_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "late@1"]) == 2
    assert capsys.readouterr().err == 'kronkers: the reason is missing\n  -> Add the reason: --why "REASON"\n'


def broken(_args: object) -> int:
    raise ValueError(f"row 7: {MARKER}")


def test_an_unforeseen_error_is_told_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "doctor", broken)
    assert main(["doctor"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"unexpected ValueError at {__file__}:" in told.err
    assert "-v" in told.err
    assert MARKER not in told.err
    assert "Traceback" not in told.err


def test_with_v_it_is_shown_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "doctor", broken)
    assert main(["doctor", "-v"]) == 1
    assert f"ValueError: row 7: {MARKER}" in capsys.readouterr().err


@pytest.mark.interpreter
def test_all_output_arrives_in_a_pipe_and_the_exit_code_is_kept() -> None:
    done = subprocess.run([*PROGRAM, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.endswith("is missing.\n")
    done = subprocess.run([*PROGRAM, "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nonsense" in done.stderr


@pytest.mark.interpreter
def test_what_cannot_be_written_to_its_end_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(PROGRAM, env=BUFFERED, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "Output is incomplete: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.interpreter
def test_whoever_reads_may_go() -> None:
    with subprocess.Popen(PROGRAM, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("lines", [1, 5_000])
def test_whoever_reads_may_go_and_the_exit_code_is_kept(
    monkeypatch: pytest.MonkeyPatch, stream: str, lines: int
) -> None:
    """A night that is piped into ``grep -q`` is done to its end, and its exit code is its own."""
    done = []

    def held(_args: object) -> int:
        for _ in range(lines):
            (printing.say if stream == "stdout" else printing.warn)("buys held: rows 40 is below 500")
        done.append(lines)
        return 1

    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w", 1 if stream == "stderr" else -1) as closed:
        monkeypatch.setattr(sys, stream, closed)
        monkeypatch.setattr(machine, "doctor", held)
        assert main(["doctor"]) == 1
    assert done == [lines]


def test_no_more_rows_are_made_than_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def rows(_args: object) -> int:
        for number in range(100_000):
            made.append(number)
            printing.Out().write(f"{number}\n")
        return 1

    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        monkeypatch.setattr(machine, "doctor", rows)
        assert main(["doctor"]) == 0
    assert len(made) < 100_000


def test_a_pipe_that_breaks_elsewhere_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_pipe(_args: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr(machine, "doctor", broken_pipe)
    assert main(["doctor"]) == 1
    assert "BrokenPipeError" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("--limit", "0"), ("--limit", "-3"), ("--limit", "5", "--to", "x.csv")], ids=" ".join
)
def test_a_limit_that_does_not_hold_is_refused(capsys: pytest.CaptureFixture[str], words: tuple[str]) -> None:
    assert main(["read", "buys", *words]) == 2
    assert "--limit" in capsys.readouterr().err


def test_with_v_an_error_has_its_traceback_and_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["show", "nobody@1", "--conf", str(tmp_path / "nowhere")]
    short = main(words)
    assert "Traceback" not in capsys.readouterr().err
    assert main([*words, "--verbose"]) == short == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "usage", ["run [MODEL ...]", "sql QUERY", "keys [list | rotate [SCOPE] | shred REF]"]
)
def test_the_help_of_a_command_says_which_words_it_takes(
    usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main([usage.split()[0], "--help"])
    assert f"usage: kronkers {usage} [options]" in capsys.readouterr().out
