"""The caller's own key file on this machine: made, and shown in public. Needs no warehouse."""

from __future__ import annotations

import getpass
from pathlib import Path

from kronkers_batch.config import databases
from kronkers_batch.config.root_spec import Config
from kronkers_batch.errors import UsageError
from kronkers_batch.vault import keyfile, names, pin
from kronkers_batch.vault import passphrase as words
from kronkers_batch.vault.identity import Identity


def make(config: Config, name: str | None, *, passphrase: bool) -> None:
    """Makes the key file that the configuration names.

    Args:
        config: Says where.
        name: The principal's name; the login name by default.
        passphrase: Whether to seal it under one, asked on the terminal or in KRONKERS_PASSPHRASE.

    Raises IdentityError where there is one already, UsageError on a name or passphrase that will not do.
    """
    chosen = name or _login()
    if not names.fits(chosen):
        what = "what --name gives" if name else "the name of your login"
        raise UsageError(
            f"{what} is not a valid name for a principal", fix=f"Give --name NAME; a name is {names.RULE}."
        )
    if keyfile.exists(config.key_file):
        keyfile.refuse_existing(config.key_file)
    keyfile.refuse_beside(config.key_file, warehouse_folders(config))
    keyfile.create(config.key_file, Identity.generate(chosen), words.choose() if passphrase else None)


def public_line(config: Config) -> tuple[str, str]:
    """The caller's name and public line. Raises IdentityError."""
    path = config.key_file
    word = words.ask(str(path)) if keyfile.is_sealed(path) else None
    identity = keyfile.load(path, passphrase=word)
    return identity.name, pin.to_text(identity.name, identity.id, identity.public)


def warehouse_folders(config: Config) -> list[Path]:
    """The folders of this machine in which the warehouse lies."""
    found = [config.home]
    if database := databases.file_of(config.warehouse.url.reveal()):
        found.append(Path(database).parent)
    local = config.warehouse.artifacts.removeprefix("file://")
    return found if "://" in local else [*found, Path(local)]


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UsageError(
            "the operating system knows no name for this login",
            fix="kronkers access whoami --new --name NAME",
        ) from None
