"""How the filters of an output lie, which its manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kronkers_batch.digests import Json


@dataclass(frozen=True)
class Layout:
    """How one group's filters lie: enough to find a block in its index pages."""

    first: int  # number of the group's first chunk
    pieces: int  # chunks in the group
    blocks: int  # blocks of each chunk's filter, a power of two
    per: int  # blocks of each chunk in one index page

    @property
    def count(self) -> int:
        """Number of index pages."""
        return self.blocks // self.per

    def to_json(self) -> dict[str, Json]:
        """A JSON value from which :meth:`from_json` makes an equal layout."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Layout:
        """The inverse of :meth:`to_json`."""
        return cls(**{name: int(value[name]) for name in ("first", "pieces", "blocks", "per")})
