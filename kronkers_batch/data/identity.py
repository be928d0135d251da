"""The cheap identity of a source's rows in a window: whether they changed, without reading them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kronkers_batch.config.places import Places
from kronkers_batch.config.spec import CheckSpec, InputRef, SourceKind, SourceSpec
from kronkers_batch.data.window import Window

_FORMAT = 1
Heads = Callable[[str, Window], Sequence[str]]
"""Gives the version ids that a reader of a model's output sees in a window, in order of their dates."""


def identity(
    source: SourceSpec,
    window: Window,
    *,
    sources: Mapping[str, SourceSpec],
    places: Places,
    heads: Heads | None = None,
) -> str:
    """SHA-256 (hex) over the source's definition, the window, and what its kind can say cheaply.

    Files: resolved path, size and modification time (ns) of each. Package: its version and the file. Output:
    the head version ids in the window. Query: the inputs' identities. Database: the value of the watermark
    query; **without one the database cannot be asked**, so only the definition and window count, and changed
    rows of a window that was read before are not noticed.

    Raises:
        SourceError: A file is missing or lies where none may, or a watermark query failed.
    """
    parts = {
        "format": _FORMAT,
        "definition": definition(source),
        "window": window.to_json(),
        "contents": _contents(source, window, sources, places, heads),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


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
    source: SourceSpec,
    window: Window,
    sources: Mapping[str, SourceSpec],
    places: Places,
    heads: Heads | None,
) -> Any:
    if source.kind in (SourceKind.PARQUET, SourceKind.CSV):
        return _files(source, places)
    if source.kind is SourceKind.PACKAGE:
        from kronkers_batch.data.sources.package import distribution

        return [distribution(source).version, *_files(source, places)]
    if source.kind is SourceKind.DATABASE:
        from kronkers_batch.data.sources.database import watermark

        return watermark(source, window, places)
    if source.kind is SourceKind.OUTPUT:
        return _heads(source.output, window, heads)
    return {
        name: _heads(ref.output, window, heads)
        if ref.output
        else identity(
            sources[ref.source],
            window if sources[ref.source].kind is SourceKind.OUTPUT else Window(None, None),
            sources=sources,
            places=places,
            heads=heads,
        )
        for name, ref in source.inputs.items()
    }


def _files(source: SourceSpec, places: Places) -> list[list[Any]]:
    from kronkers_batch.data.sources.files import states

    return [list(state[:3]) for state in states(source, places)]


def _heads(model: str, window: Window, heads: Heads | None) -> list[str]:
    if heads is None:
        raise ValueError("the identity of an output needs its head versions")
    return list(heads(model, window))
