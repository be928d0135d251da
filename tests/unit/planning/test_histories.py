"""Histories of a house in memory: whatever happens in it, in whatever order, what a night leaves is right.

What is right is said here by a small model of its own: which version may score, which is trained, what
readers get. It knows nothing of plans.
"""

from __future__ import annotations

import copy
import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from kronkers_batch.planning.plan import Plan, Score, State, Train
from tests.unit.planning.memory import READER, SALES, Killed, Office, Stored, day

MODELS = st.sampled_from([SALES, READER])
SMALL = st.integers(0, 2)
REPEATED = 4


class Expected:
    """What a night over one model must leave, from what there was when it began."""

    def __init__(self, office: Office, name: str, date: dt.date) -> None:
        self.office, self.name, self.date = office, name, date
        self.declared = office.declared[name]
        self.champion, self.versions = office.champion(name), list(office.versions[name])
        self.promoted = list(office.promoted[name])

    @property
    def of_today(self) -> list[Stored]:
        return [v for v in self.versions if v.declared.fingerprint == self.declared.fingerprint]

    def passes(self, version: Stored) -> bool:
        return version.metric >= self.declared.least

    def never_promoted(self, version: Stored) -> bool:
        return all(number < version.number for number, _at in self.promoted)

    @property
    def makes_up(self) -> Stored | None:
        """A version that is promoted without being trained."""
        newest = self.of_today[-1] if self.of_today else None
        may = newest is not None and self.declared.automatic and self.never_promoted(newest)
        return newest if newest is not None and may and self.passes(newest) else None

    @property
    def trains(self) -> bool:
        if self.makes_up is not None:
            return False
        if not self.of_today:
            return True
        newest, today = self.of_today[-1], self.declared.fingerprint
        if self.champion is not None and today not in (
            self.champion.declared.fingerprint,
            self.versions[-1].declared.fingerprint,
        ):
            return True  # a change was taken back
        if any(v.fingerprint == f"{today}@{self.date}" for v in self.versions):
            return False
        age = (self.date - newest.date).days
        if self.declared.every and age >= self.declared.every:
            return True
        return self.champion is None and age > 0 and not self.passes(newest)

    def fits(self, version: Stored | None, versions: list[Stored], promoted: list[tuple[int, int]]) -> bool:
        """Whether it may score the source as it is declared."""
        if version is None:
            return False
        if version.declared.source == self.declared.source:
            return True
        chosen = max(at for number, at in promoted if number == version.number)
        last = versions[-1]
        return last.declared.fingerprint == self.declared.fingerprint and chosen > last.at

    @property
    def scorer(self) -> Stored | None:
        """Which version scores, now that the night is over."""
        if self.fits(self.champion, self.versions, self.promoted):
            return self.champion
        office, name = self.office, self.name
        after = office.champion(name)
        return after if self.fits(after, office.versions[name], office.promoted[name]) else None


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.office, self.today = Office(), 0

    @initialize(passes=st.booleans())
    def begin(self, passes: bool) -> None:
        if not passes:
            self.declare(SALES, least=2)

    def declare(self, name: str, **changes: object) -> None:
        self.office.declared[name] = replace(self.office.declared[name], **changes)  # type: ignore[arg-type]

    # ------------------------------------------------------------ what people do

    @rule(name=MODELS, definition=SMALL, quality=SMALL)
    def change_the_definition(self, name: str, definition: int, quality: int) -> None:
        self.declare(name, definition=definition, quality=quality)

    @rule(name=MODELS, source=SMALL)
    def declare_the_source_otherwise(self, name: str, source: int) -> None:
        self.declare(name, source=source)

    @rule(name=MODELS, least=SMALL, rows=SMALL)
    def change_thresholds(self, name: str, least: int, rows: int) -> None:
        self.declare(name, least=least, rows=rows)

    @rule(name=MODELS, every=st.integers(0, 3), automatic=st.booleans())
    def change_policies(self, name: str, every: int, automatic: bool) -> None:
        self.declare(name, every=every, automatic=automatic)

    @rule(name=MODELS, data=st.data())
    def promote_by_hand(self, name: str, data: st.DataObject) -> None:
        if self.office.versions[name]:
            number = data.draw(st.integers(1, len(self.office.versions[name])))
            self.office.promote(name, number)

    @rule(name=MODELS)
    def roll_back(self, name: str) -> None:
        numbers = [number for number, _at in self.office.promoted[name]]
        earlier = [number for number in numbers if number != numbers[-1]]
        if earlier:
            self.office.promote(name, earlier[-1])

    @rule(back=SMALL, delivery=st.integers(1, 5), rows=st.integers(0, 2))
    def rows_arrive(self, back: int, delivery: int, rows: int) -> None:
        self.office.rows[day(self.today - back)] = (delivery, rows)

    @rule(broken=st.booleans())
    def break_or_mend_the_source(self, broken: bool) -> None:
        self.office.broken = broken

    @rule(name=MODELS)
    def a_fit_begins_or_ceases_to_fail(self, name: str) -> None:
        self.office.failing ^= {name}

    @rule(days=st.integers(1, 3))
    def nights_are_skipped(self, days: int) -> None:
        self.today += days

    # ------------------------------------------------------------ nights

    @rule(back=st.sampled_from([0, 0, 0, 1, 3]))
    def a_night(self, back: int) -> None:
        self._night(day(self.today - back))

    @rule(after=st.integers(1, 8))
    def a_night_that_is_killed(self, after: int) -> None:
        """And begun again: nothing is lost, and nothing is done twice."""
        date = day(self.today)
        undisturbed = copy.deepcopy(self.office)
        undisturbed.night(date)
        before = copy.deepcopy(self.office)
        self.office.commits, self.office.kill_after = 0, after
        try:
            self.office.night(date)
        except Killed:
            self.office.kill_after = 0
            self._night(date)
        self.office.kill_after = 0
        if all(before.champion(name) is None for name in (SALES, READER)):
            # A champion of before scores only where the run that promotes another one did not end.
            _at_rest(undisturbed, date)
            assert _seen(self.office) == _seen(undisturbed)

    def _night(self, date: dt.date) -> None:
        office = self.office
        office.commits, office.kill_after = 0, 0
        expected = {name: Expected(office, name, date) for name in (SALES, READER)}
        plan = office.night(date)
        self._require_sales(expected[SALES], date)
        for name in (SALES, READER):
            self._require_trained(expected[name], plan.entries.get(f"train {name}/{date}"))
        if plan.entries[f"score {SALES}/{date}"].state is State.DONE:
            self._require_reader(expected[READER], date)
        # A champion that a night made scores the next time; then what reads that may train, and score again.
        again = _at_rest(office, date)
        if not office.broken and not office.failing:
            left = [one for one in again.open if one.state is State.DUE and not one.needs]
            assert not any(isinstance(one, Train | Score) for one in left), left

    def _require_sales(self, expected: Expected, date: dt.date) -> None:
        office, scorer = self.office, expected.scorer
        if office.broken or scorer is None:
            return
        delivery, rows = office.rows.get(date, (0, 1))
        identity = office.day(SALES, date).input.stated.digest(office.covered)  # type: ignore[union-attr]
        there = [one for one in office.outputs[SALES, date] if one.identity == identity]
        made = [one for one in there if one.by.number == scorer.number]
        assert made, "nothing was scored"
        newest = made[-1]
        assert newest.rows == rows, f"not the rows of delivery {delivery}"
        if rows < expected.declared.rows:
            assert newest.held
            assert office.head(SALES, date) != newest.id
        else:
            assert office.head(SALES, date) == newest.id

    def _require_trained(self, expected: Expected, entry: object) -> None:
        office, name = self.office, expected.name
        new = office.versions[name][len(expected.versions) :]
        promoted = office.promoted[name][len(expected.promoted) :]
        if made := expected.makes_up:
            assert [number for number, _at in promoted] == [made.number]
        if not expected.trains:
            assert new == []
            assert entry is None or expected.makes_up is not None
            return
        assert entry is not None
        readable = not office.broken if name == SALES else True
        if name == SALES and readable and name not in office.failing:
            assert len(new) == 1
        for one in new:
            assert one.declared == expected.declared
            passed = expected.declared.automatic and expected.passes(one)
            assert [number for number, _at in promoted] == ([one.number] if passed else [])

    def _require_reader(self, expected: Expected, date: dt.date) -> None:
        """What readers see of the second is made of what they see of the first."""
        office = self.office
        head = office.head(READER, date)
        if expected.scorer is None or not office.head(SALES, date):
            return
        wanted = office.day(READER, date).input
        identity = wanted.stated.digest(office.covered)  # type: ignore[union-attr]
        made = [one for one in office.outputs.get((READER, date), []) if one.identity == identity]
        by = [one for one in made if one.by.number == expected.scorer.number]
        if office.broken and not by:
            return  # the first one was not judged tonight
        assert by, "the reader was not scored over tonight's output"
        held = by[-1].rows < expected.declared.rows
        assert (head == by[-1].id) != held

    # ------------------------------------------------------------ at any time

    @invariant()
    def one_output_a_fingerprint(self) -> None:
        for made in self.office.outputs.values():
            assert len({one.fingerprint for one in made}) == len(made)

    @invariant()
    def readers_never_see_what_is_held(self) -> None:
        for (name, date), made in self.office.outputs.items():
            held = {one.id for one in made if one.held}
            assert self.office.head(name, date) not in held

    @invariant()
    def one_version_a_fingerprint(self) -> None:
        for versions in self.office.versions.values():
            assert len({one.fingerprint for one in versions}) == len(versions)


def _at_rest(office: Office, date: dt.date) -> Plan:
    """The plan of a night that changes nothing any more."""
    for _repeated in range(REPEATED):
        before = _seen(office)
        plan = office.night(date)
        if _seen(office) == before:
            return plan
    raise AssertionError("the same night again and again changes what is there")


def _seen(office: Office) -> object:
    """All that a history leaves, without names that hang on the order of things."""
    heads = {
        (name, date): next(
            (one.by.fingerprint, one.rows)
            for one in office.outputs[name, date]
            if one.id == office.head(name, date)
        )
        for name, date in office.log
        if office.head(name, date)
    }
    champions = {name: (v.fingerprint if (v := office.champion(name)) else "") for name in office.versions}
    return heads, champions, {name: [v.fingerprint for v in vs] for name, vs in office.versions.items()}


def run(examples: int, *, derandomize: bool) -> None:
    chosen = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        derandomize=derandomize,
        database=None,
        phases=[Phase.generate],  # shrinking takes minutes: add it to see the shortest history that is wrong
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Histories, settings=chosen)


def test_histories():
    """Two thousand steps, the same each time."""
    run(40, derandomize=True)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_many_histories():
    """Others each time."""
    run(2_000, derandomize=False)
