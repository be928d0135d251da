"""Why a version scores, may not score, or replaces what readers see: the sentences of a plan."""

from __future__ import annotations

from kronkers_batch.planning.facts import Model, Output, Version

MOST_NAMED = 5
"""Changed keys that a reason names."""


def elsewhere(champion: Version) -> str:
    """That a version was trained on a source that is declared otherwise now, and which keys changed."""
    names = champion.elsewhere
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return (
        f"{champion.ref} was trained on a source that is declared otherwise now "
        f"({', '.join(names[:MOST_NAMED])}{more})"
    )


def unfit(model: Model, champion: Version) -> str:
    """Why a champion may not score the source as it is declared today, and what to do."""
    newest = model.newest
    if newest is None:
        why, fix = "nothing was trained on it since", f"kronkers train {model.name}"
    else:
        why = f"{newest.ref}, of today's, is not in use"
        why += f": {'; '.join(newest.missed)}" if newest.missed else ""
        fix = f"kronkers promote {newest.ref}{' --force' if newest.missed else ''} --why REASON"
    return (
        f"{elsewhere(champion)}, and {why}: its scores could be wrong without a word\n"
        f"  -> {fix}; or put the source's declaration back"
    )


def no_champion(model: Model) -> str:
    """That no version scores, and why the last one was not promoted."""
    last = ""
    if model.last is not None:
        missed = model.last.missed_then
        last = f": {model.last.ref} was not promoted" + (f", since {'; '.join(missed)}" if missed else "")
    return (
        f"model {model.name}: {model.name} has no champion{last}\n"
        f"  -> see kronkers versions {model.name}; change the model or its thresholds, or promote one"
    )


def why(version: Version, before: Output | None, output: Output | None) -> str:
    """Why it is scored, and what of today's that replaces."""
    if output is not None:
        if before is not None and not output.missed:
            return f"{output.ref} is of the present champion and source; {_replaces(before)}"
        return "thresholds changed: judged anew, nothing computed"
    if before is None:
        return "not scored yet"
    changed = f"champion changed: {before.by} -> {version.ref}"
    what = (
        changed
        if before.by != version.ref
        else "the source changed, or a field of the model that counts for scoring"
    )
    return f"{what}; {_replaces(before)}"


def _replaces(before: Output) -> str:
    return f"replaces {before.ref}, which readers get now"
