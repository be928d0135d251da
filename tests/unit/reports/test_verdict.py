"""The verdict on each model: by events alone, merged over the runs of a date, one exit code, one sentence."""

from pathlib import Path

from kronkers_batch.events.types import Event
from kronkers_batch.reports import verdict
from kronkers_batch.reports.verdict import Part, Verdict

ROOT = Path(__file__).parents[3]
DUE = Part("not due")


def of(model: str, scores: str = "not due", training: str = "not due", message: str = "") -> Verdict:
    return Verdict(model, Part(scores, message), Part(training, message))


def test_a_models_state_is_the_worse_of_its_scoring_and_its_training():
    order = [
        "failed",
        "refused",
        "blocked",
        "interrupted",
        "held",
        "published",
        "trained",
        "up to date",
        "not due",
    ]
    for i, worse in enumerate(order):
        for better in order[i:]:
            assert of("a", worse, better).state == of("a", better, worse).state == worse
    assert [state for state in order if of("a", state).ok] == [
        "published",
        "trained",
        "up to date",
        "not due",
    ]
    assert set(verdict.MEANINGS) == set(order)


def test_scoring_and_training_are_told_apart():
    both = Verdict("a", Part("published", "a/2024-01-21#1 by a@1"), Part("failed", "no luck"))
    assert both.message == "scores published: a/2024-01-21#1 by a@1; training failed: no luck"
    same = Part("blocked", "the check failed")
    assert Verdict("a", same, same).message == "scores and training blocked: the check failed"
    assert Verdict("a", Part("held", "rows 0 is below 1"), DUE).message == "rows 0 is below 1"
    assert Verdict("a", Part("up to date"), Part("trained", "a@2 promoted")).message == "a@2 promoted"


def test_what_is_recorded_gives_the_same_verdicts_again():
    verdicts = (of("b", "published", "failed", "x"), of("a", "up to date"), of("c", "blocked", message="y"))
    events = [*map(verdict.asked, ("b", "a", "c")), Event("a", "score", "done", 1.0, "m", "r")]
    events += [event for each in verdicts for event in each.events()]
    assert verdict.of_run(events) == verdicts
    assert [event.task for event in verdict.work(events)] == ["score"]


def test_a_model_without_a_verdict_was_interrupted_and_what_was_done_by_then_stands():
    events = [
        *map(verdict.asked, ("a", "b", "c", "d")),
        Event("a", "score", "done", 2.0, "a/2024-01-21#1 published", "not scored yet"),
        Event("b", "train", "done", 3.0, "b@1 promoted", "no model version yet"),
        Event("c", "score", "failed", 1.0, "no luck", ""),
    ]
    states = {v.model: (v.state, v.scores.state, v.training.state) for v in verdict.of_run(events)}
    assert states == {
        "a": ("published", "published", "not due"),
        "b": ("interrupted", "interrupted", "trained"),
        "c": ("failed", "failed", "not due"),
        "d": ("interrupted", "interrupted", "not due"),
    }
    assert verdict.of_run(events, running=True) == ()


def test_the_runs_of_a_date_are_merged():
    def merged(*runs):
        return {v.model: (run, v.state) for run, v in verdict.merged((str(i), r) for i, r in enumerate(runs))}

    published, failed = of("a", "published", message="#1"), of("b", "failed", message="no luck")
    # A later run of one model leaves what the first said of the others.
    assert merged([published, failed], [of("a", "up to date")]) == {
        "a": ("0", "published"),
        "b": ("0", "failed"),
    }
    assert merged([published, failed], [of("b", "published")])["b"] == ("1", "published")
    assert merged([failed], [of("b", "up to date")])["b"] == ("1", "up to date")
    assert merged([published], [of("a", "failed")])["a"] == ("1", "failed")
    assert merged([of("a", "held")], [of("a", "up to date")])["a"] == ("1", "up to date")
    # A training by hand says nothing of the scores.
    assert merged([published], [of("a", training="trained")])["a"] == ("1", "published")
    assert merged([of("a", "interrupted")], [of("a", training="trained")])["a"][1] == "interrupted"
    # A training that failed counts until one is done.
    assert merged([of("a", "published", "failed")], [of("a", "up to date")])["a"] == ("0", "failed")
    assert merged([of("a", "published", "failed")], [of("a", "up to date", "trained")])["a"] == (
        "1",
        "published",
    )


def test_the_exit_code_follows_from_the_verdicts():
    def code(*states, problems=()):
        return verdict.exit_code([of(str(i), state) for i, state in enumerate(states)], problems)

    assert code("published", "up to date", "not due", "trained") == 0
    for bad in ("failed", "held", "interrupted", "blocked"):
        assert code("published", bad) == 1
    assert code("published", "refused") == 1
    assert code("refused", "blocked") == 3
    assert code("refused", "failed") == 1
    assert code("published", problems=(4,)) == 4
    assert code("failed", problems=(1, 4)) == 4


def test_all_is_well_only_where_it_is():
    assert (
        verdict.sentence([of("a", "published"), of("b", "up to date")])
        == "all is well: 1 published, 1 up to date"
    )
    said = verdict.sentence([of("a", "published"), of("b", "held"), of("c", "published", "failed")])
    assert said == "needs attention: b (held), c (failed); in all 1 failed, 1 held, 1 published"
    assert verdict.sentence([]) == "no model was asked for"


def test_the_how_to_gives_each_state_its_meaning():
    page = (ROOT / "docs/how-to/run-every-night.md").read_text()
    for state, meaning in verdict.MEANINGS.items():
        assert f"| {state} | {meaning} |" in page
