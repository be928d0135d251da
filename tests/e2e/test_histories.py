"""Ten histories on the real thing: what a night leaves is what the small model of those in memory expects.

Definitions, thresholds and policies change, rows arrive late, the source breaks and is mended, people promote
and roll back; nights are skipped and repeated. Each trains and scores in real processes, in a real warehouse.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest

from kronkers_batch.config.spec import Promote, Retrain
from kronkers_batch.errors import KronkersError
from kronkers_batch.session.lifetimes import Request, Run
from tasks.run import run
from tests.rules.conftest import at_home, folder, made  # noqa: F401 - fixtures
from tests.rules.world import MODEL, World, after, offers, threshold
from tests.unit.planning.memory import SALES, Declared, Office, Stored
from tests.unit.planning.test_histories import Expected

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
STEPS, HISTORIES = 12, 10
UNREACHED = threshold("r2", 2.0)


class History:
    """A world, what is declared in it, and a random series of what happens."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.chance = world, random.Random(seed)
        self.declared, self.today, self.rows, self.broken = Declared(quality=0), 0, 6, False

    # ------------------------------------------------------------ what happens

    def step(self) -> None:
        self.chance.choice(
            [self.night, self.night, self.night, self.definition, self.thresholds, self.policies,
             self.promote, self.roll_back, self.arrive, self.break_or_mend, self.skip]
        )()  # fmt: skip

    def declare(self, **changes: object) -> None:
        self.declared = replace(self.declared, **changes)  # type: ignore[arg-type]
        declared = self.declared
        self.world.spec(
            seed=100 + declared.definition,
            retrain=Retrain(after(declared.every) - after(0) if declared.every else None),
            promote=Promote.AUTOMATIC if declared.automatic else Promote.MANUAL,
            training_thresholds=(UNREACHED,) if declared.least else (),
            output_thresholds=(threshold("rows", 7),) if declared.rows else (),
        )

    def definition(self) -> None:
        self.declare(definition=self.chance.randrange(3))

    def thresholds(self) -> None:
        self.declare(least=self.chance.randrange(2), rows=self.chance.choice([0, 7]))

    def policies(self) -> None:
        self.declare(every=self.chance.randrange(3), automatic=self.chance.random() < 0.7)

    def promote(self) -> None:
        if versions := self.world.services.registry.versions(MODEL):
            self.world.promote(self.chance.choice(versions))

    def roll_back(self) -> None:
        if len({p.number for p in self.world.services.registry.history(MODEL)}) > 1:
            self.world.services.registry.rollback(MODEL, why="for a test")

    def arrive(self) -> None:
        self.rows = self.chance.choice([5, 6, 8])
        self.write()

    def break_or_mend(self) -> None:
        self.broken = not self.broken
        self.write()

    def write(self) -> None:
        self.world.rows(offers(rows=self.rows))
        if self.broken:
            (self.world.folder / "data/offers.csv").unlink()

    def skip(self) -> None:
        self.today = min(self.today + 1, 3)

    # ------------------------------------------------------------ nights

    def office(self) -> Office:
        """What there is, as the small model sees it; times are those of the records."""
        registry, found = self.world.services.registry, Office(declared={SALES: self.declared})
        told = {100 + n: replace(self.declared, definition=n) for n in range(3)} | {1: Declared(quality=0)}
        found.versions[SALES] = [
            Stored(
                version.number,
                version.training.fingerprint,
                told[int(version.training.definition["seed"])],  # type: ignore[arg-type]
                version.training.logical_date,
                version.created,
                0,
            )
            for version in registry.versions(MODEL)
        ]
        found.promoted[SALES] = [(p.number, p.at) for p in registry.history(MODEL)]
        return found

    def night(self) -> None:
        world, date = self.world, after(self.today)
        expected = Expected(self.office(), SALES, date)
        world.services.run, world.services.request = Run(), Request()
        run(world.services, world.folder / "conf", (), date, [MODEL])
        after_it = expected.office = self.office()
        new = after_it.versions[SALES][len(expected.versions) :]
        if not self.broken:
            assert len(new) == expected.trains, "trained, or not, against the rules"
        promoted = [number for number, _at in after_it.promoted[SALES][len(expected.promoted) :]]
        if late := expected.makes_up:
            assert promoted == [late.number]
        elif new:
            assert promoted == [one.number for one in new if self.declared.automatic and expected.passes(one)]
        else:
            assert promoted == []
        self.scored(expected)

    def scored(self, expected: Expected) -> None:
        if self.broken or expected.scorer is None:
            return
        date, head = expected.date, self.world.services.warehouse.head(MODEL, expected.date)
        there = [o for o in self.world.services.warehouse.outputs(MODEL) if o.date == date]
        by = [o for o in there if o.lineage["model_version"] == f"{MODEL}@{expected.scorer.number}"]
        assert by, "nothing was scored"
        newest = max(by, key=lambda output: output.number)
        if newest.rows < self.declared.rows:
            assert newest.missed
            assert head is None or head.id != newest.id
        else:
            assert head is not None
            assert head.lineage["model_version"] == newest.lineage["model_version"]
            assert head.rows == self.rows
        assert len({output.fingerprint for output in there}) == len(there)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_a_history_on_the_real_thing(
    folder: Path,  # noqa: F811
    seed: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_home(monkeypatch, folder)
    world = World(folder)
    history = History(world, seed)
    history.declare()
    try:
        for _step in range(STEPS):
            history.step()
        history.night()
    except KronkersError as error:
        pytest.fail(str(error))
    finally:
        world.close()
