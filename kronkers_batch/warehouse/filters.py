"""Blocked Bloom filters: which chunks of an output may hold a key, without keeping rows in key order.

A chunk's filter is an array of blocks of 512 bits; a key sets six bits of one block. The filters of up to
256 chunks make a group and lie block-major: block 0 of every chunk, then block 1 of every chunk. A group is
cut into *index pages* of about 32 KB, each sealed by itself, so that a probe opens one of them a group,
whatever the number of rows. With 32 bits a key about one chunk in 25,000 is opened in vain. Outputs of
version 0.1 have groups of 128, index pages of 64 KB, 16 bits a key, and open one in a thousand: all that
stands in each group's layout.

The number of blocks is a power of two: the block of a key is its hash's lowest bits, so a smaller filter
becomes a larger one by repetition and all chunks of a group are made to agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kronkers_batch.warehouse.keyhash import Words
from kronkers_batch.warehouse.layout import Layout

Blocks = NDArray[np.uint8]  # shape (blocks, 64)

GROUP = 256
_BLOCK_BYTES = 64
_BLOCK_BITS = np.uint64(_BLOCK_BYTES * 8 - 1)
_SHIFT = 9  # bits that say a place in a block
_BITS_PER_KEY = 32
_PROBES = 6
_INDEX_BYTES = 32_768
_STEP = 8_192  # rows at once: positions stay in the processor's cache
_SHIFTS = np.arange(_PROBES, dtype=np.uint64) * np.uint64(_SHIFT)
_BITS_OF_BYTE = np.left_shift(1, np.arange(8)).astype(np.uint8)


def build(hashes: Words) -> Blocks:
    """The filter of one chunk, from the hashes of its keys (shape (rows, 2)); shape (blocks, 64)."""
    blocks = _power_of_two(-(-len(hashes) * _BITS_PER_KEY // (_BLOCK_BYTES * 8)))
    bits = np.zeros(blocks * _BLOCK_BYTES * 8, dtype=np.uint8)
    for start in range(0, len(hashes), _STEP):
        for positions in _positions(hashes[start : start + _STEP], blocks):
            bits[positions] = 1
    return np.packbits(bits, bitorder="little").reshape(blocks, _BLOCK_BYTES)


def assemble(first: int, filters: Sequence[Blocks]) -> tuple[Layout, Iterator[bytes]]:
    """One group's layout and its index pages in order, from the filters of its chunks in order."""
    blocks = max(len(f) for f in filters)
    per = min(blocks, _power_of_two(_INDEX_BYTES // (_BLOCK_BYTES * len(filters)), down=True))
    layout = Layout(first, len(filters), blocks, per)
    grown = [f if len(f) == blocks else np.tile(f, (blocks // len(f), 1)) for f in filters]
    cuts = range(0, blocks, per)
    return layout, (np.stack([f[cut : cut + per] for f in grown], axis=1).tobytes() for cut in cuts)


def index_page_of(layout: Layout, hashes: Words) -> NDArray[np.int64]:
    """For each hash, the number of the index page that knows about it; shape (keys,)."""
    return ((hashes[:, 0] & np.uint64(layout.blocks - 1)) // np.uint64(layout.per)).astype(np.int64)


def candidates(layout: Layout, index_page: bytes, hashes: Words) -> set[int]:
    """Numbers of the chunks that may hold one of the keys, all of which belong to this index page."""
    table = np.frombuffer(index_page, dtype=np.uint8).reshape(layout.per, layout.pieces, _BLOCK_BYTES)
    block = ((hashes[:, 0] & np.uint64(layout.blocks - 1)) % np.uint64(layout.per)).astype(np.int64)
    bit = (hashes[:, 1, None] >> _SHIFTS) & _BLOCK_BITS  # shape (keys, probes)
    byte = table[block[:, None], :, (bit >> np.uint64(3)).astype(np.int64)]  # shape (keys, probes, chunks)
    mask = _BITS_OF_BYTE[(bit & np.uint64(7)).astype(np.int64)]
    hit = np.all(byte & mask[:, :, None], axis=1)  # shape (keys, chunks)
    return set((layout.first + np.nonzero(hit.any(axis=0))[0]).tolist())


def _positions(hashes: Words, blocks: int) -> Iterator[NDArray[np.int64]]:
    """Bit positions of each key in its chunk's filter, one probe after another; the array is reused."""
    base = (hashes[:, 0] & np.uint64(blocks - 1)) << np.uint64(_SHIFT)
    words = hashes[:, 1].copy()
    positions = np.empty_like(base)
    for _ in range(_PROBES):
        np.bitwise_and(words, _BLOCK_BITS, out=positions)
        np.bitwise_or(positions, base, out=positions)
        yield positions.view(np.int64)
        np.right_shift(words, np.uint64(_SHIFT), out=words)


def _power_of_two(number: int, *, down: bool = False) -> int:
    """The nearest power of two from above (or below); at least 1."""
    if number <= 1:
        return 1
    return 1 << ((number.bit_length() - 1) if down else (number - 1).bit_length())
