"""Another model's published output."""

from __future__ import annotations

from dataclasses import replace

from kronkers_batch.config.source_kind import COLUMNS, OUTPUT, SourceKind

KIND = SourceKind("output", (OUTPUT, replace(COLUMNS, required=False)), is_dated=True)
