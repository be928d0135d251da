"""A house in memory: everything that a night meets, without a database, a file, a clock or a process.

Its nights are decided by the program's own ``decide`` and ``advance``. What is done then is done here, commit
by commit, so that a night can be killed after any of them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.digests import scoring_digest
from kronkers_batch.planning import training_due
from kronkers_batch.planning.decide import advance, decide
from kronkers_batch.planning.facts import Day, Facts, Frozen, Input, Model, Output, Problem, Version
from kronkers_batch.planning.plan import (
    AnyEntry,
    Ingest,
    Plan,
    Published,
    Result,
    Score,
    Scored,
    State,
    Train,
    Trained,
)
from kronkers_batch.planning.plan import Frozen as IsFrozen

FIRST = dt.date(2024, 1, 1)
SALES, READER = "sales", "reader"  # the second reads the first one's output
READS = {SALES: "", READER: SALES}
TRAINED_ON = 2  # days before the date
MISSED = ("the metric is below its threshold",)
SHORT = ("rows are below their threshold",)


class Killed(Exception):
    """The process is gone."""


def day(number: int) -> dt.date:
    return FIRST + dt.timedelta(days=number)


@dataclass(frozen=True)
class Declared:
    """What the YAML of a model says, and how good what is trained of it is."""

    definition: int = 0
    source: int = 0
    every: int = 0
    automatic: bool = True
    least: int = 0
    rows: int = 0
    quality: int = 1

    @property
    def fingerprint(self) -> str:
        return f"definition {self.definition} of source {self.source}"


@dataclass
class Stored:
    """A version in the registry."""

    number: int
    fingerprint: str
    declared: Declared
    date: dt.date
    at: int
    metric: int


@dataclass
class Made:
    """An output in the warehouse, with the words of the day that held it."""

    id: str
    fingerprint: str
    by: Stored
    identity: str
    rows: int
    held: bool = False


@dataclass
class Office:
    """Versions, promotions (number and time), outputs and heads by model, and the sources' rows by date."""

    declared: dict[str, Declared] = field(default_factory=lambda: {SALES: Declared(), READER: Declared()})
    versions: dict[str, list[Stored]] = field(default_factory=lambda: {SALES: [], READER: []})
    promoted: dict[str, list[tuple[int, int]]] = field(default_factory=lambda: {SALES: [], READER: []})
    outputs: dict[tuple[str, dt.date], list[Made]] = field(default_factory=dict)
    log: dict[tuple[str, dt.date], list[tuple[str, str, str]]] = field(default_factory=dict)
    frozen: set[tuple[str, str]] = field(default_factory=set)
    rows: dict[dt.date, tuple[int, int]] = field(default_factory=dict)  # which delivery, how many
    broken: bool = False  # the source cannot be read
    failing: set[str] = field(default_factory=set)  # models whose fit raises
    timestamp: int = 0
    commits: int = 0
    kill_after: int = 0

    # ------------------------------------------------------------ what happens in it

    def commit(self) -> None:
        """After each: the process may be gone."""
        self.commits += 1
        if self.kill_after and self.commits >= self.kill_after:
            raise Killed

    def now(self) -> int:
        self.timestamp += 1
        return self.timestamp

    def champion(self, name: str) -> Stored | None:
        if not self.promoted[name]:
            return None
        number = self.promoted[name][-1][0]
        return self.versions[name][number - 1]

    def promote(self, name: str, number: int) -> None:
        if not self.promoted[name] or self.promoted[name][-1][0] != number:
            self.promoted[name].append((number, self.now()))

    def head(self, name: str, date: dt.date) -> str:
        lines = self.log.get((name, date), [])
        return lines[-1][2] if lines else ""

    def judged(self, name: str, date: dt.date, made: Made, missed: bool) -> None:
        """One line of the date's log: as the warehouse writes it."""
        lines = self.log.setdefault((name, date), [])
        head = self.head(name, date)
        if not missed:
            head = made.id
        elif head == made.id:
            head = self._last_good(name, date, made.id)
        made.held = missed
        lines.append((made.id, "hold" if missed else "publish", head))

    def _last_good(self, name: str, date: dt.date, without: str) -> str:
        held = {made.id for made in self.outputs[name, date] if made.held}
        for _id, _action, head in reversed(self.log[name, date]):
            if head and head != without and head not in held:
                return head
        return ""

    # ------------------------------------------------------------ facts

    def facts(self, date: dt.date, *names: str) -> Facts:
        asked = names or (SALES, READER)
        models = {name: self.model(name, date) for name in {*asked, *(READS[name] for name in asked)} if name}
        days, waiting = {}, {(name, date) for name in asked}
        for name in models:
            trained = models[name].training
            if isinstance(trained, Input):
                waiting |= set(self.lacking(trained, date))
        while waiting:
            new = {pair: self.day(*pair) for pair in waiting}
            days |= new
            inputs = [one.input for one in new.values() if isinstance(one.input, Input)]
            waiting = {pair for read in inputs for pair in self.lacking(read, date)} - days.keys()
        heads = {SALES: {d: self.head(SALES, d) for m, d in self.log if m == SALES and self.head(SALES, d)}}
        return Facts(date, asked, models, days, heads)

    def lacking(self, read: Input, tonight: dt.date) -> Iterator[tuple[str, dt.date]]:
        for name, date in read.reads:
            if date == tonight or not self.head(name, date):
                yield name, date

    def model(self, name: str, date: dt.date) -> Model:
        declared = self.declared[name]
        told = {stored.fingerprint: self.version(name, stored) for stored in self.versions[name]}
        mine = [s for s in self.versions[name] if s.declared.fingerprint == declared.fingerprint]
        newest = self.version(name, mine[-1]) if mine else None
        champion = self.champion(name)
        again = training_due.again_of(declared.fingerprint, date)
        made = Model(
            name=name,
            department="sales",
            automatic=declared.automatic,
            every=dt.timedelta(days=declared.every) if declared.every else None,
            definition=declared.fingerprint,
            champion=self.version(name, champion) if champion else None,
            newest=newest,
            last=self.version(name, self.versions[name][-1]) if self.versions[name] else None,
            trained={key: told[key] for key in (again, newest.fingerprint if newest else "") if key in told},
            promoted=max((number for number, _at in self.promoted[name]), default=0),
            scoring={"rows of": name},
        )
        due = training_due.due(made, date)
        if due is not None and due.fingerprint not in made.trained:
            made = replace(made, training=self.input(name, day_before(date, TRAINED_ON), date))
        return made

    def version(self, name: str, stored: Stored) -> Version:
        declared = self.declared[name]
        chosen = [at for number, at in self.promoted[name] if number == stored.number]
        return Version(
            id=f"{name}@{stored.number}",
            ref=f"{name}@{stored.number}",
            number=stored.number,
            fingerprint=stored.fingerprint,
            definition=stored.declared.fingerprint,
            date=stored.date,
            made=stored.date,
            recorded=stored.at,
            missed=MISSED if stored.metric < declared.least else (),
            missed_then=MISSED if stored.metric < stored.declared.least else (),
            elsewhere=("source.offers.query",) if stored.declared.source != declared.source else (),
            chosen=chosen[-1] if chosen else 0,
        )

    def day(self, name: str, date: dt.date) -> Day:
        outputs = tuple(self.output(name, date, made) for made in self.outputs.get((name, date), []))
        read = self.input(name, date, day_before(date, -1))
        return Day(read, outputs, next((one for one in outputs if one.head), None))

    def output(self, name: str, date: dt.date, made: Made) -> Output:
        missed = SHORT if made.rows < self.declared[name].rows else ()
        head = self.head(name, date) == made.id
        return Output(made.id, made.id, made.fingerprint, made.held, head, missed, f"{name}@{made.by.number}")

    def input(self, name: str, start: dt.date, end: dt.date) -> Input:
        window = (dt.datetime.combine(each, dt.time(), dt.UTC) for each in (start, end))
        first, last = window
        dates = [start + dt.timedelta(days=i) for i in range((end - start).days)]
        source = f"output.{READS[name]}" if READS[name] else "offers"
        made = Input(
            source=source,
            under="sales",
            start=first.isoformat(),
            end=last.isoformat(),
            window=f"{start} to {end}",
            reads=tuple((READS[name], date) for date in dates) if READS[name] else (),
            stated=self.stated(name, first, last, dates),
        )
        if isinstance(made.stated, Problem):
            return made
        identity = made.stated.digest(self.covered)
        there = (made.key, identity) in self.frozen
        before = any(key == made.key for key, _identity in self.frozen)
        return replace(made, frozen=Frozen.YES if there else Frozen.CHANGED if before else Frozen.NOT_YET)

    def stated(
        self, name: str, first: dt.datetime, last: dt.datetime, dates: list[dt.date]
    ) -> Stated | Problem:
        window = {"start": first.isoformat(), "end": last.isoformat()}
        source = str(self.declared[name].source)
        if READS[name]:
            return Stated(source, window, Heads(READS[name], first, last))
        if self.broken:
            return Problem("the file is gone")
        return Stated(source, window, [list(self.rows.get(date, (0, 1))) for date in dates])

    def covered(self, hole: Heads) -> list[str]:
        dates = sorted(date for name, date in self.log if name == hole.model and hole.covers(date))
        return [head for date in dates if (head := self.head(hole.model, date))]

    # ------------------------------------------------------------ a night

    def night(self, date: dt.date, *names: str) -> Plan:
        """Carries out the plan of a night; what it was is given back as it is at its end."""
        plan = decide(self.facts(date, *names))
        failed: set[str] = set()
        while ready := [one for one in plan.open if one.key not in failed and self._is_ready(plan, one)]:
            # Scores come before trainings, as in the graph.
            entry = min(ready, key=lambda one: isinstance(one, Train))
            result = self.carried_out(plan, entry)
            if result is None:
                failed.add(entry.key)
            else:
                plan = advance(plan, result)
        return plan

    def _is_ready(self, plan: Plan, entry: AnyEntry) -> bool:
        done = all(plan.entries[key].state is State.DONE for key in entry.needs)
        return done and entry.state in (State.DUE, State.FAILED, State.HELD)

    def carried_out(self, plan: Plan, entry: AnyEntry) -> Result | None:
        """The result; None where it fails."""
        if entry.state is not State.DUE:
            return None
        if isinstance(entry, Ingest):
            return self._freeze(plan, entry)
        if isinstance(entry, Train):
            return self._train(entry)
        if isinstance(entry, Score):
            return self._score(plan, entry)
        head = self.head(entry.model, entry.date)
        return Scored(entry.key, head) if head else None

    def _freeze(self, plan: Plan, entry: Ingest) -> Result | None:
        read = next(one for one in self._inputs(plan) if one.key == entry.key)
        name = next(
            name for name in READS if (f"output.{READS[name]}" if READS[name] else "offers") == entry.source
        )
        if READS[name] and any(not self.head(model, date) for model, date in read.reads):
            return None  # one of its dates is held
        if isinstance(read.stated, Problem):
            return None
        identity = read.stated.digest(self.covered)
        self.frozen.add((entry.key, identity))
        self.commit()
        return IsFrozen(entry.key, identity)

    def _inputs(self, plan: Plan) -> Iterator[Input]:
        for one in (*plan.facts.days.values(), *plan.facts.models.values()):
            read = one.input if isinstance(one, Day) else one.training
            if isinstance(read, Input):
                yield read

    def _train(self, entry: Train) -> Result | None:
        name, declared = entry.model, self.declared[entry.model]
        if entry.recorded:
            made = next(one for one in self.versions[name] if one.fingerprint == entry.fingerprint)
            self.promote(name, made.number)
        else:
            if name in self.failing:
                return None
            number = len(self.versions[name]) + 1
            made = Stored(number, entry.fingerprint, declared, entry.date, self.now(), declared.quality)
            self.versions[name].append(made)
            if declared.automatic and made.metric >= declared.least:
                self.promote(name, number)  # in the same transaction
        self.commit()
        champion = self.champion(name)
        told = self.version(name, champion) if champion else None
        return Trained(entry.key, told, self.version(name, made))

    def _score(self, plan: Plan, entry: Score) -> Result | None:
        name, date = entry.model, entry.date
        there = self.outputs.setdefault((name, date), [])
        made = next((one for one in there if one.fingerprint == entry.fingerprint), None)
        if made is None:
            assert entry.version is not None
            assert (entry.source, entry.identity) in self.frozen, "it scores what was not frozen"
            by = self.versions[name][entry.version.number - 1]
            scoring = plan.facts.models[name].scoring
            assert entry.fingerprint == scoring_digest(scoring, entry.version.id, entry.identity)
            rows = self.rows.get(date, (0, 1))[1] if name == SALES else 1
            made = Made(f"{name}/{date}#{len(there) + 1}", entry.fingerprint, by, entry.identity, rows)
            there.append(made)
        self.judged(name, date, made, made.rows < self.declared[name].rows)
        self.commit()
        return Scored(entry.key, self.head(name, date))


def day_before(date: dt.date, days: int) -> dt.date:
    return date - dt.timedelta(days=days)


__all__ = ["READER", "SALES", "Declared", "Killed", "Office", "Published", "day"]
