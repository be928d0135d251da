"""Whether a model needs training or scoring, and why. Asked by the graph and by ``plan``."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from kronkers_batch.config.fingerprint import changes
from kronkers_batch.config.spec import ModelSpec, Promote
from kronkers_batch.monitoring.gates import Verdict, judge_metrics, judge_output
from kronkers_batch.registry.training import ModelVersion
from kronkers_batch.steps.definitions import Definition, define, scoring_fingerprint_of
from kronkers_batch.steps.services import Services
from kronkers_batch.store import clock
from kronkers_batch.warehouse.versions import OutputVersion


@dataclass(frozen=True)
class TrainingDue:
    """A training that joins the graph: its fingerprint, and the reason in one line."""

    fingerprint: str
    reason: str


def training_asked(
    services: Services, model: ModelSpec, date: dt.date, force: str = ""
) -> TrainingDue | None:
    """The training that somebody asks for by hand.

    None where today's definition was already trained as of this date, unless ``force``, a text unique to the
    asking, is given.
    """
    definition = define(services, model)
    if force:
        return TrainingDue(f"{definition.training}+{force}", "asked for, by force")
    newest = services.registry.newest(model.name, definition.training)
    champion = services.registry.champion(model.name)
    if (
        newest is None
        or _waits(services, model, newest, champion)
        or _changed_back(services, champion, definition)
    ):
        return training_due(services, model, date)
    again = f"{definition.training}@{date.isoformat()}"
    if newest.training.logical_date == date or services.registry.find(model.name, again) is not None:
        return None
    return TrainingDue(again, "asked for")


def training_due(services: Services, model: ModelSpec, date: dt.date) -> TrainingDue | None:
    """The training that joins the graph of a logical date, if any.

    There are three reasons: there is no champion, the definition changed, or ``retrain.every`` is due. A
    snapshot's contents and an upgraded runtime are none; a changed threshold only judges anew. Nothing is
    computed either where the newest version passed and was not promoted: its promotion is made up for.
    """
    definition = define(services, model)
    newest = services.registry.newest(model.name, definition.training)
    if newest is None:
        return TrainingDue(definition.training, _first_or_changed(services, model, definition))
    champion = services.registry.champion(model.name)
    if _waits(services, model, newest, champion):
        why = "thresholds changed: judged anew" if newest.training.verdict else "passed, and not promoted yet"
        return TrainingDue(newest.training.fingerprint, f"{why}, nothing computed")
    again = f"{definition.training}@{date.isoformat()}"
    if newer := _changed_back(services, champion, definition):
        reason = _first_or_changed(services, model, definition)
        return TrainingDue(f"{again} after {newer.number}", reason)
    if services.registry.find(model.name, again) is not None:
        return None
    last, told = _last_trained(newest, date)
    age = date - last
    if model.retrain.every is not None and age >= model.retrain.every:
        return TrainingDue(again, f"last trained {told}, {age.days} days before")
    if champion is None and age > dt.timedelta() and _missed(model, newest):
        return TrainingDue(again, f"no champion: {newest.ref} missed its thresholds")
    return None


def _last_trained(newest: ModelVersion, date: dt.date) -> tuple[dt.date, str]:
    """The date from which a training's age counts as of ``date``, and that in words.

    One as of a date that had not come yet (a slip of the keyboard) counts from the day on which it was made:
    else nothing would be due until that date.
    """
    of, made = newest.training.logical_date, clock.to_datetime(newest.created).date()
    if date < of and made < of:
        return made, f"on {made}, as of {of}"
    return of, f"as of {of}"


def champion_as_of(services: Services, model: str, as_of: int) -> ModelVersion | None:
    """The champion at the start of a run; where there was none, the one that the run itself made.

    ``as_of`` is in microseconds UTC; 0 means now.
    """
    then = services.registry.champion(model, at=as_of) if as_of else None
    return then or services.registry.champion(model)


def promotable(services: Services, model: ModelSpec, version: ModelVersion) -> bool:
    """Whether a version that was never promoted passes today's thresholds.

    Either it missed those of its own day, or it passed them and its promotion did not happen: its run was
    killed, or the model was promoted by hand then. Once a newer version was promoted, that decides.
    """
    return _waits(services, model, version, services.registry.champion(model.name))


@dataclass(frozen=True)
class NotPromoted:
    """A version of today's definition that is not in use, and why; ``kept_back``: though it should be."""

    why: str
    kept_back: bool


