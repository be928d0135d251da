"""A version whose language or task the program no longer has is refused in words."""

from types import SimpleNamespace

import pytest

from kronkers_batch.config.languages import LANGUAGES
from kronkers_batch.declared.declaration import _kind
from kronkers_batch.errors import ModelError


def test_a_kind_that_is_gone_says_what_to_do():
    version = SimpleNamespace(ref="late@3", training=SimpleNamespace(model="late"))
    assert _kind(LANGUAGES, "r", "language", version) is LANGUAGES["r"]
    with pytest.raises(ModelError, match="late@3 was trained as language cobol") as refused:
        _kind(LANGUAGES, "cobol", "language", version)
    assert "julia, python, r" in refused.value.fix
