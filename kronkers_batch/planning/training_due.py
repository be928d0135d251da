"""Whether a model is to be trained, and why; and which of its versions is not in use though it could be."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from kronkers_batch.planning.facts import Model, Version


@dataclass(frozen=True)
class Due:
    """A training: its fingerprint, and the reason in one line."""

    fingerprint: str
    reason: str


def due(model: Model, date: dt.date) -> Due | None:
    """The training that is due as of a logical date, if any.

    There are three reasons: there is no champion, the definition changed, or ``retrain.every`` is due. A
    snapshot's contents and an upgraded runtime are none; a changed threshold only judges anew. Nothing is
    computed either where the newest version passed and was not promoted: its promotion is made up for.
    """
    newest, champion = model.newest, model.champion
    if newest is None:
        return Due(model.definition, _first_or_changed(model))
    if promotable(model, newest):
        why = "thresholds changed: judged anew" if newest.missed_then else "passed, and not promoted yet"
        return Due(newest.fingerprint, f"{why}, nothing computed")
    again = again_of(model.definition, date)
    if newer := changed_back(model):
        return Due(f"{again} after {newer.number}", _first_or_changed(model))
    if again in model.trained:
        return None
    last, when = _last_trained(newest, date)
    age = date - last
    if model.every is not None and age >= model.every:
        return Due(again, f"last trained {when}, {age.days} days before")
    if champion is None and age > dt.timedelta() and newest.missed:
        return Due(again, f"no champion: {newest.ref} missed its thresholds")
    return None


def asked(model: Model, date: dt.date, force: str = "") -> Due | None:
    """The training that somebody asks for by hand.

    None where today's definition was already trained as of this date, unless ``force``, a text unique to the
    asking, is given.
    """
    if force:
        return Due(f"{model.definition}+{force}", "asked for, by force")
    newest = model.newest
    if newest is None or promotable(model, newest) or changed_back(model):
        return due(model, date)
    again = again_of(model.definition, date)
    if newest.date == date or again in model.trained:
        return None
    return Due(again, "asked for")


def again_of(definition: str, date: dt.date) -> str:
    """The fingerprint of a repetition of a definition as of a date."""
    return f"{definition}@{date.isoformat()}"


def promotable(model: Model, version: Version) -> bool:
    """Whether a version that was never promoted passes today's thresholds, and is promoted by itself.

    Either it missed those of its own day, or it passed them and its promotion did not happen: its run was
    killed, or the model was promoted by hand then. Once a newer version was promoted, that decides.
    """
    if not model.automatic or version.missed:
        return False
    if model.promoted >= version.number:
        return False
    return version.by_promoter


def changed_back(model: Model) -> Version | None:
    """The last version, where it is of another definition than today's, and the champion is as well.

    Then versions of today's definition are older: somebody took a change back. After a rollback alone the
    last version still is of today's definition.
    """
    champion, last = model.champion, model.last
    if champion is None or last is None or champion.definition == model.definition:
        return None
    return None if last.definition == model.definition else last


@dataclass(frozen=True)
class NotPromoted:
    """A version of today's definition that is not in use, and why; ``kept_back``: though it should be."""

    why: str
    kept_back: bool


def not_promoted(model: Model) -> NotPromoted | None:
    """Today's definition, where its newest version was never promoted and nothing will promote it by itself.

    None where the champion is as good as that: of today's definition, while the newest missed its thresholds.
    """
    newest, champion = model.newest, model.champion
    if newest is None or champion is None or model.promoted >= newest.number:
        return None
    if not newest.missed:
        return NotPromoted(waits_for_approver(newest.ref), model.automatic)
    if champion.definition == model.definition:
        return None
    why = f"{newest.ref} is of today's definition and was not promoted: {'; '.join(newest.missed)}"
    return NotPromoted(f"{why}; {champion.ref}, of another one, scores", kept_back=True)


def waits_for_approver(ref: str) -> str:
    """What is to be done about a version that nothing promotes by itself."""
    return f"{ref} waits for an approver to run `kronkers promote {ref} --why REASON`"


def _last_trained(newest: Version, date: dt.date) -> tuple[dt.date, str]:
    """The date from which a training's age counts as of ``date``, and that in words.

    One as of a date that had not come yet (a slip of the keyboard) counts from the day on which it was made:
    else nothing would be due until that date.
    """
    if date < newest.date and newest.made < newest.date:
        return newest.made, f"on {newest.made}, as of {newest.date}"
    return newest.date, f"as of {newest.date}"


def _first_or_changed(model: Model) -> str:
    last = model.champion or model.last
    if last is None:
        return "no model version yet"
    return "definition changed: " + ("; ".join(last.changed) if last.changed else "code or environment")
