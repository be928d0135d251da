"""What a result changes in a plan, and what it does not."""

from __future__ import annotations

from dataclasses import replace

from kronkers_batch.planning.decide import advance, decide
from kronkers_batch.planning.plan import Frozen, Plan, Score, Scored, State, Trained
from tests.unit.planning.memory import READER, SALES, Office, day

TODAY = day(9)


def scoring(plan: Plan, name: str) -> Score:
    found = plan.entries[f"score {name}/{TODAY}"]
    assert isinstance(found, Score)
    return found


def finished() -> Office:
    """A house in which everything was done the day before."""
    office = Office()
    office.night(day(8))
    return office


def test_what_was_frozen_counts_where_the_source_changed_since_the_facts_were_read():
    plan = decide(finished().facts(TODAY, SALES))
    before = scoring(plan, SALES)
    (source,) = before.needs
    same = advance(plan, Frozen(source, before.identity))
    assert scoring(same, SALES).fingerprint == before.fingerprint
    other = advance(plan, Frozen(source, "what it holds by now"))
    assert scoring(other, SALES).identity == "what it holds by now"
    assert scoring(other, SALES).fingerprint != before.fingerprint
    assert scoring(other, SALES).state is State.DUE
    assert scoring(other, SALES).needs == ()


def test_a_reader_waits_for_what_readers_will_see_tonight():
    plan = decide(finished().facts(TODAY))
    waiting = scoring(plan, READER)
    assert (waiting.state, waiting.fingerprint) == (State.WAITS, "")
    first, other = (
        advance(plan, Scored(f"score {SALES}/{TODAY}", head)) for head in ("an output", "another")
    )
    for later in (first, other):
        assert scoring(later, READER).state is State.DUE
        (source,) = scoring(later, READER).needs
        assert later.entries[source].state is State.DUE
    assert scoring(first, READER).fingerprint != scoring(other, READER).fingerprint


def test_a_reader_of_what_stays_has_nothing_to_do():
    office = finished()
    office.night(TODAY)
    office.declared[SALES] = replace(office.declared[SALES], rows=5)  # what was published is held by today's
    plan = decide(office.facts(TODAY))
    assert scoring(plan, SALES).state is State.DUE
    kept = advance(plan, Scored(f"score {SALES}/{TODAY}", office.head(SALES, TODAY)))
    assert scoring(kept, READER).state is State.DONE


def test_a_plan_never_changes():
    plan = decide(finished().facts(TODAY))
    before = dict(plan.entries)
    advance(plan, Scored(f"score {SALES}/{TODAY}", "an output"))
    assert plan.entries == before


def test_a_champion_of_tonight_does_not_score_tonight():
    office = finished()
    office.declared[READER] = replace(office.declared[READER], every=1)
    plan = decide(office.facts(TODAY))
    assert scoring(plan, READER).state is State.WAITS
    champion = plan.facts.models[READER].champion
    assert champion is not None
    newer = replace(champion, id="newer", number=champion.number + 1)
    plan = advance(plan, Trained(f"train {READER}/{TODAY}", newer, newer))
    plan = advance(plan, Scored(f"score {SALES}/{TODAY}", "an output"))
    assert scoring(plan, READER).version == champion
