"""Every command is in the table of rights, and the page says what the table says."""

import pytest

from kronkers_batch.cli.command_reference import every_command
from kronkers_batch.errors import AccessRefused
from kronkers_batch.policy import permissions
from kronkers_batch.policy.permissions import COMMANDS, PAGE, ROLES, STORE_ACTIONS, Who
from kronkers_batch.vault.context import Role, Scope
from kronkers_batch.vault.trust import Grant


def test_the_table_knows_every_command_and_no_other():
    assert set(every_command()) == set(COMMANDS)


def test_the_page_is_what_the_table_says():
    assert PAGE.read_text() == permissions.page(), "run: python -m kronkers_batch.policy.permissions"


def test_every_role_is_described_and_used():
    assert set(ROLES) == set(Role)
    used = {need for need in [*COMMANDS.values(), *STORE_ACTIONS.values()] if isinstance(need, Role)}
    assert used == set(Role)


def test_a_command_that_nobody_thought_of_is_refused():
    with pytest.raises(AccessRefused, match="nobody has said who may use"):
        permissions.need_of("steal")


def test_what_no_role_covers_is_covered_by_nobody():
    scope, mine = Scope("sales"), [Grant("g", "me", Scope("sales"), Role.ADMIN)]
    assert permissions.covers(mine, scope, Role.ADMIN)
    assert permissions.covers([], scope, Who.PRINCIPAL)
    assert permissions.covers([], scope, Who.CHECKOUT)
    # Whoever holds every department is no administrator of the warehouse by that.
    assert not permissions.covers(mine, scope, Who.ADMINISTRATOR)
    assert not permissions.covers(mine, Scope("ops"), Role.VIEWER)
