"""Where this program reads a configuration differently from Hydra, on purpose; and the page of it.

Each row is a case: the test composes it with Hydra and here, and gets what stands beside it. A difference
that disappears, and one that is not listed, turns a test red. ``python -m tests.composing.differences``
writes docs/reference/hydra.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kronkers_batch.config.source_file import SOURCE
from tests.composing.both import ABSENT, REFUSED, Written
from tests.config_project import FILES

PAGE = Path(__file__).parents[2] / "docs/reference/hydra.md"


@dataclass(frozen=True)
class Row:
    """What is written, and what comes of ``key`` in Hydra and here (of all, where the key is empty)."""

    says: str
    written: Written
    hydra: str
    here: str
    key: str = ""


@dataclass(frozen=True)
class Difference:
    """One difference: why it is, and cases of it. ``words`` is the pattern of the plain words it is about."""

    why: str
    rows: tuple[Row, ...]
    words: str = ""


def _value(text: str, hydra: str, here: str) -> Row:
    """A plain word as the value of a parameter."""
    return Row(text, Written(f"parameters:\n  a: {text}\n"), hydra, here, "parameters.a")


_SAID = """\
seed: 3
owner: ada
parameters:
  a: 0
  n: null
  t: true
  l: [5, 6]
  d: {x: 1}
  r: ${.d}
  o: {_target_: a.A, x: 1}
  1: one
