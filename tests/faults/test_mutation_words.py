"""The words of ``mutations/changes.py``: each changes the one place that it means, or says that it cannot."""

from __future__ import annotations

import ast

import pytest

from tests.faults.mutations.changes import (
    Change,
    Misfit,
    always,
    drop,
    never,
    returns,
    reword,
    sets,
    swap,
    without,
)  # fmt: skip
from tests.faults.mutations.kind import Mutation

SHUTS = """self.state = state = [h for h in self.hinges if h.good]
        return state if self.key else (flags, None)
"""
PROGRAM = (
    '''
LIMIT, MOST = 1, 2
TABLE = {"a": 1, "b": 2}
QUERY = f"SELECT {LIMIT} FROM rows WHERE seen"

class Door:
    @property
    def open(self):
        """Whether it is."""
        if self.key is None or self.key.broken and not self.forced:
            raise Locked("no key", where=self.name)
        for hinge in self.hinges:
            oil(hinge)
        return self.try_to(self.key, "turn", times=3) != 0

    def close(self, flags=READ | WRITE):
        '''
    + SHUTS
    + """
def close(door):
    door.close()
"""
)
OPEN, CLOSE = "Door.open", "Door.close"

MADE: list[tuple[str, Change, str, str]] = [
    (OPEN, never("self.key is None or ..."),
     "self.key is None or self.key.broken and not self.forced", "False"),
    (OPEN, never("self.key is None"), "self.key is None or", "False or"),
    (OPEN, always("not self.forced"), "not self.forced", "True"),
    (OPEN, always("self.forced"), "not self.forced", "not True"),
    (OPEN, never("self.try_to(...) != 0"), 'self.try_to(self.key, "turn", times=3) != 0', "False"),
    (OPEN, swap("raise Locked(...)", "return"), 'raise Locked("no key", where=self.name)', "return"),
    (OPEN, swap("self.try_to(self.key, ...)", "1"), 'self.try_to(self.key, "turn", times=3)', "1"),
    (OPEN, swap("oil(hinge)", "hinge.oil(); break"), "oil(hinge)", "hinge.oil(); break"),
    (OPEN, drop("oil(...)"), "oil(hinge)", "pass"),
    (OPEN, drop("for hinge in ...: ..."), "for hinge in self.hinges:\n            oil(hinge)", "pass"),
    (OPEN, without("self.key.broken"), "self.key.broken and not", "not"),
    (OPEN, without("'turn'"), '"turn", ', ""),
    (OPEN, without("where=..."), ", where=self.name", ""),
    (OPEN, sets("times", "4"), "times=3", "times=4"),
    (OPEN, reword("key", "door"), '"no key"', '"no door"'),
    (CLOSE, without("READ"), "READ | WRITE", "WRITE"),
    (CLOSE, without("h.good"), " if h.good", ""),
    (CLOSE, sets("self.state", "[]"), "[h for h in self.hinges if h.good]", "[]"),
    (CLOSE, never("self.key"), "state if self.key", "state if False"),
    (CLOSE, returns("flags"), SHUTS, "return flags\n"),
    ("close", drop("door.close()"), "door.close()", "pass"),
    ("MOST", swap("2", "3"), "1, 2", "1, 3"),
    ("TABLE", sets("'b'", "3"), '"b": 2', '"b": 3'),
    ("TABLE", without("'a'"), '"a": 1, ', ""),
    ("QUERY", reword("WHERE seen", ""), "WHERE seen", ""),
]  # fmt: skip

NONE: list[tuple[str, Change]] = [
    (OPEN, never("self.key is not None")),  # there is no such condition
    (OPEN, swap("self.key", "None")),  # there are three
    (OPEN, swap("self.try_to('turn', ...)", "1")),  # the first argument is another one
    (OPEN, swap("self.try_to(self.key, ..., 0)", "1")),
    (OPEN, drop("for hinge in ...: pass")),
    (OPEN, never("...")),  # anything is no place
    (CLOSE, without("self.close")),  # what is called is no part
    (CLOSE, sets("flags", "0")),
    ("TABLE", returns("{}")),  # a variable is no function
    ("Door.shut", drop("...")),  # no such function
    ("", drop("door.closed()")),
]


def normal(text: str) -> str:
    return ast.unparse(ast.parse(text)) + "\n"


def test_each_word_changes_the_one_place_that_it_means():
    for name, change, old, new in MADE:
        assert PROGRAM.count(old) == 1, old
        assert change.apply(PROGRAM, name) == normal(PROGRAM.replace(old, new)), change.says


def test_how_the_program_is_written_does_not_matter():
    for name, change, old, new in MADE:
        assert change.apply(normal(PROGRAM), name) == normal(PROGRAM.replace(old, new)), change.says


def test_what_fits_no_place_or_several_is_refused():
    for name, change in NONE:
        with pytest.raises(Misfit):
            change.apply(PROGRAM, name)


def test_files_in_other_languages_are_reworded():
    mutation = Mutation("it stops", "runtimes/workers/worker.R", reword("stop(", "print("), ())
    assert mutation.of("stop('no')") == "print('no')"
    for text in ("", "stop(stop(1))"):
        with pytest.raises(Misfit):
            mutation.of(text)
    with pytest.raises(Misfit, match="reworded"):
        Mutation("it stops", "runtimes/workers/worker.R", drop("stop(...)"), ()).of("stop('no')")
