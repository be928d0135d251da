"""Values that are used and never shown."""

from __future__ import annotations


class Secret:
    """A value that never shows: its repr and str say nothing, and it does not pickle or enter JSON."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it where it is used and keep no copy."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a secret is not pickled")
