"""Filters never miss a key, and seldom name a chunk in vain."""

import hashlib

import numpy as np
import polars as pl
import pytest

from kronkers_batch.frames.schema import Column, ColumnType, Schema
from kronkers_batch.warehouse import filters
from kronkers_batch.warehouse.keyhash import hash_keys

KEY = Schema((Column("k", ColumnType.INTEGER),))
SECRET = bytes(range(32))
PINNED = {
    16: (128, "dad59afb5644800b81b771b007287164e7f8e4e905efd9867be27f0e640c7434"),
    32: (256, "4d22abdd74f3e7ef7d162260f5059d34056f1fc3c641f9a6bf8dc40078746165"),
}


def hashes(start: int, count: int):
    return hash_keys(pl.DataFrame({"k": range(start, start + count)}, schema={"k": pl.Int64}), KEY, SECRET)


def asked(layout, index, wanted) -> set[int]:
    numbers = filters.index_page_of(layout, wanted)
    return {
        chunk
        for number in set(numbers.tolist())
        for chunk in filters.candidates(layout, index[number], wanted[numbers == number])
    }


@pytest.mark.parametrize("sizes", [[1], [1000], [4096, 4096, 17], [100] * 128, [0, 50, 0]], ids=str)
def test_every_key_is_found_in_its_chunk(sizes):
    starts = np.cumsum([0, *sizes]).tolist()
    layout, parts = filters.assemble(
        256, [filters.build(hashes(s, n)) for s, n in zip(starts, sizes, strict=False)]
    )
    index = list(parts)
    assert len(index) == layout.count
    for number, (start, size) in enumerate(zip(starts, sizes, strict=False)):
        for key in {start, start + size - 1} if size else ():
            assert 256 + number in asked(layout, index, hashes(key, 1))


def test_few_chunks_are_named_in_vain():
    sizes, each = 32, 4096
    layout, parts = filters.assemble(0, [filters.build(hashes(n * each, each)) for n in range(sizes)])
    index = list(parts)
    foreign = hashes(10**9, 2000)
    named = sum(len(asked(layout, index, foreign[i : i + 1])) for i in range(len(foreign)))
    assert named / (len(foreign) * sizes) < 0.0003


@pytest.mark.parametrize("bits", [16, 32])
def test_a_filter_is_pinned(bits, monkeypatch):
    """The bytes are stored: a program of tomorrow must find in them what was put in today, and before."""
    blocks, digest = PINNED[bits]
    monkeypatch.setattr(filters, "_BITS_PER_KEY", bits)
    layout, parts = filters.assemble(0, [filters.build(hashes(0, 3000)), filters.build(hashes(3000, 10))])
    assert layout == filters.Layout(first=0, pieces=2, blocks=blocks, per=blocks)
    assert hashlib.sha256(index := b"".join(parts)).hexdigest() == digest
    for chunk, key in ((0, 2999), (1, 3000)):
        assert chunk in filters.candidates(layout, index, hashes(key, 1))


def test_layout_survives_json():
    layout = filters.Layout(first=128, pieces=7, blocks=64, per=8)
    assert filters.Layout.from_json(layout.to_json()) == layout
