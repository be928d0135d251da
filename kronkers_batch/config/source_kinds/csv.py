"""CSV files, one or those that fit a pattern."""

from __future__ import annotations

from kronkers_batch.config.source_kind import COLUMNS, CSV, FILES, SourceKind

KIND = SourceKind("csv", (FILES, COLUMNS, CSV))
