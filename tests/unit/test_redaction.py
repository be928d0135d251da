"""What counts as a value of the environment in a text, and what does not."""

import html
import json
from urllib.parse import quote

import pytest

from kronkers_batch import redaction
from kronkers_batch.errors import ConfigErrors, SourceError, UsageError
from kronkers_batch.redaction import redact, redacted


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(redaction, "_added", type(redaction._added)())
    monkeypatch.setattr(redaction, "_pattern", None)


def test_nothing_changes_where_nothing_was_noted():
    assert redact("anything") == "anything"


def test_a_value_is_shown_as_it_is_written_whatever_it_went_through():
    value = "correct 'horse' <battery>\n\u00e9/"
    redaction.add(value, "${oc.env:PW}")
    forms = (value, quote(value), quote(value, safe=""), html.escape(value), repr(value)[1:-1],
             json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1],
             value.replace("\n", " "))  # fmt: skip
    for form in forms:
        assert redact(f"a{form}b") == "a${oc.env:PW}b", form
    assert redacted({"a": [value, 1, None], value: {"b": value}}) == {
        "a": ["${oc.env:PW}", 1, None], "${oc.env:PW}": {"b": "${oc.env:PW}"}
    }  # fmt: skip


def test_a_folder_stays_readable():
    redaction.add("/srv//data/", "${oc.env:DATA_DIR}")
    assert redact("no file /srv/data/visits.csv") == "no file ${oc.env:DATA_DIR}/visits.csv"
    redaction.add("/data", "${oc.env:SHORT}")
    assert redact("/data/x.csv, /a/data/x, /database") == "${oc.env:SHORT}/x.csv, /a/data/x, /database"
    redaction.begin("conf", "/srv/site")
    redaction.add("/srv/site/secret", "${oc.env:DIR}")
    assert redact("project:secret/x.csv") == "${oc.env:DIR}/x.csv"


def test_the_longest_goes_first():
    redaction.add("secret-one", "${oc.env:A}")
    redaction.add("secret-one-two", "${oc.env:B}")
    assert redact("secret-one-two secret-one") == "${oc.env:B} ${oc.env:A}"


def test_short_values_are_hidden_where_they_are_part_of_a_longer_one():
    redaction.add("12", "${oc.env:PIN}")
    redaction.add("/x/12/visits.csv", "/x/${oc.env:PIN}/visits.csv")
    assert redact("12 rows of /x/12/visits.csv") == "12 rows of /x/${oc.env:PIN}/visits.csv"
    redaction.add("abcd", "${oc.env:FOUR}")
    assert redact("abcd, xabcd, abcd/x") == "${oc.env:FOUR}, xabcd, ${oc.env:FOUR}/x"


def test_what_stands_in_a_file_is_no_secret():
    redaction.begin("conf")
    redaction.add("operations", "${oc.env:DEPARTMENT}")
    redaction.literal(["operations"])
    assert redact("the department operations") == "the department operations"


def test_a_configuration_that_is_loaded_again_forgets_and_others_are_kept():
    redaction.begin("one")
    redaction.add("first-value", "${oc.env:A}")
    redaction.begin("two")
    redaction.add("second-value", "${oc.env:A}")
    redaction.begin("one")
    assert redact("first-value second-value") == "first-value ${oc.env:A}"
    for n in range(redaction._CONFIGURATIONS):
        redaction.begin(str(n))
    assert redact("second-value") == "second-value"


def test_an_error_is_redacted_when_it_is_made():
    redaction.add("hunter2-secret", "${oc.env:PW}")
    error = SourceError("no hunter2-secret", where="/x/hunter2-secret", fix="mend hunter2-secret")
    assert (error.what, error.where, error.fix) == (
        "no ${oc.env:PW}", "/x/${oc.env:PW}", "mend ${oc.env:PW}"
    )  # fmt: skip
    assert "hunter2" not in repr(error) + str(error) + str(ConfigErrors([UsageError("hunter2-secret")]))  # type: ignore[list-item]
