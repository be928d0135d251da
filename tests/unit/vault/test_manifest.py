"""Manifests: verified, then opened, then parsed."""

import dataclasses

import pytest

from kronkers_batch.errors import IntegrityError
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.vault import manifest as m
from kronkers_batch.vault.context import Kind, Role, Scope

SCHEMA = Schema((Column("a", ColumnType.FLOAT), Column("k", ColumnType.CATEGORY, ("x", "ä"))))
WHOLE = m.Manifest(
    Kind.OUTPUT,
    "sales",
    "churn",
    "v1",
    1_371_000_000_123_456,
    (m.ChunkEntry(0, 65_536, "ab" * 32, SCHEMA.digest()), m.ChunkEntry(1, 7, "cd" * 32)),
    SCHEMA,
    {"snapshot": "s1", "packages": {"numpy": "2"}},
    {"mean": 0.1, "nothing": None},
)
ASKED = (Kind.OUTPUT, "sales", "churn", "v1")


@pytest.fixture
def key(wh):
    with wh.db.write() as conn:
        return wh.admin.new_data_key(conn, Scope("sales", "churn"), Kind.OUTPUT, "v1")


def open_(wh, key, blob, signature, asked=ASKED):
    with wh.db.read() as conn:
        return m.open_manifest(wh.again("admin"), conn, key, *asked, blob, signature)


def test_bytes_are_canonical_and_pinned():
    assert WHOLE.to_bytes() == (
        b'{"created":1371000000123456,"department":"sales","extra":{"mean":0.1,"nothing":null},'
        b'"format":"kronkers-batch manifest 1","kind":"output",'
        b'"lineage":{"packages":{"numpy":"2"},"snapshot":"s1"},"name":"churn",'
        b'"pieces":[[0,65536,"' + b"ab" * 32 + b'","' + SCHEMA.digest().encode() + b'"],'
        b'[1,7,"' + b"cd" * 32 + b'",""]],'
        b'"schema":[{"levels":[],"name":"a","type":"float"},'
        b'{"levels":["x","\\u00e4"],"name":"k","type":"category"}],"version_id":"v1"}'
    )
    assert m.Manifest.from_bytes(WHOLE.to_bytes()) == WHOLE
    assert WHOLE.rows == 65_543


def test_digests_are_blake3():
    """As its authors publish them for no bytes, and for abc."""
    assert m.digest() == m.digest(b"") == "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    assert m.digest(b"a", memoryview(b"bc")) == m.digest(b"abc")
    assert m.digest(b"abc") == "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"


def test_nan_has_no_canonical_form():
    with pytest.raises(ValueError, match="JSON"):
        dataclasses.replace(WHOLE, extra={"mean": float("nan")}).to_bytes()


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b"null", WHOLE.to_bytes()[:-1], WHOLE.to_bytes().replace(b"st 1", b"st 2")]
)
def test_other_formats_are_refused(raw):
    with pytest.raises(IntegrityError):
        m.Manifest.from_bytes(raw)


def test_it_opens_for_who_asks_for_it(wh, key):
    blob, signature = m.seal_manifest(wh.admin, key, WHOLE)
    assert open_(wh, key, blob, signature) == WHOLE
    assert b"churn" not in blob


@pytest.mark.parametrize(
    "asked",
    [
        (Kind.SNAPSHOT, "sales", "churn", "v1"),
        (Kind.OUTPUT, "ops", "churn", "v1"),
        (Kind.OUTPUT, "sales", "basket", "v1"),
        (Kind.OUTPUT, "sales", "churn", "v2"),
    ],
)
def test_it_stands_for_no_other_version(wh, key, asked):
    blob, signature = m.seal_manifest(wh.admin, key, WHOLE)
    with pytest.raises(IntegrityError, match="the signed data was changed"):
        open_(wh, key, blob, signature, asked)


def test_one_whose_inside_speaks_of_another_version(wh, key):
    from kronkers_batch.vault.manifest import _context

    context = _context(*ASKED)
    blob = wh.admin.seal(key, context, dataclasses.replace(WHOLE, version_id="v0").to_bytes())
    with pytest.raises(IntegrityError, match="another version"):
        open_(wh, key, blob, wh.admin.sign(context, blob))


def test_the_signature_comes_before_the_opening(wh, key, monkeypatch):
    bob = wh.member("bob", Scope("sales"), Role.READER)
    blob, signature = m.seal_manifest(bob, key, WHOLE)

    def never(*_):
        raise AssertionError("opened before it was verified")

    monkeypatch.setattr("kronkers_batch.vault.sealing.unseal", never)
    with pytest.raises(IntegrityError, match="bob signed without the role operator"), wh.db.read() as conn:
        m.open_manifest(wh.admin, conn, key, *ASKED, blob, signature)


def test_chunks_are_compared_before_they_are_opened():
    entry = m.ChunkEntry(3, 1, m.digest(b"ciphertext"))
    m.check_chunk(entry, memoryview(b"ciphertext"))
    with pytest.raises(IntegrityError, match="chunk 3"):
        m.check_chunk(entry, b"ciphertexu")


def test_a_signature_of_another_warehouse_is_refused(wh, key):
    """The same administrator of two warehouses, and the same department, model and version in both."""
    pin = dataclasses.replace(wh.admin.trust.pin, warehouse="another")
    elsewhere = type(wh.admin)(wh.admin.identity, pin)
    blob, signature = m.seal_manifest(elsewhere, key, WHOLE)
    with pytest.raises(IntegrityError, match="the signed data was changed"):
        open_(wh, key, blob, signature)
