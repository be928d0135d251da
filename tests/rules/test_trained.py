"""What a training does with its version"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from kronkers_batch.access.authorisation import authorise_all
from kronkers_batch.config.spec import InputRef, Promote, RowsPolicy
from kronkers_batch.errors import ModelError, ScoreFailed
from kronkers_batch.pipeline.definitions import define
from kronkers_batch.pipeline.golden import unpacked
from kronkers_batch.pipeline.train import Trained, train
from kronkers_batch.session.lifetimes import Run
from kronkers_batch.vault.context import Role, Scope
from tests.rules.world import DAY, MODEL, World, offers, threshold

MEAN = """\
import numpy as np


def fit(data, params):
    return float(np.mean(data["y"]))


def score(model, data):
    return np.full(len(data["x"]), model)
"""
SAME = 'np.full(len(data["x"]), model)'
OF_THE_CHUNK = MEAN.replace(SAME, 'data["x"] - np.mean(data["x"]) + model')
OF_THE_ORDER = MEAN.replace(SAME, 'np.arange(len(data["x"]), dtype=float)')
SHIFTED = MEAN.replace(SAME, 'data["x"] + model')
COUNTS = MEAN.replace(SAME, 'np.full(len(data["x"]), float(len(data["x"])))')


def trained(world: World, code: str = MEAN, **changes: Any) -> Trained:
    """One training by a process of its own, with this code and these changes."""
    model, services = world.spec(**changes), world.services
    definition = define(services, model)
    (world.folder / "models/price/model.py").write_text(code)
    services.run = Run()
    authorise_all(services, [model.name])
    return train(services, model, DAY, "a fingerprint", definition, "for a test")


def test_a_version_that_passes_is_promoted(world: World):
    """A trained version that meets its thresholds is promoted by its own training."""
    found = trained(world, training_thresholds=(threshold("rmse", high=9),))
    assert found.promoted
    champion = world.services.registry.champion(MODEL)
    assert champion is not None
    assert champion.id == found.version.id


def test_a_version_that_misses_is_recorded(world: World):
    """A trained version that misses a threshold is recorded, and not promoted."""
    found = trained(world, training_thresholds=(threshold("rmse", high=0.001),))
    assert not found.promoted
    assert found.version.training.verdict == found.verdict.missed
    assert "rmse" in found.verdict.why()
    assert world.services.registry.champion(MODEL) is None


def test_manual_promotes_nothing_by_itself(world: World):
    """With `promote: manual` a trained version that passes is recorded, and not promoted."""
    found = trained(world, promote=Promote.MANUAL)
    assert found.verdict.passed
    assert not found.promoted
    assert world.services.registry.champion(MODEL) is None


def test_it_is_measured_on_the_holdout_alone(world: World):
    """Metrics are computed on the held-out rows only. The naive prediction is the mean of the fitted rows."""
    world.rows(offers().with_columns(y=pl.col("id").cast(pl.Float64)))
    fit, held = range(7 * 6, 14 * 6), range(14 * 6, 17 * 6)
    mean = sum(fit) / len(fit)
    version = trained(world).version.training
    assert version.naive == pytest.approx(mean)
    assert version.metrics["bias"] == pytest.approx(mean - sum(held) / len(held))
    assert version.metrics["skill"] == pytest.approx(0)
    assert dict(version.rows) == {"fit": 42, "holdout": 18, "unlabelled": 0}


def test_rows_must_not_hang_on_each_other(world: World):
    """A model that is scored in chunks is refused if a row's score depends on the other rows of its chunk."""
    with pytest.raises(ScoreFailed, match="another score when the row is scored among other rows"):
        trained(world, OF_THE_CHUNK)
    assert world.services.registry.versions(MODEL) == []


def test_rows_must_not_hang_on_their_order(world: World):
    """A model whose scores depend on the order of its rows is refused as well."""
    with pytest.raises(ScoreFailed, match="another score when the row is scored among other rows"):
        trained(world, OF_THE_ORDER)


def test_rows_of_a_whole_may_hang_on_each_other(world: World):
    """With `rows: whole` a row's score may depend on the other rows."""
    assert trained(world, OF_THE_CHUNK, rows=RowsPolicy.WHOLE).promoted


def test_a_whole_is_measured_as_it_is_scored(world: World, monkeypatch: pytest.MonkeyPatch):
    """A model with `rows: whole` is measured on one whole held-out scoring window at a time. A model without
    `rows: whole` is measured in chunks.
    """
    monkeypatch.setattr("kronkers_batch.pipeline.verify.CHUNK_ROWS", 4)
    measured = trained(world, COUNTS, rows=RowsPolicy.WHOLE).version.training.metrics
    held = offers().filter(pl.col("at").dt.day().is_between(15, 17))
    assert measured["bias"] == pytest.approx(6 - held["y"].mean())


