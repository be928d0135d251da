"""What is refused before anything is read"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from kronkers_batch.access import authorisation, definition_signing, rights
from kronkers_batch.config.root_spec import Definitions
from kronkers_batch.config.sandbox_policy import SandboxPolicy
from kronkers_batch.data.window import Window
from kronkers_batch.errors import AccessRefused
from kronkers_batch.pipeline.champion import open_champion
from kronkers_batch.pipeline.ingest import ingest
from kronkers_batch.pipeline.score import score
from kronkers_batch.pipeline.train import train
from kronkers_batch.planning.plan import State
from kronkers_batch.session.known import Definition
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.vault.context import Role, Scope
from tests.rules.world import DAY, MODEL, READER, World


def require(world: World, *names: str) -> None:
    """From now on the warehouse runs signed definitions only; these are signed as they are."""
    services = world.services
    definition_signing.sign(services, definition_signing.requirement(services, True), "for a test")
    if names:
        definition_signing.sign(services, definition_signing.named(services, names), "for a test")
    services.run = Run()


def refused(world: World, name: str = MODEL) -> str:
    error = authorisation.refusal(world.services, name)
    return error.what if error else ""


def test_an_unsigned_definition_is_refused(world: World):
    """If signatures are required, an unsigned definition is refused. If signatures are not required, unsigned
    definitions run.
    """
    assert refused(world) == ""
    require(world, MODEL)
    assert refused(world) == ""
    assert refused(world, READER) != ""


def test_a_definition_that_changed_since_is_refused(world: World):
    """A definition that changed since it was signed is refused. The code and `output.retention` are part of a
    signed definition.
    """
    require(world, MODEL)
    world.spec(seed=9)
    assert "the definition changed since" in refused(world)
    world.spec(seed=1)
    assert refused(world) == ""
    world.spec(retention=dt.timedelta(days=1))
    assert "the definition changed since" in refused(world)
    world.spec(retention=None)
    (world.folder / "models/price/model.py").write_text("fit = score = print\n")
    world.services.run = Run()
    assert "the definition changed since" in refused(world)


def test_conf_cannot_undo_the_requirement(world: World):
    """`definitions: trusted` in `conf/` does not undo `kronkers sign --require`. `definitions: signed`
    requires signatures even if no administrator required them.
    """
    world.services.config = replace(world.services.config, definitions=Definitions.SIGNED)
    world.services.run = Run()
    assert "nobody has signed" in refused(world)
    require(world)
    world.services.config = replace(world.services.config, definitions=Definitions.TRUSTED)
    world.services.run = Run()
    assert "nobody has signed" in refused(world)


def test_a_changed_root_refuses_every_model(world: World):
    """If signatures are required and the root configuration is not as signed, every model is refused."""
    require(world, MODEL)
    executor = replace(world.services.config.executor, sandbox=SandboxPolicy.OFF)
    world.services.config = replace(world.services.config, executor=executor)
    world.services.run = Run()
    assert "the definition changed since" in refused(world)


def test_a_refused_definition_runs_nothing(world: World):
    """For a refused definition no training is due, no date is scored, and no row of its source is read. A
    definition that was not checked is refused too.
    """
    version = world.version(champion=True)
    require(world)
    plan = world.plan()
    assert [entry.state for entry in plan.entries.values()] == [State.REFUSED]
    services, model, definition = world.services, world.services.model(MODEL), Definition({}, "", {})
    refused, unasked = services.run, Run()
    for work in (
        lambda: train(services, model, DAY, "a fingerprint", definition, "for a test"),
        lambda: score(services, model, DAY, version, "a fingerprint", "an identity"),
        lambda: open_champion(services, model, version),
        lambda: ingest(services, model, Window(None, None)),
    ):
        for services.run in (refused, unasked):
            with pytest.raises(AccessRefused, match=r"nobody has signed|did not check"):
                work()
    with pytest.raises(AccessRefused, match="did not check"):
        open_champion(services, model, version)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.READER])
def test_who_only_reads_runs_nothing(world: World, role: Role):
    """A caller who is not at least operator of a model cannot run it."""
    world.join("rob", role, Scope("sales"))
    error = rights.refusal(world.services, MODEL)
    assert error is not None
    assert error.what == f"this needs the role operator on sales/{MODEL}; your role is {role}"


def test_an_operator_of_one_model_runs_that_one(world: World):
    """An operator of one model runs that model, and no other."""
    world.join("olga", Role.OPERATOR, Scope("sales", MODEL))
    assert rights.refusal(world.services, MODEL) is None
    assert rights.refusal(world.services, READER) is not None
