"""The file (or environment variable) that holds an identity.

One line of JSON in one fixed spelling, so that a damaged file is noticed wherever the damage is. Spelt out
in docs/reference/formats.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from kronkers_batch import private
from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import IdentityError, IntegrityError
from kronkers_batch.store import faults
from kronkers_batch.store.canonical import encode
from kronkers_batch.vault import sealing
from kronkers_batch.vault.identity import Identity
from kronkers_batch.vault.undumpable import make_undumpable

FORMAT = "kronkers-batch key 1"
VARIABLE = "KRONKERS_KEY"
_MAX_BYTES = 16_384
# Argon2id as RFC 9106 advises where memory is limited: 64 MiB, 3 passes, 4 lanes.
_COST = {"memory_kib": 65_536, "passes": 3, "lanes": 4}
# What a file may ask of this machine before it is opened.
_COST_LIMITS = {"memory_kib": 1_048_576, "passes": 16, "lanes": 16}
_ASK = (
    "Restore your key file from your copy. Without a copy: move the file away, run "
    "kronkers access whoami --new --name OTHER, and ask the administrator for a grant to the new key."
)


def to_text(identity: Identity, passphrase: Secret | None = None) -> str:
    """The key file's content; sealed under the passphrase if there is one."""
    mlkem, x25519, ed25519 = identity.secrets
    body = {
        "id": identity.id,
        "name": identity.name,
        "mlkem768_seed": _b64(mlkem),
        "x25519": _b64(x25519),
        "ed25519_seed": _b64(ed25519),
    }
    body["checksum"] = _checksum(body)
    if passphrase is None:
        return _spell({"format": FORMAT, "key": body})
    salt = os.urandom(16)
    key = _stretch(passphrase, salt, _COST)
    box = sealing.seal(key, _box_context(salt, _COST), _spell(body).encode())
    return _spell({"format": FORMAT, "argon2id": {"salt": _b64(salt), **_COST}, "sealed": _b64(box)})


def from_text(text: str, where: str, passphrase: Secret | None = None) -> Identity:
    """The identity in a key file's content.

    Raises:
        IdentityError: It is no key file, damaged, or the passphrase is missing or wrong.
    """
    make_undumpable()
    value = _parse(text.strip(" \t\r\n"), where)
    if value.get("format") != FORMAT:
        raise IdentityError("this is not a key file", where=where, fix=_ASK)
    if set(value) == {"format", "key"} and isinstance(value["key"], dict):
        return _identity(value["key"], where)
    if set(value) != {"format", "argon2id", "sealed"}:
        raise IdentityError("the key file is damaged", where=where, fix=_ASK)
    if passphrase is None:
        raise IdentityError(
            "the key file needs its passphrase",
            where=where,
            fix="Run the command on a terminal, which asks for the passphrase, or set KRONKERS_PASSPHRASE.",
        )
    try:
        cost = dict(value["argon2id"])
        salt = _unb64(cost.pop("salt"))
        if set(cost) != set(_COST) or not all(1 <= int(cost[k]) <= _COST_LIMITS[k] for k in cost):
            raise ValueError("cost")
        opened = sealing.unseal(
            _stretch(passphrase, salt, cost), _box_context(salt, cost), _unb64(value["sealed"]), where
        )
    except IntegrityError:
        raise IdentityError(
            "the passphrase is wrong, or the key file is damaged",
            where=where,
            fix="Type the passphrase again. If it is right: " + _ASK,
        ) from None
    except (KeyError, TypeError, ValueError, AttributeError):
        raise IdentityError("the key file is damaged", where=where, fix=_ASK) from None
    return _identity(_parse(opened.decode(), where), where)


def is_sealed(path: Path, environ: Mapping[str, str] | None = None) -> bool:
    """Whether the caller's key, in KRONKERS_KEY or in the file, needs a passphrase; False for no key file."""
    text = (os.environ if environ is None else environ).get(VARIABLE)
    try:
        value = _parse((text or read_private(path)).strip(" \t\r\n"), str(path))
    except IdentityError:
        return False  # load() says what is wrong with it
    return "sealed" in value


def exists(path: Path) -> bool:
    """Whether anything has this name; False where we may not look, which :func:`create` then says."""
    try:
        path.lstat()
    except OSError:
        return False
    return True


def refuse_existing(path: Path) -> NoReturn:
    """Raises IdentityError: a key is never overwritten."""
    raise IdentityError(
        "a key file exists already, and the program never overwrites one",
        where=str(path),
        fix="Use this key, or choose another path: KRONKERS_KEY_FILE=PATH kronkers access whoami --new",
    ) from None


def create(path: Path, identity: Identity, passphrase: Secret | None = None) -> None:
    """Writes a new key file of mode 0600. Raises IdentityError when there is one, or it cannot be written."""
    try:
        private.make_folder(path.parent)
        # Half a key is worse than none: the next attempt would find it and stop. It goes again.
        private.create(path, [f"{to_text(identity, passphrase)}\n".encode()])
    except FileExistsError:
        refuse_existing(path)
    except OSError as error:
        if error.errno in faults.NO_ROOM:
            raise faults.from_system(error, str(path)) from error
        raise IdentityError(
            f"the key file cannot be written: {error.strerror}",
            where=str(path),
            fix="Choose a folder that you may write to: KRONKERS_KEY_FILE=PATH",
        ) from error


