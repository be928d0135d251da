"""Which definitions may be run. ``access`` finds out, once a run; what nobody asked about is refused."""

from __future__ import annotations

from dataclasses import dataclass, field

from kronkers_batch.config.spec import InputRef
from kronkers_batch.errors import AccessRefused


@dataclass
class Permissions:
    """What was found out.

    Args:
        models: Why a model's definition may not be run; None where it may.
        inputs: What may be read, since some model whose definition may be run reads it.
    """

    models: dict[str, AccessRefused | None] = field(default_factory=dict)
    inputs: set[InputRef] = field(default_factory=set)

    def require(self, name: str) -> None:
        """Raises AccessRefused unless it was found that a model's definition may be run."""
        if name not in self.models:
            raise AccessRefused(
                "the program did not check the signature of this model",
                where=f"model {name}",
                fix="Report this: it is a fault of kronkers.",
            )
        if (error := self.models[name]) is not None:
            raise error

    def require_input(self, ref: InputRef) -> None:
        """Raises AccessRefused unless a model is known that reads this, and whose definition may be run."""
        if ref not in self.inputs:
            name = ref.source or ref.output
            raise AccessRefused(
                "the program did not check the signature of a model that reads this source",
                where=f"source {name}",
                fix="Report this: it is a fault of kronkers.",
            )
