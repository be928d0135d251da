"""What a run learned by the keys of its entries, and what is said of a champion that may not score."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from kronkers_batch.planning import reasons
from kronkers_batch.planning.plan import Frozen, Known, Scored, Trained


def test_each_kind_of_result_is_known_by_its_key() -> None:
    known = Known()
    for result in (Frozen("a", "i"), Trained("b", None), Scored("c", "v")):
        assert result.key not in known
        known = known.also(result)
        assert result.key in known
    assert (known.frozen, known.heads) == ({"a": "i"}, {"c": "v"})
    assert set(known.trained) == {"b"}


def test_without_a_newer_version_a_training_is_the_way_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(reasons, "elsewhere", lambda _champion: "m@1 was trained on another source")
    model = cast(Any, SimpleNamespace(name="m", newest=None))
    said = reasons.unfit(model, cast(Any, None))
    assert "nothing was trained on it since" in said
    assert "kronkers train m;" in said
    waiting = SimpleNamespace(ref="m@2", missed=("auc is low",))
    said = reasons.unfit(cast(Any, SimpleNamespace(name="m", newest=waiting)), cast(Any, None))
    assert "m@2, of today's, is not in use: auc is low" in said
    assert "kronkers promote m@2 --force --why REASON" in said
