"""Parquet files, one or those that fit a pattern."""

from __future__ import annotations

from kronkers_batch.config.source_kind import COLUMNS, FILES, SourceKind

KIND = SourceKind("parquet", (FILES, COLUMNS))
