"""Packed CSV files: read as streams, checked to their last byte, and given up where they grow like bombs.

What zip and gz say of their contents (size and checksum) is compared when the contents end, and the packed
data has to end there too: a file that was cut off, or goes on behind its end, never gives fewer rows.
"""

from __future__ import annotations

import contextlib
import io
import lzma
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from zlib import _Decompress

GROWTH = 200
"""How many times larger than packed a file may become; repeated lines become about 100 times larger."""
FREE = 2**30
"""Bytes up to which it does not matter."""
_BLOCK = 2**18
_ENTRIES = 1_000  # of an archive: one file, and folders
_ENCRYPTED = 0x1
_GZIP, _RAW = 31, -15  # zlib's numbers for the two ways to frame deflated data
_NO_ZIP = "the file is no whole zip archive"
_OTHERS = {".bz2": "bz2", ".br": "brotli", ".lz4": "lz4", ".zst": "zstd"}


_BEGINNINGS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\x1f\x8b": "packed with gzip",
    b"BZh": "packed with bzip2",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\xfd7zXZ": "packed with xz",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"PAR1": "a Parquet file",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"SQLite format 3": "a SQLite database",
}
"""How files begin that are no text."""


class Stream(Protocol):
    """A binary stream that is only read."""

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer; all that are left where none are asked for."""

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Goes to a place."""

    def tell(self) -> int:
        """The place where it stands."""

    def seekable(self) -> bool:
        """Whether it can go back."""


class PackedError(ValueError):
    """A packed file that is not read on.

    Attributes:
        what: What happened, in words that hold nothing that was found in the file.
        found: What was found there, for who may read the data.
    """

    def __init__(self, what: str, *, found: str = "") -> None:
        self.what, self.found = what, found
        super().__init__(what)


def known(start: bytes) -> str:
    """What a file is that begins so, if that is no text; else empty."""
    return next((what for begins, what in _BEGINNINGS.items() if start.startswith(begins)), "")


@contextlib.contextmanager
def opened(path: str, suffix: str) -> Iterator[Stream]:
    """What a file holds, as a binary stream, unpacked as its suffix says.

    Raises PackedError, also while it is read.
    """
    suffix = suffix.lower()
    with contextlib.ExitStack() as stack:
        if suffix == ".zip":
            yield stack.enter_context(_archive(path))
        elif suffix == ".gz":
            raw = stack.enter_context(open(path, "rb", buffering=0))  # noqa: PTH123 - by descriptor
            yield _Inflated(raw, 0, _size(raw), _GZIP)
        else:
            import pyarrow as pa

            how: Any = _OTHERS.get(suffix)  # Arrow's types do not know that None unpacks nothing
            stream = stack.enter_context(pa.input_stream(path, compression=how))
            yield _Bounded(stream, os.stat(path).st_size) if how else stream  # noqa: PTH116 - by descriptor


@contextlib.contextmanager
def _archive(path: str) -> Iterator[io.RawIOBase]:
    with contextlib.ExitStack() as stack:
        raw = stack.enter_context(open(path, "rb", buffering=0))  # noqa: PTH123 - by descriptor
        try:
            archive = stack.enter_context(zipfile.ZipFile(path))
            entry = _only(archive)
            if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                found: io.RawIOBase = _member(raw, entry, archive.start_dir)
            else:
                found = _Bounded(stack.enter_context(archive.open(entry)), entry.compress_size)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error, UnicodeDecodeError):
            raise PackedError(_NO_ZIP) from None
        yield found


