"""Forked processes never repeat each other: no key and salt twice, no key made twice.

A sealed blob is one version byte, then C2SP chunked-encryption: a salt of 24 bytes, a commitment of 32, and
chunks with a tag of 16 each. Key, context and salt make the key of the chunks, whose nonces are counted: with
one salt twice, two texts would be sealed under the same key and nonces.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from kronkers_batch.store.ids import new_id
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import Context, DataKey, Kind, Scope
from tests.warehouse_support import Office

SALT, COMMITMENT, TAG = 24, 32, 16
LATE = Scope("ops", "late")
CONTEXT = Context(Kind.OUTPUT, "ops", "late", "v1")
CHILDREN = 8
KEYS = 3


def salt(blob: bytes) -> bytes:
    return blob[1 : 1 + SALT]


def test_where_the_salt_is():
    """Two blobs of one text under one key differ in salt, commitment and the rest; the salt alone is free."""
    key = sealing.generate_key()
    one, other = (sealing.seal(key, b"c", b"") for _ in range(2))
    assert len(one) == len(other) == 1 + SALT + COMMITMENT + TAG
    assert one[:1] == other[:1]
    for start, end in ((1, 1 + SALT), (1 + SALT, -TAG), (-TAG, None)):
        assert one[start:end] != other[start:end]
    # Whoever takes another's salt has another's commitment as well, and nothing opens.
    mixed = other[:1] + salt(one) + other[1 + SALT :]
    with pytest.raises(sealing.IntegrityError):
        sealing.unseal(key, b"c", mixed, "x")


def seal_many(office: Office, keys: list[DataKey], count: int, path: Path) -> None:
    """A child's work: seals through the vault that its parent opened, and writes down (key, salt)."""
    with path.open("wb") as file:
        for number in range(count):
            which = number % len(keys)
            blob = office.vault.seal(keys[which], CONTEXT, b"a score")
            file.write(bytes([which]) + salt(blob))
    made = [(sealing.generate_key(), office.vault.identity.public.seal(b"k", b"i")[:32]) for _ in range(50)]
    path.with_suffix(".made").write_bytes(b"".join(key + sealed for key, sealed in made))


def forked(work) -> int:
    """Runs it in a fork of this process, with everything that this process has in memory."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    finally:
        os._exit(code)


def never_twice(office: Office, folder: Path, total: int) -> None:
    with office.db.write() as conn:
        keys = [office.vault.new_data_key(conn, LATE, Kind.OUTPUT, new_id()) for _ in range(KEYS)]
    for key in keys:  # whatever sealing keeps from one call to the next is in memory when the forks are made
        office.vault.seal(key, CONTEXT, b"a score")
    each = total // CHILDREN

    def several(name: str, depth: int) -> None:
        """Half of the children are forks of forks."""
        grandchild = forked(lambda: several(f"{name}-fork", 0)) if depth else 0
        seal_many(office, keys, each, folder / name)
        if grandchild:
            assert os.waitpid(grandchild, 0)[1] == 0

    children = [forked(lambda n=n: several(f"child-{n}", 1)) for n in range(CHILDREN // 2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(children)
    files = [path for path in folder.iterdir() if path.suffix != ".made"]
    assert len(files) == CHILDREN
    everything = np.frombuffer(b"".join(path.read_bytes() for path in files), dtype=f"V{1 + SALT}")
    assert len(everything) == each * CHILDREN
    assert len(np.unique(everything)) == len(everything)
    made = np.frombuffer(b"".join(path.read_bytes() for path in folder.glob("*.made")), dtype="V32")
    assert len(np.unique(made)) == len(made) == 100 * CHILDREN


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "salts").mkdir()
    return tmp_path / "salts"


def test_twenty_thousand_encryptions_from_forked_processes(office, folder):
    never_twice(office, folder, 20_000)


@pytest.mark.long
def test_a_million_encryptions_from_forked_processes(office, folder):
    never_twice(office, folder, 1_000_000)
