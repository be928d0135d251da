"""No text steers a terminal or hides in a page: one filter stands before everything that is printed."""

import ast
import html
import json
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from kronkers_batch.cli import machine, printing
from kronkers_batch.cli.main import main
from kronkers_batch.events.types import Event, RunRecord
from kronkers_batch.reports.page import date_page, run_page
from kronkers_batch.reports.verdict import Part, Verdict

ROOT = Path(__file__).parents[2]
EVIL = "\x1b]0;pwned\x07\x1b[31m\x9b2J\u202egpj.exe\u2066\u200b\ud800\r"
"""A title, a colour, a cleared screen, a text reversed, one not seen, half a character, an overwriting."""


def is_clean(text: str) -> bool:
    """Whether all of it is seen; not asked of the program's own filter."""
    return all(c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


# ---------------------------------------------------------------- one exit


def _name(node: ast.expr) -> str:
    """A name, with those before its dots; empty where it is none."""
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Attribute) else ""


def _writes(path: Path) -> list[str]:
    """Where a module writes to the process's output without the one function that filters."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Call) and _name(node.func) in (
            "print", "sys.stdout.write", "sys.stderr.write", "traceback.print_exc", "os.write",
            "traceback.print_exception", "logging.basicConfig", "warnings.warn",
        ):  # fmt: skip
            found.append(place)
        if isinstance(node, ast.Call) and any(
            _name(argument) in ("sys.stdout", "sys.stderr")
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]
        ):
            found.append(place)
    return found


def test_nothing_but_one_module_writes_to_the_terminal():
    modules = [*(ROOT / "kronkers_batch").rglob("*.py"), *(ROOT / "tasks").rglob("*.py")]
    own = ROOT / "kronkers_batch/cli/printing.py"
    workers = ROOT / "kronkers_batch/runtimes/workers"  # in the sandbox; what they print comes in by a pipe
    found = [
        place for path in modules if path != own and workers not in path.parents for place in _writes(path)
    ]
    assert found == []
    # And there a stream is written to in one function.
    calls = [
        n for n in ast.walk(ast.parse(own.read_text())) if isinstance(n, ast.Attribute) and n.attr == "write"
    ]
    assert len(calls) == 1


@pytest.mark.parametrize(
    "text", ["print(x)", "sys.stderr.write(x)", "f(x, file=sys.stderr)", "export(rows, sys.stdout)"]
)
def test_a_new_exit_would_be_found(tmp_path, monkeypatch, text):
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(f"import sys\n{text}\n")
    assert _writes(tmp_path / "x.py") == ["x.py:2"]


# ---------------------------------------------------------------- what is printed


def test_everything_that_prints_is_filtered(capsys):
    printing.say(EVIL)
    printing.warn(f"{EVIL}\n{EVIL}")
    printing.message(EVIL, None)
    printing.table([(EVIL, EVIL)], (EVIL, EVIL))
    printing.table([(EVIL, "a\nb")], ("x", "y"), wide=True)
    printing.fields({EVIL: EVIL, "b": {EVIL: EVIL}})
    printing.Out().write(EVIL)
    printing.Out(json=True).write(json.dumps(EVIL, ensure_ascii=False) + "\n")
    printing.print_json({EVIL: [EVIL]})
    try:
        raise ValueError(EVIL)
    except ValueError:
        printing.trace()
    told = capsys.readouterr()
    assert is_clean(told.out)
    assert is_clean(told.err)
    assert told.out.count(r"\x1b]0;pwned\x07") > 8  # and it says which characters they were
    assert r"ValueError: \x1b]0;" in told.err


def test_a_cell_stays_in_its_row(capsys):
    printing.table([("a\nb\tc\rd", "e\n\nf")], ("x", "y"))
    assert capsys.readouterr().out.splitlines() == ["x        y", "a b c d  e  f"]


def test_json_is_valid_and_holds_what_it_held(capsys):
    value = {"x": EVIL, "rows": ["\u202e", "ä", "\n"]}
    printing.print_json(value)
    printed = capsys.readouterr().out
    assert is_clean(printed)
    assert json.loads(printed) == value


WORDS = [
    [EVIL],  # argparse quotes what it does not know
    ["run", f"--{EVIL}"],
    ["run", "--date", EVIL],
    ["report", EVIL],
    ["show", EVIL],
    ["read", EVIL],
    ["ledger", EVIL],
    ["ledger", "show", EVIL],
    ["access", EVIL],
    ["access", "grant", EVIL, "reader", "sales"],
    ["access", "grant", "ann", EVIL, "sales"],
    ["access", "grant", "ann", "reader", EVIL],
    ["access", "add", EVIL],
    ["sql", f"select {EVIL} from buys"],
    ["run", f"model.buys.parameters.{EVIL}=1"],
    ["check", f"executor.workers={EVIL}"],
    ["keys", "shred", EVIL, "--why", "x"],
    ["promote", EVIL, "--why", "x"],
]


def test_words_of_the_command_line_do_not_come_back_raw(company):
    for words in WORDS:
        for more in ([], ["-v"]):
            done = company.by("admin").run(*words, *more, code=None)
            assert done.returncode in (1, 2, 3), done
            assert is_clean(done.stdout + done.stderr)


def test_an_unforeseen_error_is_filtered_with_v(monkeypatch, capsys):
    def broken(_args):
        raise ValueError(EVIL)

    monkeypatch.setattr(machine, "doctor", broken)
    assert main(["doctor", "-v"]) == 1
    told = capsys.readouterr().err
    assert r"\x1b]0;pwned\x07" in told
    assert is_clean(told)


def test_reasons_titles_and_what_a_model_says(company):
    """What colleagues write into the ledger and into YAML, and what a model's code prints and raises."""
    admin = company.by("admin")
    admin.run("access", "grant", "vic", "reader", "sales", "--why", EVIL.replace("\ud800", ""))
    shown = admin.run("ledger", "show").stdout
    assert r"because: \x1b]0;pwned\x07" in shown
    company.edit(
        "models/buys/model.py", "def score(", "raise ValueError('\\x1b]0;x\\x07\\u202e')\ndef score("
    )
    company.edit("conf/department/sales.yaml", "Sales", '"\\e[31mSales\\u202e"')
    done = company.run("run", "--date", "2024-01-21", "-v", code=None)
    report = company.by("vic").run("report", "--date", "2024-01-21")
    page = (company.folder / "var/reports/2024-01-21.html").read_text()
    assert r"\x1b]0;x" in done.stdout
    assert r"\u202e" in page
    for text in (shown, done.stdout, done.stderr, report.stdout, page):
        assert is_clean(text)
    edited = '"\\e]0;x\\a\\u202e"'
    for key in ("description: salaries", "kind: csv", "key: [id]"):
        company.edit("conf/source/people.yaml", key, f"{key.split(':')[0]}: {edited}")
        done = company.run("check", code=None)
        assert is_clean(done.stdout + done.stderr)