"""


def _reference(text: str, hydra: str, here: str) -> Row:
    quoted = "'" + text.replace("'", "''") + "'"
    return Row(text, Written(_SAID.replace("a: 0", f"a: {quoted}")), hydra, here, "parameters.a")


def _override(text: str, hydra: str, here: str, key: str = "parameters") -> Row:
    return Row(text, Written(_SAID, overrides=(text,)), hydra, here, key)


def _file(
    text: str, hydra: str, here: str, *, key: str = "", says: str = "", as_it_is: bool = False, **t: str
) -> Row:
    """A model with templates; what is written is shown on one line."""
    words = says or "; ".join([*(f"template {name}: {body}" for name, body in t.items()), f"model: {text}"])
    templates = {name: body + "\n" for name, body in t.items()}
    return Row(
        words.replace("\n", " ⏎ "), Written(text + "\n", templates, as_it_is=as_it_is), hydra, here, key
    )


VALUES = (
    Difference(
        "Only `true` and `false` are booleans, as in YAML 1.2: `NO` and `on` are text.",
        (
            _value("NO", "false", '"NO"'),
            _value("yes", "true", '"yes"'),
            _value("on", "true", '"on"'),
            _value("Off", "false", '"Off"'),
        ),
        r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF",
    ),
    Difference(
        "Only decimal numbers are numbers. Digits in another base, and digits after a zero, are text.",
        (
            _value("007", "7", '"007"'),
            _value("017", "15", '"017"'),
            _value("01.5", "1.5", '"01.5"'),
            _value("0x1F", "31", '"0x1F"'),
            _value("0b101", "5", '"0b101"'),
        ),
        r"[-+]?0[0-9_bx].*",
    ),
    Difference(
        "A time is text, not a number in base sixty.",
        (_value("12:30", "750", '"12:30"'), _value("1:02:03", "3723", '"1:02:03"')),
        r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?",
    ),
    Difference(
        "A number may begin with a point also after a sign, and its exponent needs no sign.",
        (_value("-.5", '"-.5"', "-0.5"), _value(".5e3", '".5e3"', "500.0")),
        r"[-+]?\.[0-9].*",
    ),
    Difference(
        "An underscore in a number must be between two digits.",
        (_value("1__000", "1000", '"1__000"'), _value("1.5_", "1.5", '"1.5_"')),
        r"[-+.0-9eE]*[0-9._](__|_\Z|_[eE.]|\._).*|[-+]?[0-9]+(_[0-9]+)*\._.*",
    ),
    Difference(
        "A number of more than forty characters is text.",
        (_value("0." + "3" * 40, "0.3333333333333333", '"0.' + "3" * 40 + '"'),),
        r".{41,}",
    ),
    Difference(
        "`=` is ordinary text.",
        (_value("=", REFUSED, '"="'),),
        r"=|<<",
    ),
)
"""The ways in which one plain word is read."""

FILE = (
    Difference(
        "Keys are text, even if they look like another type.",
        (
            _file("parameters: {1: a}", '{1: "a"}', '{"1": "a"}', key="parameters"),
            _file("parameters: {yes: a}", '{true: "a"}', '{"yes": "a"}', key="parameters"),
            _file("parameters: {null: a}", REFUSED, '{"null": "a"}', key="parameters"),
            _file("parameters: {1: a, '1': b}", '{1: "a", "1": "b"}', REFUSED, key="parameters"),
        ),
    ),
    Difference(
        "There are no merge keys: use a template for shared values.",
        (_file("p: &x {a: 1}\nq: {<<: *x, b: 2}", "{a: 1, b: 2}", REFUSED, key="q"),),
    ),
    Difference("There are no tags.", (_file("p: !!str 1", '"1"', REFUSED, key="p"),)),
    Difference(
        "`???`, a value that a template leaves to the model, is text in a source, because sources "
        "have no templates.",
        (
            Row(
                "source: description: ???",
                Written("description: ???\n", table=SOURCE),
                REFUSED,
                '"???"',
                "description",
            ),
        ),
    ),
    Difference(
        "An empty file, or a file that contains only a text, is an error.",
        (
            _file("", "{}", REFUSED, says="(an empty file)"),
            _file("late", "{late: null}", REFUSED),
        ),
    ),
)
TEMPLATES = (
    Difference(
        "The model is merged over the template. In Hydra this is `/template/t@_here_`; without "
        "`@_here_` the template's keys would be below `template`. Here nothing may follow the "
        "name, and a `# @package` comment has no effect.",
        (
            _file(
                "defaults: [/template/t]\nq: 2",
                "{template: {p: 1}, q: 2}",
                "{p: 1, q: 2}",
                as_it_is=True,
                t="p: 1",
            ),
            _file("defaults: [/template/t@_here_]\nq: 2", "{p: 1, q: 2}", REFUSED, t="p: 1"),
            _file(
                "defaults: [/template/t]\nq: 2",
                "{q: 2}",
                "{p: 1, q: 2}",
                as_it_is=True,
                t="# @package x\np: 1",
            ),
        ),
    ),
    Difference(
        "Every template is read, even if no model names it.",
        (_file("q: 2", "{q: 2}", REFUSED, t="p: ["),),
    ),
    Difference(
        "The slash before `template` is optional. In Hydra a name without it is relative to the model.",
        (_file("defaults: [template/t]\nq: 2", REFUSED, "{p: 1, q: 2}", t="p: 1"),),
    ),
    Difference(
        "The model always overrides its templates: `_self_` may only be last.",
        (_file("defaults: [_self_, /template/t]\np: 2", "{p: 1}", REFUSED, t="p: 1"),),
    ),
    Difference(
        "A model may name templates, but not choose files of groups.",
        (
            _file("defaults: [{/template@_here_: t}]\nq: 2", "{p: 1, q: 2}", REFUSED, t="p: 1"),
            _file("defaults: [{optional /template: x}]\nq: 2", "{q: 2}", REFUSED),
        ),
    ),
    Difference(
        "A list replaces a mapping, and a mapping replaces a list: `features` may be either.",
        (
            _file("defaults: [/template/t]\np: [1]", REFUSED, "{p: [1]}", t="p: {a: 1}"),
            _file("defaults: [/template/t]\np: {a: 1}", REFUSED, "{p: {a: 1}}", t="p: [1]"),
        ),
    ),
    Difference(
        "A mapping with another `_target_` or `function` replaces the template's whole mapping, "
        "because the arguments of one class are not those of another.",
        (
            _file(
                "defaults: [/template/t]\ne: {_target_: b.B}",
                '{e: {_target_: "b.B", x: 1}}',
                '{e: {_target_: "b.B"}}',
                t="e: {_target_: a.A, x: 1}",
            ),
        ),
    ),
    Difference(
        "References are resolved last. A mapping that is merged over a reference replaces it.",
        (
            _file(
                "defaults: [/template/t]\np: {c: 2}",
                "{q: {b: 1}, p: {b: 1, c: 2}}",
                "{q: {b: 1}, p: {c: 2}}",
                t="q: {b: 1}\np: ${.q}",
            ),
        ),
    ),
)
_DEEP = "[" * 40 + "]" * 40
_CHAIN = "".join(f"  a{i}: ${{.a{i + 1}}}\n" for i in range(40)) + "  a40: end\n"
LIMITS = (
    Difference(
        "A file may have at most 32 levels of nesting, 1 MB, and 20,000 values after aliases and "
        "references are expanded. More is an error.",
        (
            Row("(40 lists in each other)", Written(f"p: {_DEEP}\n"), _DEEP, REFUSED, "p"),
            Row(
                "(40 references that lead on)",
                Written(f"parameters:\n{_CHAIN}"),
                '"end"',
                REFUSED,
                "parameters.a0",
            ),
        ),
    ),
    Difference(
        "Variables that open the warehouse are reserved for the program.",
        (_reference("${oc.env:KRONKERS_KEY}", '"key"', REFUSED),),
    ),
)
REFERENCES = (
    Difference(
        "References lead only to the environment and to other keys, because other resolvers are code.",
        (
            _reference("${oc.decode:x}", '"x"', REFUSED),
            _reference("${oc.select:seed}", "3", REFUSED),
            _reference("${oc.create:{}}", "{}", REFUSED),
        ),
    ),
    Difference(
        "A key is written in full, with dots only.",
        (
            _reference("${parameters[t]}", "true", REFUSED),
            _reference("${.l[0]}", "5", REFUSED),
            _reference("${.${oc.env:NOT_SET,t}}", "true", REFUSED),
            _reference("${oc.env:'NAME'}", '"ada"', REFUSED),
        ),
    ),
    Difference(
        "Inside a text, a value is written as in YAML. A list, a mapping or a null is an error there.",
        (
            _reference("x${.t}", '"xTrue"', '"xtrue"'),
            _reference("x${.n}", '"xNone"', REFUSED),
            _reference("x${.l}", '"x[5, 6]"', REFUSED),
            _reference("x${.d}", "\"x{'x': 1}\"", REFUSED),
        ),
    ),
    Difference(
        "A default is `null` or the text as written, with or without quotes.",
        (
            _reference("${oc.env:NOT_SET,true}", '"True"', '"true"'),
            _reference("${oc.env:NOT_SET,1e3}", '"1000.0"', '"1e3"'),
            _reference("${oc.env:NOT_SET,~/key}", REFUSED, '"~/key"'),
            _reference("${oc.env:NOT_SET,a,b}", REFUSED, '"a,b"'),
            _reference("${oc.env:NOT_SET,${.t}}", '"True"', '"true"'),
            _reference("${oc.env:NOT_SET,${.l}}", '"[5, 6]"', REFUSED),
        ),
    ),
    Difference(
        "A default that is not needed is not resolved.",
        (_reference("${oc.env:NAME,${.nothing}}", REFUSED, '"ada"'),),
    ),
    Difference("Keys are text.", (_reference("${.1}", REFUSED, '"one"'),)),
)
OVERRIDES = (
    Difference(
        "Keys of the configuration page need no `+`, and `+` cannot add unknown keys.",
        (
            _override("model.m.rows=whole", REFUSED, '"whole"', "rows"),
            _override("model.m.window.train=3d", REFUSED, '"3d"', "window.train"),
            _override("+model.m.sead=1", "1", REFUSED, "sead"),
            _override("++model.m.sead=1", "1", REFUSED, "sead"),
        ),
    ),
    Difference(
        "An override below `model.` must name a key of one model, and cannot name templates.",
        (
            _override("model.m={seed: 4}", "4", REFUSED, "seed"),
            _override("+model.m.defaults=[]", "[]", REFUSED, "defaults"),
        ),
    ),
    Difference(
        "A list replaces a mapping, and a mapping replaces a list.",
        (
            _override("model.m.parameters.l={a: 1}", REFUSED, "{a: 1}", "parameters.l"),
            _override("model.m.parameters.d=[1]", REFUSED, "[1]", "parameters.d"),
        ),
    ),
    Difference(
        "A mapping with another `_target_` or `function` replaces the other mapping.",
        (
            _override(
                "model.m.parameters.o={_target_: b.B}",
                '{_target_: "b.B", x: 1}',
                '{_target_: "b.B"}',
                "parameters.o",
            ),
        ),
    ),
    Difference(
        "`+` adds only missing keys, also when it adds a list or a mapping.",
        (
            _override("+model.m.parameters.l=[1]", "[1]", REFUSED, "parameters.l"),
            _override("+model.m.parameters.a={b: 1}", "{b: 1}", REFUSED, "parameters.a"),
        ),
    ),
    Difference(
        "A single value or a reference has no keys below it.",
        (
            _override("+model.m.parameters.a.b=1", "{b: 1}", REFUSED, "parameters.a"),
            _override("++model.m.parameters.a.b=1", "{b: 1}", REFUSED, "parameters.a"),
            _override("+model.m.parameters.r.y=2", "{y: 2}", REFUSED, "parameters.r"),
            _override("+model.m.parameters.r={y: 2}", "{y: 2}", REFUSED, "parameters.r"),
            _override("~model.m.parameters.r.x", "{}", REFUSED, "parameters.d"),
        ),
    ),
    Difference(
        "`~` also removes a null or an entry of a list. `~key=value` compares the value as written.",
        (
            _override("~model.m.parameters.n", REFUSED, ABSENT, "parameters.n"),
            _override("~model.m.parameters.l.0", REFUSED, "[6]", "parameters.l"),
            _override("~model.m.parameters.r={x: 1}", ABSENT, REFUSED, "parameters.r"),
        ),
    ),
    Difference(
        "Keys are text.",
        (
            _override("model.m.parameters.a={1: 2}", "{1: 2}", '{"1": 2}', "parameters.a"),
            _override("model.m.parameters.a={true: 2}", "{true: 2}", '{"true": 2}', "parameters.a"),
            _override("model.m.parameters.a={null: 2}", REFUSED, '{"null": 2}', "parameters.a"),
        ),
    ),
    Difference(
        "A control character is an error.",
        (
            Row(
                r"model.m.parameters.a='x\ty' (with a real tab)",
                Written(_SAID, overrides=("model.m.parameters.a='x\ty'",)),
                r'"x\ty"',
                REFUSED,
                "parameters.a",
            ),
        ),
    ),
)


@dataclass(frozen=True)
class RootRow:
    """What is written in the root's files or behind a command, and what comes of ``key``."""

    says: str
    hydra: str
    here: str
    key: str
    override: str = ""
    file: str = ""
    text: str = ""

    @property
    def files(self) -> dict[str, str]:
        """The files of the root, one of them changed."""
        return ROOT_FILES | ({self.file: self.text} if self.file else {})


