"""What Hydra made of the root's files, kept between commands: importing and asking Hydra takes half a second.

It holds what the files say, before interpolation, so nothing of the environment and no secret; it lies in the
user's own cache folder, keyed by the contents of every file that counts. Losing it costs that half second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from kronkers_batch import private
from kronkers_batch.config import root_schema
from kronkers_batch.digests import Json, of_fields

_FORMAT = "3"  # of what is made of the files, where the schema does not tell


def key(contents: Hashable, overrides: tuple[str, ...]) -> str:
    """SHA-256 (hex) of what the composed root depends on: files, overrides, schema, and which Hydra."""
    parts = [
        _FORMAT,
        repr(contents),
        repr(overrides),
        repr(root_schema.described()),
        version("hydra-core"),
    ]
    return of_fields(*parts)


def look_up(name: str) -> Json:
    """What was remembered under a key, or None. A damaged file counts as none."""
    try:
        found: Json = json.loads((_folder() / f"{name}.json").read_text(encoding="utf-8"))
        return found
    except (OSError, ValueError):
        return None


def remember(name: str, composed: Json) -> None:
    """Keep it, whole or not at all. What is no plain JSON, and a folder that is closed, are let be."""
    folder = _folder()
    with suppress(OSError, TypeError, ValueError):
        text = json.dumps(composed, allow_nan=False)
        if json.loads(text) != composed:
            return
        private.own_folder(folder)
        private.replace(folder / f"{name}.json", text.encode())


def _folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    return Path(base) / "kronkers" / "composed"
