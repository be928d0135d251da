"""Digests are kept for years, so what they are of stays, byte for byte."""

from pathlib import Path

from kronkers_batch import digests
from kronkers_batch.config import signing
from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.runtimes.languages import hash_files
from kronkers_batch.store.canonical import encode


def test_they_are_pinned(tmp_path: Path) -> None:
    schema = Schema((Column("a", ColumnType.FLOAT), Column("k", ColumnType.CATEGORY, ("x", "ä"))))
    (tmp_path / "lock").write_bytes(b"one")
    assert {
        "fields": digests.of_fields("a", "ä", b"x"),
        "schema": schema.digest(),
        "files": hash_files([tmp_path / "lock", tmp_path / "no"]),
        "signed definition": signing.fingerprint("model", {"a": 1, "ä": None}),
    } == {
        "fields": "bea6d0426e74f7adb5e97a6feac475a33f62701e059bd2c7687e598079719079",
        "schema": "493c518b29261ca49d306f30fa3fe5375bf57655a89670b1416183d69a422acc",
        "files": "22d5067b9b45ba6fc9532759fdf0aaaf048c22bfb2d328d002588a50b5d520ac",
        "signed definition": "9a15af0f036cd279cbf9c07af08dc4102afb7560aad8d5ed37193c572df22160",
    }
    assert encode("l 1", "ä", 12, b"x").hex() == (
        "03000000000000006c20310200000000000000c3a402000000000000003132010000000000000078"
    )


def test_no_two_lists_of_fields_are_alike() -> None:
    lists = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("", "abc"), ()]
    assert len({digests.of_fields(*fields) for fields in lists}) == len(lists)
