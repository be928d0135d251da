"""What the pages show can be typed, and what they link to is there."""

import re
import shlex
from pathlib import Path

import pytest

from kronkers_batch.cli.main import parser
from kronkers_batch.config.nodes import Mapping, Sequence
from kronkers_batch.config.problems import Problems
from kronkers_batch.config.yamlparse import parse

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
COMMANDS = sorted(
    {line for page in PAGES for line in re.findall(r"^\$ (kronkers .*)$", page.read_text(), re.M)}
)
TARGETS = sorted({name for page in PAGES for name in re.findall(r"^\$ make (\S+)", page.read_text(), re.M)})


def test_there_are_commands_and_targets_to_check() -> None:
    assert len(COMMANDS) >= 12
    assert {"nightly", "test"} <= set(TARGETS)


@pytest.mark.parametrize("line", COMMANDS)
def test_every_shown_command_is_one(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    args, rest = parser().parse_known_args(words)
    assert args.command == words[0]
    assert not [word for word in rest if word.startswith("-")]


def test_every_command_that_an_error_names_is_one() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "kronkers_batch").rglob("*.py"))
    named = set(re.findall(r"""['`:;&] ?kronkers ([a-z]+)""", sources))
    commands = next(action.choices for action in parser()._actions if action.dest == "command")
    assert commands is not None
    assert {"access", "check"} <= named <= set(commands)


@pytest.mark.parametrize("target", TARGETS)
def test_every_shown_make_target_is_one(target: str) -> None:
    assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.M)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    """``tests/a/test_b.py`` and ``tests/a/test_b.py::test_c``."""
    for path, _, name in re.findall(r"`(tests/[a-z0-9_/]+\.py)(::(\w+))?`", page.read_text()):
        assert (ROOT / path).is_file(), path
        assert not name or f"def {name}(" in (ROOT / path).read_text(), name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


def test_every_decision_has_a_number_of_its_own() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [page.name.partition("-")[0] for page in pages]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    for page in pages:
        assert page.read_text().startswith(f"# {int(page.name[:4])}. "), page


def test_every_block_of_yaml_is_yaml() -> None:
    """Whoever copies it from the page has a file that can be read."""
    found = [
        (page.name, block)
        for page in PAGES
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S)
    ]
    assert len(found) > 10
    for name, text in found:
        problems = Problems()
        assert isinstance(parse(text.encode(), name, problems), Mapping | Sequence), (name, text)
        assert not len(problems), (name, text)
