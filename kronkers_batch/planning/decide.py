"""What is to be done, decided from facts alone; and what that becomes as results arrive. Both are pure.

An entry is certain, or waits for another's result: a reader for tonight's output of what it reads, a first
scoring for the first training. :func:`advance` alone resolves it. What was certain stays as it was decided: a
champion of tonight does not score tonight.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kronkers_batch.data.stated import Heads, Stated
from kronkers_batch.digests import scoring_digest
from kronkers_batch.planning import facts as f
from kronkers_batch.planning import reasons, training_due
from kronkers_batch.planning.facts import Facts, Input, Model, Problem, Version
from kronkers_batch.planning.plan import (
    AnyEntry,
    Frozen,
    Ingest,
    Known,
    Plan,
    Published,
    Result,
    Score,
    State,
    Train,
)

_CHANGES_FIRST = "what it reads changes first"
_NO_CHAMPION_YET = "no champion yet"


def decide(facts: Facts) -> Plan:
    """What a night has to do: score every model that is asked for, and train those of which it is due."""
    making = _Making(facts, Known(), {})
    roots = []
    for name in facts.asked:
        roots.append(making.score(name, facts.date))
        if facts.models[name].refused is None and (key := making.train(name)):
            roots.append(key)
    return Plan(facts, making.entries, tuple(roots))


def decide_training(facts: Facts, name: str, force: str = "") -> Plan | None:
    """What a training that somebody asks for has to do; None where it was done already."""
    model = facts.models[name]
    making = _Making(facts, Known(), {})
    due = None if model.undefined or model.unknown else training_due.asked(model, facts.date, force)
    key = making.train(name, due)
    return Plan(facts, making.entries, (key,)) if key else None


def advance(plan: Plan, result: Result) -> Plan:
    """The plan once this result is there: what waited for it becomes certain, and nothing else changes.

    Of an entry whose source was another one when it was read, the identity is that of what was frozen.
    """
    known = plan.known.also(result)
    waiting = {
        key for key, entry in plan.entries.items() if entry.state is State.WAITS or _reads(entry, result)
    } - {result.key}
    done = replace(plan.entries[result.key], state=State.DONE)
    if not waiting:  # of most results: a plan of many models is copied once for each
        return Plan(plan.facts, {**plan.entries, result.key: done}, plan.roots, known)
    kept = {key: entry for key, entry in plan.entries.items() if key not in waiting}
    kept[result.key] = done
    making = _Making(plan.facts, known, kept)
    for key in plan.entries:
        if key in waiting:
            making.again(plan.entries[key])
    ordered = {key: making.entries[key] for key in plan.entries}
    added = {key: entry for key, entry in making.entries.items() if key not in ordered}
    return Plan(plan.facts, {**added, **ordered}, plan.roots, known)


def _reads(entry: AnyEntry, result: Result) -> bool:
    """Whether it is decided on a source's identity that was another one when it was read."""
    if not isinstance(result, Frozen) or not isinstance(entry, Score) or entry.state is not State.DUE:
        return False
    return entry.source == result.key and entry.identity != result.identity


