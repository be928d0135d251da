"""Who can write to ``var/`` exchanges what lies there: a model's code, chunks, and what was remembered."""

import json
import os
import re
import threading
from contextlib import suppress

import pytest

from kronkers_batch.pipeline import champion, fitting
from kronkers_batch.store.cache import ContentCache
from tests.faults.departments import Departments
from tests.faults.test_forged_logs import by

ZERO = "import numpy as np\n\ndef fit(data, params):\n    return 0\n\n"
ZERO += "def score(model, data):\n    return np.full(len(data['x']), 0.123)\n"
AT = "2024-01-22"


def scores(company: Departments) -> list[str]:
    printed = company.by("ann").run("read", "buys", "--date", AT).stdout
    return re.findall(r"^ *\d+ +(\d\S*)", printed, re.MULTILINE)


@pytest.mark.parametrize("where", [champion, fitting])
@pytest.mark.parametrize("sandbox", ["require", "off"])
def test_code_that_is_exchanged_after_the_look_at_it_is_not_run(company, monkeypatch, where, sandbox):
    """By scoring, and by training: whatever lies anywhere when the worker opens it."""
    real, exchanged = where.start, []

    def start(spec):
        for path in [company.folder / "models/buys/model.py", *(company.folder / "var").rglob("*.py")]:
            path.write_text(ZERO)
            exchanged.append(path)
        return real(spec)

    if where is fitting:
        company.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    monkeypatch.setattr(where, "start", start)
    company.run("run", "buys", "--date", AT, f"executor.sandbox={sandbox}")
    assert len(exchanged) == (2 if where is fitting else 1)
    assert len(set(scores(company))) > 10


def test_no_code_of_a_version_lies_on_the_disk(company):
    assert not [path for path in (company.folder / "var").rglob("*") if path.suffix == ".py"]


@pytest.mark.parametrize("kind", ["code", "environment"])
def test_what_somebody_wrote_into_the_cache_is_not_believed(company, kind):
    folder = company.folder / "var/cache"
    with by(company, "nightly") as services:
        services.cache.put(kind, "asked", "signed")
        assert services.cache.get(kind, "asked") == "signed"
    file = folder / f"{kind}.json"
    entries = json.loads(file.read_text())
    name = next(name for name, value in entries.items() if value.startswith("signed "))
    own = ContentCache(company.folder / "own")
    own.put(kind, "asked", "forged")
    planted = json.loads((company.folder / "own" / f"{kind}.json").read_text())
    (mark,) = planted.values()
    others = [value for other, value in entries.items() if other != name]
    for value in ("forged", mark, f"forged {entries[name].split()[1]}", *others, 5, None, ["signed"]):
        file.write_text(json.dumps({**entries, **planted, "asked": "forged", name: value}))
        with by(company, "nightly") as services:
            assert services.cache.get(kind, "asked") is None
    file.write_text(json.dumps(entries))
    with by(company, "nightly") as services:
        assert services.cache.get(kind, "asked") == "signed"
    with by(company, "ann") as services:
        assert services.cache.get(kind, "asked") is None


@pytest.mark.parametrize("what", ["a pipe", "deep", "a device"])
def test_what_is_no_cache_counts_as_empty_and_is_not_waited_for(company, what):
    file = company.folder / "var/cache/code.json"
    file.unlink()
    if what == "a pipe":
        os.mkfifo(file)
    elif what == "deep":
        file.write_text("[" * 100_000)
    else:
        file.symlink_to("/dev/zero")
    done: list[object] = []

    def ask() -> None:
        done.append(ContentCache(file.parent, b"k").get("code", "asked"))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(10)
    if what == "a pipe" and not done:
        with suppress(OSError):
            os.close(os.open(file, os.O_WRONLY | os.O_NONBLOCK))
    assert done == [None]


@pytest.mark.parametrize("folder", ["artifacts", "snapshots"])
def test_a_file_that_was_made_endless_is_not_read_to_its_end(company, folder):
    """It has no blocks, and takes no room; whoever reads it takes all of the memory."""
    for file in (company.folder / "var/artifacts" / folder / "sales").rglob("*"):
        if file.is_file():
            os.truncate(file, 1 << 40)
    company.edit("conf/model/buys.yaml", "output: {rows: {min: 5}", "output: {rows: {min: 6}")
    company.edit("conf/model/buys.yaml", "penalty: 1.0", "penalty: 2.0")
    words = ("run", "buys", "--date", AT) if folder == "artifacts" else ("train", "buys", "--force")
    done = company.run(*words, code=1)
    assert "a chunk differs from the one that its manifest lists" in done.stdout
