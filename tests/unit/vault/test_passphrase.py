"""Passphrases come from the terminal or KRONKERS_PASSPHRASE, and from nowhere else."""

import os
import pty
import sys

import pytest

from kronkers_batch.cli.main import parser
from kronkers_batch.errors import UsageError
from kronkers_batch.vault import passphrase

GOOD = "correct horse battery"


@pytest.fixture
def nobody(monkeypatch):
    """No variable and no terminal."""
    monkeypatch.delenv(passphrase.VARIABLE, raising=False)
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield monkeypatch


@pytest.fixture
def terminal(nobody):
    """A terminal on which somebody types these lines."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as file:
        nobody.setattr(sys, "stdin", file)

        def types(*lines: str) -> list[str]:
            asked: list[str] = []
            answers = list(lines)

            def answer(prompt: str) -> str:
                asked.append(prompt)
                return answers.pop(0)

            nobody.setattr(passphrase.getpass, "getpass", answer)
            return asked

        yield types
    os.close(ours)


def test_from_the_environment(nobody):
    nobody.setenv(passphrase.VARIABLE, GOOD)
    assert passphrase.ask("x").reveal() == passphrase.choose().reveal() == GOOD


def test_nobody_to_ask(nobody):
    assert passphrase.ask("x") is None
    with pytest.raises(UsageError, match="no terminal"):
        passphrase.choose()


def test_a_new_one_is_typed_twice(terminal):
    asked = terminal(GOOD, GOOD)
    assert passphrase.choose().reveal() == GOOD
    assert len(asked) == 2
    terminal(GOOD, GOOD + "!")
    with pytest.raises(UsageError, match="differ"):
        passphrase.choose()
    terminal("short", "short")
    with pytest.raises(UsageError, match="fewer than 12"):
        passphrase.choose()


def test_an_old_one_is_typed_once(terminal):
    asked = terminal(GOOD)
    assert passphrase.ask("/home/ann/identity.key").reveal() == GOOD
    assert asked == ["Passphrase of /home/ann/identity.key: "]


def test_it_is_no_argument():
    args, rest = parser().parse_known_args(["access", "whoami", "--new", "--passphrase", GOOD])
    assert args.passphrase is True  # a flag: what follows is not taken for the passphrase
    assert GOOD in [*args.words, *rest]
