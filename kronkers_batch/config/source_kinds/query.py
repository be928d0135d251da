"""SQL (DuckDB) over other sources and outputs."""

from __future__ import annotations

from kronkers_batch.config import source_fields as fields
from kronkers_batch.config.fields import Counts, Field
from kronkers_batch.config.kinds import SIZE
from kronkers_batch.config.source_kind import COLUMNS, INPUTS, TIME_LIMIT, Key, SourceKind

_QUERY = Key(fields.QUERY, "DuckDB SQL over the inputs. Given: `:date`, `:from`, `:to`", required=True)
_MEMORY = Key(
    Field("memory", SIZE, default=512 * 2**20, counts=Counts.NEVER), "how much it may use; more is an error"
)

KIND = SourceKind("query", (_QUERY, INPUTS, COLUMNS, _MEMORY, TIME_LIMIT))