def not_promoted(services: Services, model: ModelSpec) -> NotPromoted | None:
    """Today's definition, where its newest version was never promoted and nothing will promote it by itself.

    None where the champion is as good as that: of today's definition, while the newest missed its thresholds.
    """
    definition, champion = define(services, model).training, services.registry.champion(model.name)
    newest = services.registry.newest(model.name, definition)
    if newest is None or champion is None:
        return None
    if any(promotion.number >= newest.number for promotion in services.registry.history(model.name)):
        return None
    verdict = judge_metrics(model.training_thresholds, newest.training.metrics)
    if verdict.passed:
        return NotPromoted(waits_for_approver(newest), model.promote is Promote.AUTOMATIC)
    if champion.training.definition_fingerprint == definition:
        return None
    why = f"{newest.ref} is of today's definition and was not promoted: {verdict.why()}"
    return NotPromoted(f"{why}; {champion.ref}, of another one, scores", kept_back=True)


def waits_for_approver(version: ModelVersion) -> str:
    """What is to be done about a version that nothing promotes by itself."""
    return f"{version.ref} waits for an approver to run `kronkers promote {version.ref} --why REASON`"


def _waits(
    services: Services, model: ModelSpec, version: ModelVersion, champion: ModelVersion | None
) -> bool:
    if model.promote is not Promote.AUTOMATIC or _missed(model, version):
        return False
    if champion is not None and champion.number >= version.number:
        return False
    if any(promotion.number >= version.number for promotion in services.registry.history(model.name)):
        return False
    return services.registry.by_promoter(version)


def _missed(model: ModelSpec, version: ModelVersion) -> bool:
    return not judge_metrics(model.training_thresholds, version.training.metrics).passed


def _changed_back(
    services: Services, champion: ModelVersion | None, definition: Definition
) -> ModelVersion | None:
    """The last version, where it is of another definition than today's, and the champion is as well.

    Then versions of today's definition are older: somebody took a change back. After a rollback alone the
    last version still is of today's definition.
    """
    if champion is None or champion.training.definition_fingerprint == definition.training:
        return None
    last = services.registry.versions(champion.model)[-1]
    return None if last.training.definition_fingerprint == definition.training else last


def _first_or_changed(services: Services, model: ModelSpec, definition: Definition) -> str:
    last = services.registry.champion(model.name)
    if last is None:
        versions = services.registry.versions(model.name)
        last = versions[-1] if versions else None
    if last is None:
        return "no model version yet"
    what = changes(last.training.definition, definition.flat)
    return "definition changed: " + ("; ".join(what) if what else "code or environment")


_NOT_THE_CHAMPION = "the source, or what the model declares of its scoring, changed"


@dataclass(frozen=True)
class ScoringState:
    """What there is for one logical date: ``output`` with this fingerprint, and today's verdict on it."""

    fingerprint: str
    output: OutputVersion | None
    verdict: Verdict

    @property
    def settled(self) -> bool:
        """Whether nothing is left to do: scored, and what readers get or held as today's thresholds say.

        After a rollback of the champion its old output is published but no longer what readers get.
        """
        if self.output is None:
            return False
        return self.output.head if self.verdict.passed else self.output.state == "held"


def scoring_reason(
    services: Services, model: ModelSpec, date: dt.date, champion: ModelVersion, state: ScoringState
) -> str:
    """Why a scoring joins the graph, and what of today's it replaces; empty when it does not join."""
    if state.settled:
        return ""
    before = services.warehouse.head(model.name, date)
    if state.output is not None:
        if before is not None and state.verdict.passed:
            return f"{state.output.ref} is of the present champion and source; {_replaces(before)}"
        return "thresholds changed: judged anew, nothing computed"
    if before is None:
        return "not scored yet"
    by = before.lineage.get("model_version", "")
    what = f"champion changed: {by} -> {champion.ref}" if by != champion.ref else _NOT_THE_CHAMPION
    return f"{what}; {_replaces(before)}"


def _replaces(before: OutputVersion) -> str:
    return f"replaces {before.ref}, which readers see"


def scoring_state(
    services: Services, model: ModelSpec, date: dt.date, champion: ModelVersion
) -> ScoringState:
    """Ask the warehouse for the output of this date by this champion over the source as it is now."""
    fingerprint = scoring_fingerprint_of(services, model, date, champion)
    output = services.warehouse.find(model.name, date, fingerprint)
    if output is None:
        return ScoringState(fingerprint, None, Verdict())
    missed = judge_output(model.output_thresholds, output.stats).missed
    return ScoringState(fingerprint, output, Verdict((*missed, *output.lineage.get("failed_checks", ()))))