def load(
    path: Path,
    *,
    outside: Iterable[Path] = (),
    environ: Mapping[str, str] | None = None,
    passphrase: Secret | None = None,
) -> Identity:
    """The caller's identity: from the variable KRONKERS_KEY if it is set, else from the file.

    Args:
        path: The key file.
        outside: Folders that hold the warehouse; the key file must not lie in them.
        environ: The environment; the process's own by default.
        passphrase: For a file that is sealed under one.

    Raises:
        IdentityError: It is missing, damaged, readable by others, someone else's, or beside the data.
    """
    text = (os.environ if environ is None else environ).get(VARIABLE)
    if text:
        return from_text(text, VARIABLE, passphrase)
    try:
        resolved = path.resolve()
    except (OSError, RuntimeError):  # links that lead in a circle
        raise IdentityError(
            "the path of the key file is a circle of links",
            where=str(path),
            fix="Correct KRONKERS_KEY_FILE, or delete the links.",
        ) from None
    if folder := _around(resolved, outside):
        raise IdentityError(
            "the key file lies in the folder of the warehouse: whoever copies the folder can read the data",
            where=str(path),
            fix=f"Move it out of {folder}, for example to ~/.config/kronkers/, and set "
            "KRONKERS_KEY_FILE to its new path.",
        )
    return from_text(read_private(path), str(path), passphrase)


def refuse_beside(path: Path, folders: Iterable[Path]) -> None:
    """Raises IdentityError where a new key file would lie in the folder of the warehouse."""
    if folder := _around(path.resolve(), folders):
        raise IdentityError(
            "no key is made in the folder of the warehouse: whoever copies the folder could read the data",
            where=str(path),
            fix=f"Choose a place outside {folder}, for example ~/.config/kronkers/identity.key: "
            "KRONKERS_KEY_FILE=PATH",
        )


def _around(resolved: Path, folders: Iterable[Path]) -> Path | None:
    """The folder of the warehouse in which a path lies.

    Right in somebody's home it does not count: every other place for the key is in it too.
    """
    found = (f for f in folders if not _holds_home(f) and resolved.is_relative_to(f.resolve()))
    return next(found, None)


def _holds_home(folder: Path) -> bool:
    try:
        return Path.home().resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        return False  # a service without a home


def read_private(path: Path) -> str:
    """The text of a small file that only this user can read. Raises IdentityError."""
    make_undumpable()  # before the first byte of a key is in memory
    try:
        raw = private.read(path, "key file", secret=True, most=_MAX_BYTES + 1)
    except private.Exposed as exposed:
        raise IdentityError(exposed.what, where=str(path), fix=exposed.fix) from None
    except FileNotFoundError:
        raise IdentityError(
            "there is no key file",
            where=str(path),
            fix="Make one with: kronkers access whoami --new, and ask the administrator for a grant.",
        ) from None
    except OSError as error:
        raise IdentityError(
            f"the key file cannot be read: {error.strerror}",
            where=str(path),
            fix=f"Make it yours, and run: chmod 600 {path}",
        ) from error
    try:
        return raw.decode("utf-8") if len(raw) <= _MAX_BYTES else ""
    except UnicodeDecodeError:
        raise IdentityError("this is not a key file", where=str(path), fix=_ASK) from None


def _identity(body: dict[str, Any], where: str) -> Identity:
    try:
        checksum = body.pop("checksum")
        names = {"id", "name", "mlkem768_seed", "x25519", "ed25519_seed"}
        if set(body) != names or checksum != _checksum(body):
            raise ValueError("checksum")
        return Identity(
            body["id"],
            body["name"],
            _unb64(body["mlkem768_seed"]),
            _unb64(body["x25519"]),
            _unb64(body["ed25519_seed"]),
        )
    except (KeyError, TypeError, ValueError):
        raise IdentityError("the key file is damaged", where=where, fix=_ASK) from None


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
        if isinstance(value, dict) and _spell(value) == text:
            return value
    except (ValueError, RecursionError):
        pass  # said below, in the same words: a text that nearly is JSON is as useless as any other
    raise IdentityError("this is not a key file, or it is damaged", where=where, fix=_ASK)


def _spell(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def _checksum(body: Mapping[str, str]) -> str:
    fields = [part for key in sorted(body) for part in (key, str(body[key]))]
    return hashlib.sha256(encode(FORMAT, *fields)).hexdigest()


def _stretch(passphrase: Secret, salt: bytes, cost: Mapping[str, int]) -> bytes:
    kdf = Argon2id(
        salt=salt,
        length=sealing.KEY_BYTES,
        iterations=cost["passes"],
        lanes=cost["lanes"],
        memory_cost=cost["memory_kib"],
    )
    return kdf.derive(passphrase.reveal().encode())


def _box_context(salt: bytes, cost: Mapping[str, int]) -> bytes:
    return encode(FORMAT + " box", salt, cost["memory_kib"], cost["passes"], cost["lanes"])


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unb64(text: str) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if _b64(raw) != text:
        raise ValueError("not the one spelling")
    return raw
