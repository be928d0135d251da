from kronkers_batch.config import remembered, root_schema
from kronkers_batch.config.load import load
from tests import config_project


def test_a_remembered_root_is_the_one_that_hydra_makes(tmp_path, monkeypatch):
    from kronkers_batch.config import compose

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    conf = config_project.make(tmp_path / "project")
    conf = conf if conf.name == "conf" else tmp_path / "project" / "conf"
    compose._composed.clear()
    first = load(conf, (), config_project.ENVIRON)
    kept = list((tmp_path / "cache").rglob("*.json"))
    assert len(kept) == 1
    monkeypatch.setattr(compose, "_hydra", None)  # not asked again
    compose._composed.clear()
    again = load(conf, (), config_project.ENVIRON)
    assert repr(again) == repr(first)
    compose._composed.clear()


def test_other_contents_and_overrides_have_other_keys():
    keys = {
        remembered.key("a", ()),
        remembered.key("b", ()),
        remembered.key("a", ("x=1",)),
        remembered.key("a", ("x=1", "y=2")),
    }
    assert len(keys) == 4


def test_another_schema_has_another_key(monkeypatch):
    before = remembered.key("a", ())
    monkeypatch.setattr(root_schema, "described", lambda: ["another"])
    assert remembered.key("a", ()) != before


def test_a_damaged_memory_counts_as_none(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remembered.remember("k", {"a": [1, None, "x"]})
    assert remembered.look_up("k") == {"a": [1, None, "x"]}
    (tmp_path / "kronkers/composed/k.json").write_text("{")
    assert remembered.look_up("k") is None


def test_what_is_no_json_and_a_closed_folder_are_let_be(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    remembered.remember("k", {"a": 1})
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    remembered.remember("k", {"a": object()})
    remembered.remember("k", {1: "keys become texts"})
    assert remembered.look_up("k") is None
