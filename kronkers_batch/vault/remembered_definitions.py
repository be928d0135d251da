"""What this account remembers of signed definitions, outside conf and outside the database.

Who edits conf could point the nightly service at another warehouse, where nothing is required; who can write
to the database could put an older signature back, or take the requirement away. Neither can reach this file:
it lies beside the trust file, in the folder that the *environment* names, and only its owner may write to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.errors import IdentityError, IntegrityError
from kronkers_batch.store import faults

FORMAT = "kronkers-batch signed 1"
NAME = "file of signed definitions"


@dataclass
class Remembered:
    """Of one warehouse: whether it requires signatures, its address, and the newest signature of each name.

    ``required`` is None until an administrator's signature said either. ``seen`` is by ``kind/name``: the
    number, and the digest of the row.
    """

    required: bool | None = None
    address: str = ""
    seen: dict[str, tuple[int, str]] = field(default_factory=dict)


@dataclass
class Memory:
    """The file's contents; :meth:`save` writes what changed."""

    path: Path
    warehouses: dict[str, Remembered]
    changed: bool = False

    @property
    def requires(self) -> bool:
        """Whether some warehouse of this account requires signed definitions."""
        return any(w.required for w in self.warehouses.values())

    @property
    def addresses(self) -> frozenset[str]:
        """The addresses of the warehouses about which an administrator signed something."""
        return frozenset(w.address for w in self.warehouses.values() if w.required is not None)

    def of(self, warehouse: str) -> Remembered:
        """What is remembered of a warehouse; empty at first."""
        return self.warehouses.get(warehouse, Remembered())

    def require(self, warehouse: str, required: bool, address: str) -> None:
        """Remembers what an administrator's signature says."""
        known = self.warehouses.setdefault(warehouse, Remembered())
        if (known.required, known.address) != (required, address):
            known.required, known.address = required, address
            self.changed = True

    def see(self, warehouse: str, subject: str, number: int, digest: str) -> None:
        """Remembers the newest signature of a name."""
        known = self.warehouses.setdefault(warehouse, Remembered())
        if known.seen.get(subject) != (number, digest):
            known.seen[subject] = (number, digest)
            self.changed = True

    def save(self) -> None:
        """Writes the file where something changed; mode 0600, whole or not at all. Raises StoreError."""
        if not self.changed:
            return
        try:
            with private.locked(self.path.parent):
                _newest(self, load(self.path))
                private.replace(self.path, self._text().encode(), prefix=".signed-")
        except OSError as error:
            raise faults.from_system(error, str(self.path)) from error
        self.changed = False

    def _text(self) -> str:
        value = {
            "format": FORMAT,
            "warehouses": {
                name: {"required": w.required, "address": w.address, "seen": dict(sorted(w.seen.items()))}
                for name, w in sorted(self.warehouses.items())
            },
        }
        return f"{json.dumps(value, indent=1)}\n"


def load(path: Path) -> Memory:
    """What is remembered; nothing where there is no file.

    Raises:
        IdentityError: Another user may write to it. IntegrityError: It is damaged.
    """
    try:
        raw = private.read(path, NAME, secret=False, most=1 << 24)
    except private.Exposed as exposed:
        raise IdentityError(exposed.what, where=str(path), fix=exposed.fix) from None
    except FileNotFoundError:
        return Memory(path, {})
    except OSError as error:
        raise faults.from_system(error, str(path)) from error
    try:
        value = json.loads(raw)
        if value["format"] != FORMAT:
            raise ValueError("format")
        found = {str(name): _remembered(w) for name, w in value["warehouses"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise IntegrityError(
            "the file in which this account remembers signed definitions is damaged",
            where=str(path),
            fix="Restore it from a backup. Delete it only if you are sure that nobody changed the warehouse.",
        ) from None
    return Memory(path, found)


def _remembered(value: Mapping[str, object]) -> Remembered:
    required, seen = value["required"], value["seen"]
    if (required is not None and not isinstance(required, bool)) or not isinstance(seen, dict):
        raise ValueError("required")
    pairs = {str(k): (int(number), str(digest)) for k, (number, digest) in seen.items()}
    return Remembered(required, str(value["address"]), pairs)


def _newest(mine: Memory, stored: Memory) -> None:
    """Another process of this account may have seen newer signatures since this one began."""
    for name, theirs in stored.warehouses.items():
        own = mine.warehouses.setdefault(name, theirs)
        for subject, pair in theirs.seen.items():
            if own.seen.get(subject, (0, ""))[0] < pair[0]:
                own.seen[subject] = pair
                if subject.startswith("policy/"):
                    own.required, own.address = theirs.required, theirs.address
