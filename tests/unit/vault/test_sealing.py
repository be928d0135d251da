"""Sealing, contexts, and what they are bound to."""

import copy
import hashlib
import os
import pickle

import pytest

from kronkers_batch.errors import IntegrityError
from kronkers_batch.vault import sealing
from kronkers_batch.vault.context import Context, DataKey, Kind, Role, Scope

KEY = bytes(range(32))
CONTEXT = Context(Kind.OUTPUT, "sales", "churn", "v1", 3, 100, "abc")


@pytest.mark.parametrize("size", [0, 1, 16_383, 16_384, 16_385, 1 << 20])
def test_what_is_sealed_opens_again(size):
    data = os.urandom(size)
    blob = sealing.seal(KEY, b"c", data)
    assert sealing.unseal(KEY, b"c", blob, "x") == data
    assert sealing.seal(KEY, b"c", data) != blob


def test_any_buffer_will_do():
    import numpy as np

    array = np.arange(10, dtype=np.float64)
    blob = sealing.seal(KEY, b"c", array)
    assert sealing.unseal(KEY, b"c", bytearray(blob), "x") == array.tobytes()


def test_context_bytes_are_pinned():
    assert hashlib.sha256(CONTEXT.encode()).hexdigest() == (
        "0c064521ba318690856a05fae77f114fb57671ecb4eefa4d894e2b67a48fbdf6"
    )
    assert CONTEXT.encode().startswith(b"\x18" + bytes(7) + b"kronkers-batch context 1\x06")


def test_a_sealed_blob_of_this_format_opens_for_ever():
    blob = bytes.fromhex(
        "0117471eb0588fabbe6cd46f472fc41cbd0ed7b79781aa2514146f73ae3c559e35b168635d09d29d044c185797"
        "b4a0a3d35c8090641e99bea6b7e30d36d3988cf86f788750f2d0cb3027b6e32428"
    )
    assert sealing.unseal(KEY, CONTEXT.encode(), blob, "x") == b"hello"


def test_derived_keys_are_pinned():
    assert sealing.view_key(KEY).hex() == "2446130d678c0a03d9e5dccaa110e840e238de862ffb64f94896f0db01709b21"
    assert sealing.key_check(KEY).hex() == "f03ff312bd45c5edf26661067571b169044b3f1a79f36383c64250b2f2cef0a2"


OTHERS = [
    Context(Kind.SNAPSHOT, "sales", "churn", "v1", 3, 100, "abc"),
    Context(Kind.OUTPUT, "ops", "churn", "v1", 3, 100, "abc"),
    Context(Kind.OUTPUT, "sales", "other", "v1", 3, 100, "abc"),
    Context(Kind.OUTPUT, "sales", "churn", "v2", 3, 100, "abc"),
    Context(Kind.OUTPUT, "sales", "churn", "v1", 4, 100, "abc"),
    Context(Kind.OUTPUT, "sales", "churn", "v1", 3, 101, "abc"),
    Context(Kind.OUTPUT, "sales", "churn", "v1", 3, 100, "abd"),
    Context(Kind.OUTPUT, "sale", "schurn", "v1", 3, 100, "abc"),
    Context(Kind.OUTPUT, "sales", "churn", "v13", 3, 100, "abc"),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda c: f"{c} {c.rows} {c.schema}")
def test_it_opens_in_its_own_context_only(other):
    blob = sealing.seal(KEY, CONTEXT.encode(), b"hello")
    with pytest.raises(IntegrityError):
        sealing.unseal(KEY, other.encode(), blob, "x")


def test_keys_do_not_show_or_travel():
    key = DataKey("id", Scope("sales"), Kind.OUTPUT, "v1", KEY)
    assert KEY.hex() not in repr(key)
    assert str(KEY) not in repr(key)
    for travel in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            travel(key)


def test_roles_are_ordered():
    order = [Role.VIEWER, Role.READER, Role.OPERATOR, Role.APPROVER, Role.ADMIN]
    for i, a in enumerate(order):
        assert [a.covers(b) for b in order] == [j <= i for j in range(5)]
