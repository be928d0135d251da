"""The cheap identity of a source's rows in a window: whether they changed, without reading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, cast

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CheckSpec, InputRef, SourceKind, SourceSpec
from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.data.window import Window
from kronkers_batch.digests import Json


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
    return Stated(definition(source), window.to_json(), _contents(source, window, sources, places))


def definition(source: SourceSpec) -> str:
    """SHA-256 (hex) over what decides the rows: columns, key, checks, query, place; no secret.

    A database's URL counts without its user and password, so that a changed password reads nothing anew.
    """
    address = ""
    if source.kind is SourceKind.DATABASE:
        from kronkers_batch.data.sources.database import where

        address = where(source)
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
        address,
        source.query,
        source.watermark,
        {name: _ref(ref) for name, ref in sorted(source.inputs.items())},
        source.output,
        dict(sorted(source.csv.items())),
    ]
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def _check(check: CheckSpec) -> list[Any]:
    return [check.kind, check.columns, sorted(check.arguments.items()), check.on_failure, check.up_to]


def _ref(ref: InputRef) -> list[str]:
    return ["source", ref.source] if ref.source else ["output", ref.output]


def _contents(
    source: SourceSpec, window: Window, sources: Mapping[str, SourceSpec], places: Places
) -> Json | Heads | Mapping[str, Heads | Stated]:
    if source.kind in (SourceKind.PARQUET, SourceKind.CSV):
        return _files(source, places)
    if source.kind is SourceKind.PACKAGE:
        from kronkers_batch.data.sources.package import distribution

        return [distribution(source).version, *_files(source, places)]
    if source.kind is SourceKind.DATABASE:
        from kronkers_batch.data.sources.database import watermark

        return watermark(source, window, places)
    if source.kind is SourceKind.OUTPUT:
        return Heads(source.output, window.start, window.end)
    return {
        name: Heads(ref.output, window.start, window.end)
        if ref.output
        else stated(
            sources[ref.source],
            window if sources[ref.source].kind is SourceKind.OUTPUT else Window(None, None),
            sources=sources,
            places=places,
        )
        for name, ref in source.inputs.items()
    }


def _files(source: SourceSpec, places: Places) -> list[Json]:
    from kronkers_batch.data.sources.files import states

    return [[cast(Json, part) for part in state[:3]] for state in states(source, places)]