class _Making:
    """Makes a plan's entries, each after those that it needs."""

    def __init__(self, facts: Facts, known: Known, entries: dict[str, AnyEntry]) -> None:
        self.facts, self.known, self.entries = facts, known, entries

    def again(self, entry: AnyEntry) -> None:
        """Make one anew that waited. A training never waits."""
        if isinstance(entry, Score):
            self._scored(entry.key, entry.model, entry.date)
        elif isinstance(entry, Published):
            self.published(entry.model, entry.date)
        elif not isinstance(entry, Train):  # an ingest
            self.entries[entry.key] = self._identified(entry, self._find(entry.key))

    # ------------------------------------------------------------ training

    def train(self, name: str, due: training_due.Due | None = None) -> str:
        """The key of the training that a model needs as of tonight; empty where none is due.

        ``due`` is one that somebody asks for. It fails where it is unknown whether it is due.
        """
        model, date = self.facts.models[name], self.facts.date
        key = f"train {name}/{date}"
        if key in self.entries:
            return key
        made = Train(key=key, state=State.DUE, model=name, date=date)
        if problem := model.undefined or model.unknown:
            self.entries[key] = replace(made, state=State.FAILED, why=problem.first, problem=problem)
            return key
        due = due or training_due.due(model, date)
        if due is None:
            return ""
        recorded = due.fingerprint in {v.fingerprint for v in (model.newest, *model.trained.values()) if v}
        needs: tuple[str, ...] = ()
        problem = model.refused or model.forbidden
        if not recorded and problem is None:
            problem, needs = self._input(model.training)
        state = State.DUE if problem is None else State.REFUSED if problem.refused else State.FAILED
        self.entries[key] = replace(
            made,
            state=state,
            why=due.reason,
            needs=needs,
            problem=problem,
            fingerprint=due.fingerprint,
            recorded=recorded,
        )
        return key

    # ------------------------------------------------------------ scoring

    def score(self, name: str, date: dt.date) -> str:
        """The key of the scoring of one date."""
        key = f"score {name}/{date}"
        if key not in self.entries:
            self._scored(key, name, date)
        return key

    def _scored(self, key: str, name: str, date: dt.date) -> None:
        model = self.facts.models[name]
        made = Score(key=key, state=State.DUE, model=name, date=date)
        if problem := model.refused or model.unknown:
            self._impossible(made, problem)
            return
        day = self.facts.days[name, date]
        if isinstance(day.input, Problem):
            self._impossible(made, day.input)
            return
        if isinstance(day.input.stated, Problem):
            self._impossible(made, day.input.stated)
            return
        trained = f"train {name}/{self.facts.date}"
        champion = model.champion
        if trained in self.known.trained and (champion is None or not _fits(model, champion)):
            done = self.known.trained[trained]
            champion, newest = done.champion, done.newest or model.newest
            model = replace(model, champion=champion, newest=newest, last=newest or model.last)
        if champion is None or not _fits(model, champion):
            self._without(made, model, champion, day.input)
        else:
            self._by(made, champion, model, day)
        if model.forbidden and self.entries[key].state is not State.DONE:
            # What somebody else made is there all the same.
            self._impossible(made, model.forbidden)

    def _without(self, made: Score, model: Model, champion: Version | None, read: Input) -> None:
        """No version scores yet: the training comes first, or nothing does."""
        done = f"train {model.name}/{self.facts.date}" in self.known
        key = "" if done else self.train(model.name)
        if key:
            waits = _NO_CHAMPION_YET
            if champion is not None:
                waits = f"{reasons.elsewhere(champion)}; its training comes first"
            needs = (*self._needed(read), key)
            self.entries[made.key] = replace(made, state=State.WAITS, why=waits, needs=needs)
        elif champion is None:
            self._impossible(made, Problem(reasons.no_champion(model)))
        else:
            self._impossible(made, Problem(reasons.unfit(model, champion)), State.HELD)

    def _by(self, made: Score, champion: Version, model: Model, day: f.Day) -> None:
        """What a known version has to score."""
        read = day.input
        if isinstance(read, Problem) or isinstance(read.stated, Problem):
            raise TypeError("what cannot be read is scored by nobody")
        identity = self._identity(read, read.stated)
        made = replace(made, version=champion, source=read.key, identity=identity)
        if not identity:
            needs = self._needed(read)
            self.entries[made.key] = replace(made, state=State.WAITS, why=_CHANGES_FIRST, needs=needs)
            return
        fingerprint = scoring_digest(model.scoring, champion.id, identity)
        output = next((one for one in reversed(day.outputs) if one.fingerprint == fingerprint), None)
        made = replace(made, fingerprint=fingerprint, output=output)
        if output is not None and output.final:
            self.entries[made.key] = replace(made, state=State.DONE)
            return
        self.entries[made.key] = replace(
            made,
            why=reasons.why(champion, day.head, output),
            needs=() if output is not None else self._needed(read),
            replaces=day.head.ref if day.head else "",
        )

    def _impossible(self, made: Score, problem: Problem, state: State = State.FAILED) -> None:
        state = State.REFUSED if problem.refused else state
        self.entries[made.key] = replace(made, state=state, why=problem.first, problem=problem)

    # ------------------------------------------------------------ what is read

    def published(self, name: str, date: dt.date) -> str:
        """The key of an earlier date's output; its scoring comes first where it may be asked for."""
        key = f"published {name}/{date}"
        made = Published(key=key, state=State.DUE, model=name, date=date, why="another model reads it")
        if date in self.facts.heads.get(name, {}) or self.known.heads.get(key):
            self.entries[key] = replace(made, state=State.DONE)
        elif key not in self.entries:
            seen = self.facts.models[name].seen
            self.entries[key] = replace(made, needs=(self.score(name, date),) if seen else ())
        return key

    def _input(self, read: Input | Problem | None) -> tuple[Problem | None, tuple[str, ...]]:
        if read is None:
            return None, ()
        if isinstance(read, Problem):
            return read, ()
        return None, self._needed(read)

    def _needed(self, read: Input) -> tuple[str, ...]:
        """The key of the entry that freezes a window, unless it is frozen."""
        key = read.key
        if key not in self.entries:
            made = Ingest(
                key=key,
                state=State.DUE,
                source=read.source,
                under=read.under,
                start=read.start,
                end=read.end,
                window=read.window,
            )
            needs = tuple(self._read(name, date) for name, date in read.reads)
            unmet = tuple(one for one in needs if self.entries[one].state is not State.DONE)
            self.entries[key] = self._identified(replace(made, needs=unmet), read)
        return () if self.entries[key].state is State.DONE else (key,)

    def _read(self, name: str, date: dt.date) -> str:
        tonight = date == self.facts.date and self.facts.models[name].seen
        return self.score(name, date) if tonight else self.published(name, date)

    def _identified(self, made: Ingest, read: Input) -> Ingest:
        """With state, reason and identity of what is to be frozen, from what is known by now."""
        if isinstance(read.stated, Problem):
            problem = read.stated
            state = State.REFUSED if problem.refused else State.FAILED
            return replace(made, state=state, why=problem.first, problem=problem)
        if made.key in self.known.frozen:
            return replace(made, state=State.DONE, identity=self.known.frozen[made.key])
        identity = self._identity(read, read.stated)
        if not identity:
            return replace(made, state=State.WAITS, why=_CHANGES_FIRST)
        changed = identity != read.stated.digest(self._heads_before)
        if changed or read.frozen is not f.Frozen.YES:
            why = f.Frozen.CHANGED if read.frozen is f.Frozen.YES else read.frozen
            return replace(made, state=State.DUE, why=str(why), identity=identity)
        return replace(made, state=State.DONE, identity=identity)

    def _find(self, key: str) -> Input:
        inputs = [day.input for day in self.facts.days.values()]
        inputs += [model.training for model in self.facts.models.values() if model.training is not None]
        return next(one for one in inputs if isinstance(one, Input) and one.key == key)

    # ------------------------------------------------------------ identities

    def _identity(self, read: Input, stated: Stated) -> str:
        """The identity of what is read, empty where tonight's outputs are still to come."""
        if read.key in self.known.frozen:
            return self.known.frozen[read.key]
        if any(self._pending(name, date) for name, date in read.reads):
            return ""
        return stated.digest(self._heads)

    def _pending(self, name: str, date: dt.date) -> bool:
        return self.entries[self._read(name, date)].state is not State.DONE

    def _heads(self, hole: Heads) -> Sequence[str]:
        found = dict(self.facts.heads.get(hole.model, {}))
        for key, head in self.known.heads.items():
            entry = self.entries[key]
            if isinstance(entry, Score | Published) and entry.model == hole.model:
                found[entry.date] = head
        return _covered(found, hole)

    def _heads_before(self, hole: Heads) -> Sequence[str]:
        return _covered(self.facts.heads.get(hole.model, {}), hole)


def _covered(heads: Mapping[dt.date, str], hole: Heads) -> list[str]:
    return [heads[date] for date in sorted(heads) if heads[date] and hole.covers(date)]


def _fits(model: Model, champion: Version) -> bool:
    """Whether a version may score the source as it is declared today.

    It was trained on the source as it is; or somebody went back to it although the last version, which is of
    today's definition, was there already.
    """
    last, newest = model.last, model.newest
    of_today = last is not None and newest is not None and last.id == newest.id
    went_back = of_today and last is not None and champion.chosen > last.recorded
    return not champion.elsewhere or went_back