def test_a_header_is_clean_on_terminal_page_and_in_the_log(company):
    """Control characters in the line of column names of a department's file."""
    path = company.folder / "data/visits.csv"
    rows = path.read_text().splitlines()[1:]
    path.write_text("\n".join(["anna.meier@example.org,\x1b]0;pwned\x07\x1b[31m\u202e", *rows]) + "\n")
    done = company.run("run", "buys", code=1)
    report = company.by("vic").run("report")
    log = company.by("ann").run("log")
    assert r"\x1b]0;pwned\x07\x1b[31m\u202e" in log.stdout
    page = (company.folder / "var/reports/2024-01-20.html").read_text()
    for text in (done.stdout, done.stderr, report.stdout, page, log.stdout):
        assert is_clean(text)
        assert "\x1b" not in html.unescape(text)


def test_the_page_shows_what_is_not_seen():
    raw = EVIL.replace("\ud800", "\ud800<b>")
    run, verdict = RunRecord(raw, raw, 0, 1, 1), Verdict(raw, Part("failed", raw), Part("held", raw))
    page = run_page(run, [verdict], [Event(raw, raw, raw, 0.1, raw, raw)])
    page += date_page(raw, [(raw, verdict)], [(run, [verdict], raw)])
    assert is_clean(page)
    assert page.encode()
    assert "<b>" not in page


# ---------------------------------------------------------------- libraries


def test_what_a_library_writes_past_python_does_not_reach_the_terminal(tmp_path):
    """Polars tells of a panic by itself, on the descriptor; warnings and threads quote values too."""
    code = (
        "import os, sys, threading, warnings\n"
        "from kronkers_batch.cli import machine, main\n"
        "def thread():\n    raise ValueError('FROM-A-THREAD')\n"
        "def doctor(args):\n"
        "    os.write(2, b'FROM-A-LIBRARY')\n"
        "    warnings.warn('FROM-A-WARNING')\n"
        "    one = threading.Thread(target=thread)\n"
        "    one.start()\n    one.join()\n"
        "    return args.handler and 0\n"
        "machine.doctor = doctor\n"
        "sys.argv = ['kronkers', 'doctor', *sys.argv[1:]]\n"
        "main.entry()\n"
    )

    def run(*more: str) -> str:
        done = subprocess.run([sys.executable, "-c", code, *more], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0
        return done.stdout + done.stderr

    told = run()
    assert "FROM-A" not in told
    assert "kronkers: a thread ended with ValueError" in told
    told = run("-v")
    assert all(f"FROM-A-{what}" in told for what in ("LIBRARY", "WARNING", "THREAD"))


def test_a_problem_in_a_file_is_bounded(company):
    company.write(
        "conf/source/long.yaml", f"department: sales\n? {'x' * 100_000}\n: 1\nkind: {'y' * 100_000}\n"
    )
    done = company.run("check", code=2)
    assert "the key" in done.stderr
    assert len(done.stderr) < 12_000