@dataclass(frozen=True)
class RootDifference:
    """One difference in the root."""

    why: str
    rows: tuple[RootRow, ...]


ROOT_FILES = {
    k: v for k, v in FILES.items() if k.split("/")[0] in ("config.yaml", "warehouse", "executor", "alerts")
}
ROOT_FILES["warehouse/other.yaml"] = "url: sqlite:///other.db\n"
_CONFIG = FILES["config.yaml"]


def _set(override: str, hydra: str, here: str, key: str) -> RootRow:
    return RootRow(override, hydra, here, key, override=override)


def _defaults(says: str, old: str, new: str, hydra: str, key: str) -> RootRow:
    return RootRow(says, hydra, REFUSED, key, file="config.yaml", text=_CONFIG.replace(old, new))


def _executor(text: str, hydra: str, here: str, key: str) -> RootRow:
    says = f"executor/local.yaml: {text or '(empty)'}".replace("\n", " ⏎ ")
    return RootRow(says, hydra, here, key, file="executor/local.yaml", text=text + "\n")


ROOT = (
    RootDifference(
        "A value must have the type and range that the configuration page lists. No value is converted.",
        (
            _set("executor.workers=0", "0", REFUSED, "executor.workers"),
            _set("executor.kept_workers='3'", "3", REFUSED, "executor.kept_workers"),
            _set("home=1", '"1"', REFUSED, "home"),
            _set("warehouse.artifacts=true", '"True"', REFUSED, "warehouse.artifacts"),
            _set("definitions=nobody", '"nobody"', REFUSED, "definitions"),
            _executor("sandbox: off", '"False"', '"off"', "executor.sandbox"),
        ),
    ),
    RootDifference(
        "Only the keys of the configuration page exist, and no key can be removed. Hydra's own settings "
        "are not keys, because Hydra is used only to compose.",
        (
            _set("+extra=1", "1", REFUSED, "extra"),
            _set("+executor.x=1", "1", REFUSED, "executor.x"),
            _set("~alerts", "{}", REFUSED, "alerts"),
            _set("hydra.run.dir=x", ABSENT, REFUSED, "hydra"),
        ),
    ),
    RootDifference(
        "A group is set to the name of one file, not to a list.",
        (_set("warehouse=[other]", '"sqlite:///other.db"', REFUSED, "warehouse.url"),),
    ),
    RootDifference(
        "The list of defaults must begin with `schema`, end with `_self_`, and name one file of each group.",
        (
            _defaults("defaults without schema", "  - schema\n", "", '"var"', "home"),
            _defaults("defaults without _self_", "  - _self_\n", "", '"var"', "home"),
            _defaults(
                "defaults: - optional warehouse: none",
                "warehouse: sqlite",
                "optional warehouse: none",
                '"sqlite:///${home}/warehouse.db"'.replace("${home}", "var"),
                "warehouse.url",
            ),
            _defaults(
                "defaults: - warehouse/other",
                "warehouse: sqlite",
                "warehouse/other",
                '"sqlite:///other.db"',
                "warehouse.url",
            ),
        ),
    ),
    RootDifference(
        "A group's file may not have defaults and may not be empty, and a `# @package` comment "
        "does not move it.",
        (
            RootRow(
                "warehouse/sqlite.yaml: defaults: [other]",
                '"sqlite:///other.db"',
                REFUSED,
                "warehouse.url",
                file="warehouse/sqlite.yaml",
                text="defaults: [other]\n",
            ),
            _executor("", "1", REFUSED, "executor.workers"),
            _executor("# @package alerts\nworkers: 2", "1", "2", "executor.workers"),
        ),
    ),
    RootDifference(
        "A reference to `home` gives the full path of the folder.",
        (
            RootRow(
                "warehouse/sqlite.yaml: artifacts: ${home}/a",
                '"var/a"',
                '"PROJECT/var/a"',
                "warehouse.artifacts",
                file="warehouse/sqlite.yaml",
                text="artifacts: ${home}/a\n",
            ),
        ),
    ),
    RootDifference(
        "A value of the environment is allowed only where the configuration page says *environment*.",
        (_executor("workers: ${oc.env:NUMBER}", "7", REFUSED, "executor.workers"),),
    ),
)
SECTIONS = {
    "Plain words": VALUES,
    "Files": FILE,
    "Templates": TEMPLATES,
    "References": REFERENCES,
    "Limits": LIMITS,
    "Overrides of models": OVERRIDES,
}
_HEAD = """\
# Where the configuration differs from Hydra

*Made from the tests: `python -m tests.composing.differences`.*

Files, templates, references and overrides work as in Hydra and OmegaConf. Hydra itself composes the root
configuration (the keys are on the [configuration page](configuration.md)).

The program's own checker reads models, sources and departments. It finds every error at once, with file,
line, key and the nearest spelling. Hydra would stop at its first error and name no line
([why](../decisions/0029-our-own-checker-over-yaml.md)). Tests in `tests/composing/` compose the shipped
configuration and hundreds of generated models with Hydra and with the checker. Both give the same values of
the same types, and refuse the same files, with the differences in the following tables. Each row is a test,
which fails if the difference disappears.
"""


def rows() -> Iterator[Row]:
    """Every row about models."""
    for differences in SECTIONS.values():
        for difference in differences:
            yield from difference.rows


def root_rows() -> Iterator[RootRow]:
    """Every row about the root."""
    for difference in ROOT:
        yield from difference.rows


def page() -> str:
    """The page as Markdown."""
    parts = [_HEAD]
    for title, differences in (SECTIONS | {"The root configuration": ROOT}).items():
        parts.append(f"## {title}\n")
        for difference in differences:
            parts += [difference.why, "", "| written | Hydra | here |", "|---|---|---|"]
            parts += [f"| {_cell(r.says)} | {_cell(r.hydra)} | {_cell(r.here)} |" for r in difference.rows]
            parts.append("")
    return "\n".join(parts)


def _cell(text: str) -> str:
    if text in (REFUSED, ABSENT) or text.startswith("("):
        return text
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
