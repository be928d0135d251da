"""How the program ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kronkers_batch.cli import machine, main
from tests.data_support import MARKER

ROOT = Path(__file__).parents[3]


def broken(_args: object) -> int:
    raise ValueError(f"row 7: {MARKER}")


def test_an_unforeseen_error_is_told_without_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "doctor", broken)
    assert main.main(["doctor"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert f"unexpected ValueError at {__file__}:" in told.err
    assert "-v" in told.err
    assert MARKER not in told.err
    assert "Traceback" not in told.err


def test_with_v_it_is_shown_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "doctor", broken)
    with pytest.raises(ValueError, match=MARKER):
        main.main(["doctor", "-v"])


def test_all_output_arrives_in_a_pipe_and_the_exit_code_is_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kronkers_batch.cli.main"]
    done = subprocess.run([*command, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.endswith("is missing.\n")
    done = subprocess.run([*command, "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nonsense" in done.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m kronkers_batch.cli.main --help | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr == ""
