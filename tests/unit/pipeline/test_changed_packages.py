"""What a message tells of changed packages: versions, and nothing that a worker could say in their place."""

from types import SimpleNamespace

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.errors import ScoreFailed
from kronkers_batch.pipeline import runtime
from kronkers_batch.pipeline.champion import changes_of
from kronkers_batch.pipeline.runtime import MOST_NAMED
from kronkers_batch.pipeline.verify import naming_packages


def test_names_and_versions_are_told():
    trained = {
        "language": "python",
        "version": "3.11.7",
        "numpy": "1.26.4",
        "torch": "2.1.0+cpu",
        "same": "1",
    }
    now = {"language": "python", "version": "3.12.0", "numpy": "2.0.0rc1", "torch": "2.2.0+cpu", "same": "1"}
    assert changes_of(trained, now) == (
        "numpy 1.26.4 -> 2.0.0rc1, torch 2.1.0+cpu -> 2.2.0+cpu, version 3.11.7 -> 3.12.0"
    )


def test_what_is_no_version_is_counted():
    trained = {"numpy": "1.0", "anna.meier@example.org": "1.0", "scipy": "1.0", "iban": "1.0"}
    now = {
        "numpy": "2.0",
        "anna.meier@example.org": "2.0",
        "scipy": "Anna Meier",
        "iban": "DE89370400440532013000",
    }
    assert changes_of(trained, now) == "numpy 1.0 -> 2.0, and 3 more"
    del trained["numpy"]
    assert changes_of(trained, now) == "3 packages"


def test_a_few_are_told():
    told = changes_of({f"p{i}": "1" for i in range(2_000)}, {f"p{i}": "2" for i in range(2_000)})
    assert told.endswith(f", and {2_000 - MOST_NAMED} more")
    assert told.count("->") == MOST_NAMED


def test_no_package_passes_for_the_language_or_for_files(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runtime, "by_path", lambda *_: {"ours": "digest"})
    said = {"language": "another", "version": "9.9", "path:theirs": "x", "path:ours": "x", "numpy": "1"}
    worker = SimpleNamespace(info=SimpleNamespace(packages=said, version="3.11"))
    found = runtime.runtime_of(None, SimpleNamespace(language=LANGUAGES["python"]), worker)  # type: ignore[arg-type]
    assert found == {"language": "python", "version": "3.11", "numpy": "1", "path:ours": "digest"}


def test_what_is_no_package_is_counted_where_the_stored_model_lacks_it():
    had = {"numpy": "1", "anna.meier@example.org": "1", **{f"p{i:02}": "1" for i in range(20)}}
    error = ScoreFailed("no", where="x", fix="y")
    model = SimpleNamespace(language=LANGUAGES["python"])
    told = naming_packages(error, model, had, {}).what  # type: ignore[arg-type]
    assert "anna" not in told
    assert told.endswith(f"p08, {22 - MOST_NAMED} more")
