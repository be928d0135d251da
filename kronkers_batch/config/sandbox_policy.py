"""Whether workers must run in the sandbox."""

from __future__ import annotations

from enum import StrEnum


class SandboxPolicy(StrEnum):
    """Whether workers must run in the sandbox."""

    REQUIRE = "require"
    PREFER = "prefer"
    OFF = "off"
