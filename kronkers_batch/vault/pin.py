"""The trust file: which administrator's public key each warehouse hangs on. It lies outside the database."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kronkers_batch import private
from kronkers_batch.errors import IdentityError, IntegrityError
from kronkers_batch.store import faults
from kronkers_batch.store.ids import is_id
from kronkers_batch.vault import names
from kronkers_batch.vault.identity import MLKEM_PUBLIC, SMALL, PublicKeys

FORMAT = "kronkers-batch trust 1"
_LONGEST = 4096  # characters of a public line; it has about 1,800
_FIX = "Get the trust file from the administrator, not from the database, and compare it with them by voice."


@dataclass(frozen=True)
class Pin:
    """One pinned warehouse: its id, and its first administrator's id and public keys.

    ``address`` is that of its database, where it was made on this machine; else empty.
    """

    warehouse: str
    principal: str
    keys: PublicKeys
    address: str = ""


def read(path: Path, warehouse: str) -> Pin:
    """The pin of this warehouse.

    Raises:
        IdentityError: There is no trust file, or another user may write to it.
        IntegrityError: It does not know this warehouse, or is damaged.
    """
    pins = _load(path)
    if (pin := pins.get(warehouse)) is None:
        raise IntegrityError(
            "this warehouse is not the one that this machine trusts",
            where=str(path),
            fix="Check warehouse.url. If it is a new one: " + _FIX,
        )
    return pin


def every(path: Path) -> list[Pin]:
    """All pins. Raises as :func:`read`."""
    return sorted(_load(path).values(), key=lambda pin: pin.warehouse)


def add(path: Path, pin: Pin) -> None:
    """Adds or replaces one warehouse's pin; the file is 0600 and changes whole or not at all."""
    _change(path, lambda pins: pins | {pin.warehouse: pin})


def remove(path: Path, warehouse: str) -> None:
    """Takes out the pin of a warehouse that never was; nothing where it has none."""
    _change(path, lambda pins: {name: pin for name, pin in pins.items() if name != warehouse})


def _change(path: Path, change: Callable[[dict[str, Pin]], dict[str, Pin]]) -> None:
    try:
        with private.locked(path.parent):
            pins = change(_load(path, missing_ok=True))
            value = {"format": FORMAT, "warehouses": {w: _to_json(p) for w, p in sorted(pins.items())}}
            private.replace(path, f"{json.dumps(value, indent=1)}\n".encode(), prefix=".trust-")
    except OSError as error:
        raise faults.from_system(error, str(path)) from error


def _to_json(pin: Pin) -> dict[str, str]:
    value = {"principal": pin.principal, "hpke": _b64(pin.keys.hpke), "sign": _b64(pin.keys.sign)}
    return value | ({"address": pin.address} if pin.address else {})


def _from_json(warehouse: str, value: Mapping[str, Any]) -> Pin:
    keys = PublicKeys(_unb64(value["hpke"]), _unb64(value["sign"]))
    return Pin(warehouse, str(value["principal"]), keys, str(value.get("address", "")))


def _load(path: Path, *, missing_ok: bool = False) -> dict[str, Pin]:
    try:
        raw = private.read(path, "trust file", secret=False, most=1 << 20)
    except private.Exposed as exposed:
        raise IdentityError(exposed.what, where=str(path), fix=exposed.fix) from None
    except FileNotFoundError:
        if missing_ok:
            return {}
        raise IdentityError("there is no trust file", where=str(path), fix=_FIX) from None
    except OSError as error:
        raise IdentityError(
            f"the trust file cannot be read: {error.strerror}", where=str(path), fix=f"chmod 600 {path}"
        ) from error
    try:
        value = json.loads(raw)
        if value["format"] != FORMAT:
            raise ValueError("format")
        return {str(w): _from_json(str(w), p) for w, p in value["warehouses"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise IntegrityError("the trust file is damaged", where=str(path), fix=_FIX) from None


def to_text(name: str, principal: str, keys: PublicKeys) -> str:
    """One line to hand to an administrator: a principal's public keys."""
    return f"kronkers-batch public 1 {principal} {name} {_b64(keys.hpke + keys.sign)}"


def from_text(text: str) -> tuple[str, str, PublicKeys]:
    """The principal's name, id and keys in a line of :func:`to_text`. Raises IdentityError."""
    parts = text[:_LONGEST].split()
    try:
        if parts[:3] != ["kronkers-batch", "public", "1"]:
            raise ValueError("format")
        _, _, _, principal, name, encoded = parts
        if not is_id(principal) or not names.fits(name):
            raise ValueError("id or name")
        raw = _unb64(encoded)
        split = MLKEM_PUBLIC + SMALL
        return name, principal, PublicKeys(raw[:split], raw[split:])
    except ValueError:
        raise IdentityError(
            "this line is not a principal's public line, or its id or name is not valid",
            fix="Ask for the whole line that `kronkers access whoami --public` prints. "
            f"A principal's name is {names.RULE}.",
        ) from None


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
