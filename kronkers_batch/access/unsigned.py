"""Whether code that nobody has signed may be loaded here: all that ``check`` asks of the authorisation."""

from __future__ import annotations

import os

from kronkers_batch.config import account
from kronkers_batch.config.root_spec import Config
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.errors import AccessRefused
from kronkers_batch.vault import remembered_definitions


def check_probe(config: Config) -> None:
    """Refuses to load code outside the sandbox where this account's warehouse requires signed definitions.

    ``kronkers check`` loads code before anybody has signed it; the sandbox is what makes that harmless.
    Raises AccessRefused, IdentityError, IntegrityError.
    """
    loose = config.executor.sandbox is not SandboxPolicy.REQUIRE
    if loose and remembered_definitions.load(account.memory_file(os.environ)).requires:
        raise AccessRefused(
            "this account runs signed definitions only, and conf allows unsigned code outside the sandbox",
            where="conf: executor.sandbox",
            fix="Write executor.sandbox: require",
        )
