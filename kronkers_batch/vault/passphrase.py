"""Where a key file's passphrase comes from: KRONKERS_PASSPHRASE, or whoever sits at the terminal."""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Mapping

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import UsageError

VARIABLE = "KRONKERS_PASSPHRASE"
LEAST = 12


def from_environment(environ: Mapping[str, str] | None = None) -> Secret | None:
    """The passphrase in KRONKERS_PASSPHRASE, if it is set."""
    text = (os.environ if environ is None else environ).get(VARIABLE)
    return Secret(text) if text else None


def ask(what: str) -> Secret | None:
    """The passphrase of an existing key file; None where nobody is there to be asked."""
    known = from_environment()
    if known is not None or not sys.stdin.isatty():
        return known
    return Secret(getpass.getpass(f"Passphrase of {what}: "))


def choose() -> Secret:
    """A new passphrase, asked twice. Raises UsageError when it is short, differs, or nobody can be asked."""
    known = from_environment()
    if known is None:
        if not sys.stdin.isatty():
            raise UsageError(
                "there is no terminal on which to ask for the passphrase",
                fix=f"Set {VARIABLE} for this command.",
            )
        known = Secret(getpass.getpass("New passphrase: "))
        if getpass.getpass("The same again: ") != known.reveal():
            raise UsageError("the two passphrases differ", fix="Run the command again.")
    if len(known.reveal()) < LEAST:
        raise UsageError(
            f"the passphrase has fewer than {LEAST} characters", fix="Take four or five random words."
        )
    return known
