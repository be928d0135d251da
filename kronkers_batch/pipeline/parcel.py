"""What a version's artifact holds: the stored model, and before it the files that lay beside its code.

A model whose folder holds its code file alone has an artifact that is the stored model and nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from kronkers_batch.errors import IntegrityError
from kronkers_batch.registry.training import ModelVersion

_LENGTH = 8


def packed(files: Mapping[str, bytes], artifact: bytes) -> bytes:
    """The files, with their names and sizes before them, and then the artifact; without files it alone."""
    if not files:
        return artifact
    sizes = json.dumps({name: len(raw) for name, raw in files.items()}).encode()
    return b"".join([len(sizes).to_bytes(_LENGTH, "little"), sizes, *files.values(), artifact])


def unpacked(version: ModelVersion, raw: bytes) -> tuple[dict[str, bytes], bytes]:
    """The inverse of :func:`packed`: files by name, and the artifact.

    Raises:
        IntegrityError: They are not those of the version's declaration.
    """
    declared: Mapping[str, str] = version.training.declaration.get("files", {})
    if not declared:
        return {}, raw
    start = _LENGTH + int.from_bytes(raw[:_LENGTH], "little")
    files: dict[str, bytes] = {}
    for name, size in json.loads(raw[_LENGTH:start]).items():
        files[name] = raw[start : start + size]
        start += size
    if {name: hashlib.sha256(held).hexdigest() for name, held in files.items()} != declared:
        raise IntegrityError(
            "the files beside the code of this version differ from those that its record names",
            where=version.ref,
            fix="Do not use this version; restore the database and the artifacts from a backup.",
        )
    return files, raw[start:]
