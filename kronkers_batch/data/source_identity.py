"""The cheap identity of a source's rows in a window: whether they changed, without reading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CheckSpec, InputRef, SourceSpec
from kronkers_batch.data import source_kinds
from kronkers_batch.data.stated import Stated
from kronkers_batch.data.window import Window


def stated(
    source: SourceSpec, window: Window, *, sources: Mapping[str, SourceSpec], places: Places
) -> Stated:
    """The source's definition, the window, and what its kind can say cheaply; reads no rows.

    Files: resolved path, size and modification time (ns) of each. Package: its version and the file. Output:
    the head versions in the window. Query: the inputs' identities. Database: the value of the watermark
    query; **without one the database cannot be asked**, so only the definition and window count, and changed
    rows of a window that was read before are not noticed.

    Raises:
        SourceError: A file is missing or lies where none may, or a watermark query failed.
    """
    contents = source_kinds.of(source.kind).contents(source, window, sources, places)
    return Stated(definition(source), window.to_json(), contents)


def definition(source: SourceSpec) -> str:
    """SHA-256 (hex) over what decides the rows: columns, key, checks, query, place; no secret.

    A database's URL counts without its user and password, so that a changed password reads nothing anew.
    """
    parts = [
        source.name,
        source.department,
        source.kind,
        source.schema.digest(),
        source.key,
        source.time_column,
        [_check(c) for c in source.checks],
        source.path,
        source.package,
        source_kinds.of(source.kind).address(source),
        source.query,
        source.watermark,
        {name: _ref(ref) for name, ref in sorted(source.inputs.items())},
        source.output,
        dict(sorted(source.csv.items())),
    ]
    if source.options:  # which no kind had when the first identities were stored
        parts.append(dict(sorted(source.options.items())))
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _check(check: CheckSpec) -> list[Any]:
    return [check.kind, check.columns, sorted(check.arguments.items()), check.on_failure, check.up_to]


def _ref(ref: InputRef) -> list[str]:
    return ["source", ref.source] if ref.source else ["output", ref.output]