def test_a_whole_is_measured_beside_what_has_no_target(world: World):
    """With `rows: whole` the window includes the rows without a target, as in scoring."""
    unknown = pl.when(pl.col("id") % 3 == 0).then(None).otherwise("y")
    world.rows(offers().with_columns(y=unknown))
    training = trained(world, COUNTS, rows=RowsPolicy.WHOLE).version.training
    held = offers().filter(pl.col("at").dt.day().is_between(15, 17) & (pl.col("id") % 3 != 0))
    assert training.metrics["bias"] == pytest.approx(6 - held["y"].mean())
    assert training.rows["holdout"] == held.height


def refitted(world: World, *, limit: float | None = None) -> Trained:
    """A training with a final fit; as declared, with a threshold on how far that may be."""
    windows = replace(world.services.model(MODEL).windows, refit=True)
    limits = () if limit is None else (threshold("refit", high=limit),)
    return trained(world, SHIFTED, windows=windows, training_thresholds=limits)


def test_a_final_fit_learns_all_labelled_rows(world: World):
    """With `window: {refit: true}` the stored model was fitted on all labelled rows. Its metrics are those of
    a fit on the rows before the holdout."""
    world.rows(offers().with_columns(y=pl.col("id").cast(pl.Float64)))
    plain = trained(world, SHIFTED).version.training
    found = refitted(world)
    training = found.version.training
    rows, scores = unpacked(training.golden.rows)[0]
    assert (scores["score"] - rows["x"]).to_list() == pytest.approx([sum(range(42, 102)) / 60] * len(rows))
    assert training.naive == plain.naive
    assert dict(training.metrics) == dict(plain.metrics) | {"refit": training.metrics["refit"]}
    assert dict(training.rows) == {"fit": 42, "holdout": 18, "unlabelled": 0, "refit": 60}
    said = "refit on all 60 labelled rows; its numbers are those of the fit on 42"
    assert said in found.message()


def test_a_final_fit_far_from_the_measured_one_is_not_promoted(world: World):
    """A final fit is not promoted if its scores are far from those of the measured fit: on average more than
    half the standard deviation of the scores; with a champion that had a final fit, more than twice as far as
    the measured fit is from this champion."""
    world.rows(offers().with_columns(y=pl.col("id").cast(pl.Float64)))
    first = refitted(world, limit=1)
    spread = float(offers()["x"][84:102].std(ddof=0))  # type: ignore[arg-type]
    assert first.version.training.metrics["refit"] == pytest.approx(9 / (spread / 2))
    assert not first.promoted
    assert refitted(world, limit=10).promoted
    assert refitted(world, limit=1).version.training.metrics["refit"] == pytest.approx(9 / (2 * 9))


def test_without_a_holdout_nothing_is_measured(world: World):
    """With `window: {holdout: none}` all labelled rows are fitted, no metric is recorded, and golden rows are
    some of the fitted rows."""
    world.rows(offers().with_columns(y=pl.col("id").cast(pl.Float64)))
    windows = replace(world.services.model(MODEL).windows, holdout=dt.timedelta(0))
    found = trained(world, SHIFTED, windows=windows, promote=Promote.MANUAL)
    training = found.version.training
    assert dict(training.metrics) == {}
    assert dict(training.rows) == {"fit": 60, "holdout": 0, "unlabelled": 0}
    assert training.naive == pytest.approx(sum(range(42, 102)) / 60)
    rows, scores = unpacked(training.golden.rows)[0]
    assert (scores["score"] - rows["x"]).to_list() == pytest.approx([sum(range(42, 102)) / 60] * 20)
    assert not found.promoted
    assert found.message().endswith("nothing is held out, so no number says how good it is")
    still = trained(world, windows=windows, promote=Promote.MANUAL, source=InputRef(source="still"))
    assert dict(still.version.training.rows) == {"fit": 144, "holdout": 0, "unlabelled": 0}
    with pytest.raises(ScoreFailed, match="another score when the row is scored among other rows"):
        trained(world, OF_THE_CHUNK, windows=windows, promote=Promote.MANUAL)


def test_a_champion_that_cannot_score_keeps_no_model_from_its_final_fit(world: World):
    """If the champion cannot score the holdout, the final fit is judged as a first one."""
    assert refitted(world).promoted
    champion = world.services.registry.champion(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kronkers_batch.pipeline.champion.same_scores", lambda *_: False)
        found = refitted(world)
    assert f"{champion.ref} could not score the holdout" in found.message()  # type: ignore[union-attr]
    assert found.version.training.metrics["refit"] < 1


def test_what_fails_records_nothing(world: World):
    """A training that fails anywhere records no version."""
    with pytest.raises(ModelError):
        trained(world, MEAN.replace("return float(", "raise ValueError("))
    with pytest.raises(ModelError):
        trained(world, MEAN.replace("return np.full(", "raise ValueError("))
    assert world.services.registry.versions(MODEL) == []


def test_who_may_not_promote_leaves_it_to_an_approver(world: World):
    """A version that an operator trained waits for an approver, because an operator may not promote."""
    world.join("olga", Role.OPERATOR, Scope("sales"))
    found = trained(world)
    assert found.verdict.passed
    assert (found.promoted, found.waits) == (False, True)
    assert (
        f"{MODEL}@1 waits for an approver to run `kronkers promote {MODEL}@1 --why REASON`" in found.message()
    )
    assert world.services.registry.champion(MODEL) is None
