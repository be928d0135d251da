from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from kronkers_batch.data import uniqueness as module
from kronkers_batch.data.uniqueness import Seen, Unique
from tests.data_support import MARKER


def count(values: Any, memory: int = 2**27, chunk: int = 1000) -> int:
    frame = pl.DataFrame(values)
    unique = Unique(tuple(frame.columns), memory=memory)
    for start in range(0, frame.height, chunk):
        unique.feed(frame[start : start + chunk])
    return unique.finish()


@pytest.mark.parametrize("memory", [2**27, 20_000])
@pytest.mark.parametrize("kind", ["integers", "texts", "pairs"])
def test_repeats_are_counted_in_memory_and_spilled(memory: int, kind: str) -> None:
    numbers = np.random.default_rng(3).permutation(20_000)
    numbers[[5, 19_000]] = numbers[[77, 3]]
    columns = {
        "integers": {"a": numbers - 10_000},
        "texts": {"a": [f"k{n}" for n in numbers]},
        "pairs": {"a": numbers // 100, "b": [f"k{n % 100}" for n in numbers]},
    }[kind]
    assert count(columns, memory) == 2
    assert count({k: v[6:18_000] for k, v in columns.items()}, memory) == 0


def test_more_than_a_million_unsorted_keys() -> None:
    numbers = np.random.default_rng(3).permutation(1_200_000)
    numbers[0] = numbers[-1]
    assert count({"a": numbers}, chunk=262_144) == 1


def test_rising_keys_need_no_sorting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_repeats", lambda _keys: pytest.fail("sorted"))
    assert count({"a": range(5000)}) == 0


def test_rising_keys_with_a_repeat_at_a_border() -> None:
    assert count({"a": [*range(1000), 999, *range(1000, 2000)]}) == 1


def test_a_column_and_its_swap_are_different_keys() -> None:
    assert count({"a": [1, 2], "b": [2, 1]}) == 0


def test_halves_that_collide_are_told_apart() -> None:
    keys = np.array([[1, 1], [1, 2], [1, 2], [2, 1]], dtype=np.uint64)
    assert module._repeats([keys[:2], keys[2:]]) == 1


def test_what_is_spilled_is_ciphertext_in_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    written: list[bytes] = []
    real = tempfile.TemporaryFile
    monkeypatch.setattr(module.tempfile, "TemporaryFile", lambda *a, **k: Recorder(real(*a, **k), written))
    planted = int.from_bytes(MARKER.encode()[:8], "little") >> 1
    unique = Unique(("a",), memory=8000)
    unique.feed(pl.DataFrame({"a": [planted] * 2000}))
    assert os.listdir(tmp_path) == []
    assert unique.finish() == 1999
    assert written
    assert all(planted.to_bytes(8, "little") not in block for block in written)


class Recorder:
    """A file that also keeps what is written to it."""

    def __init__(self, file: Any, written: list[bytes]) -> None:
        self.file, self.written = file, written

    def write(self, data: bytes) -> int:
        self.written.append(bytes(data))
        return int(self.file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_seen_keeps_the_first_across_many_chunks_and_has_a_limit() -> None:
    seen = Seen(("a",), limit=30)
    for start in range(0, 30, 2):
        assert seen.again(pl.DataFrame({"a": [start, start + 1, start]})).to_list() == [False, False, True]
    assert seen.again(pl.DataFrame({"a": [0, 29, None]})).to_list() == [True, True, False]
    with pytest.raises(OverflowError):
        seen.again(pl.DataFrame({"a": [1000]}))