def _only(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    entries = archive.infolist()
    found = [entry for entry in entries if not entry.is_dir()]
    if len(found) != 1 or len(entries) > _ENTRIES:
        names = "\n".join(entry.filename for entry in found)
        raise PackedError(
            f"the archive holds {len(found)} files; it must hold exactly one CSV file", found=names
        )
    if found[0].flag_bits & _ENCRYPTED:
        raise PackedError("the archive is encrypted")
    return found[0]


def _member(raw: io.FileIO, entry: zipfile.ZipInfo, end: int) -> _Inflated:
    head = os.pread(raw.fileno(), 30, entry.header_offset)
    if len(head) != 30 or head[:4] != b"PK\x03\x04":
        raise PackedError(_NO_ZIP)
    start = entry.header_offset + 30 + sum(struct.unpack("<HH", head[26:30]))
    if start + entry.compress_size > end:
        raise PackedError(_NO_ZIP)
    form = _RAW if entry.compress_type == zipfile.ZIP_DEFLATED else None
    return _Inflated(raw, start, entry.compress_size, form, (entry.file_size, entry.CRC))


class _Inflated(io.RawIOBase):
    """Deflated or stored data of a file, unpacked while it is read; going back begins anew.

    Args:
        raw: The file.
        start: Where the packed data begins in it.
        size: Its bytes.
        form: How it is framed, in zlib's numbers; None where it is not packed.
        said: Bytes and CRC-32 of the contents, where they stand elsewhere than in the data.
    """

    def __init__(
        self, raw: io.FileIO, start: int, size: int, form: int | None, said: tuple[int, int] | None = None
    ) -> None:
        self._raw, self._start, self._size, self._form, self._said = raw, start, size, form, said
        self._rewind()

    def _rewind(self) -> None:
        self._taken = self._given = self._checksum = 0
        self._packed = self._ready = b""
        self._decoder = zlib.decompressobj(self._form) if self._form is not None else None
        self._ended = False

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Only a member of an archive: what else is packed is read from its beginning to its end."""
        return self._said is not None

    def tell(self) -> int:
        """Bytes that were read."""
        return self._given

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Goes to a place by reading up to it."""
        target = offset + (self._given if whence == os.SEEK_CUR else 0)
        if target < self._given:
            self._rewind()
        while self._given < target and self.read(min(_BLOCK, target - self._given)):
            pass
        return self._given

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer at the end. Raises PackedError."""
        parts = []
        wanted = size if size is not None and size >= 0 else 2**63
        while wanted and (self._ready or self._more(min(wanted, _BLOCK))):
            part, self._ready = self._ready[:wanted], self._ready[wanted:]
            parts.append(part)
            wanted -= len(part)
            self._given += len(part)
        return b"".join(parts)

    def _more(self, size: int) -> bool:
        """Whether there is more; it is then in ``_ready``."""
        while not self._ready and not self._ended:
            if not self._packed:
                left = self._size - self._taken
                self._packed = os.pread(self._raw.fileno(), min(_BLOCK, left), self._start + self._taken)
                self._taken += len(self._packed)
            if not self._packed:
                self._end()
            elif self._decoder is None:
                self._ready, self._packed = self._packed, b""
            else:
                self._inflate(self._decoder, size)
        if not self._ended:
            self._checksum = zlib.crc32(self._ready, self._checksum)
            _grown(self._given + len(self._ready), self._size)
        return bool(self._ready)

    def _inflate(self, decoder: _Decompress, size: int) -> None:
        if decoder.eof:
            if self._form != _GZIP:
                raise PackedError("the file has more bytes after the end of its packed contents")
            if not self._packed.strip(b"\0"):
                self._packed = b""  # tapes and disks fill up with zeros
                return
            self._decoder = decoder = zlib.decompressobj(self._form)  # gz files may be put behind each other
        try:
            self._ready = decoder.decompress(self._packed, size)
        except zlib.error:
            raise PackedError("the packed file is damaged: a part of it or its checksum is wrong") from None
        self._packed = decoder.unconsumed_tail or decoder.unused_data

    def _end(self) -> None:
        if self._taken < self._size or (self._decoder is not None and not self._decoder.eof):
            raise PackedError("the packed file was cut off: it ends before its contents do")
        if self._said not in (None, (self._given, self._checksum)):
            raise PackedError("the packed file is damaged: its contents are not what it says they are")
        self._ended = True


class _Bounded(io.RawIOBase):
    """Another stream, as long as it does not grow like a bomb."""

    def __init__(self, stream: Stream, packed: int) -> None:
        self._stream, self._packed, self._given = stream, packed, 0

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """So many bytes, or fewer at the end. Raises PackedError."""
        data: bytes = _damaged(lambda: self._stream.read(size if size is not None and size >= 0 else _BLOCK))
        self._given += len(data)
        _grown(self._given, self._packed)
        return data


def _damaged(read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError):
        raise PackedError("the packed file is damaged or was cut off") from None


def _grown(given: int, packed: int) -> None:
    if given > max(FREE, GROWTH * packed):
        raise PackedError(
            f"the packed file becomes more than {GROWTH} times larger, and larger than {FREE // 2**30} GB, "
            "when it is unpacked"
        )


def _size(raw: io.FileIO) -> int:
    return os.fstat(raw.fileno()).st_size
