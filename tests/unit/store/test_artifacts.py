"""One contract for local folders and other fsspec addresses."""

import os
import uuid

import pytest

from kronkers_batch.errors import ConfigError, MissingPart, NotFound
from kronkers_batch.store.artifacts import ArtifactStore


@pytest.fixture(params=["path", "file", "memory", "renaming"])
def store(request, tmp_path):
    address = {
        "path": f"{tmp_path}/art",
        "file": f"file://{tmp_path}/art",
        "memory": f"memory://{uuid.uuid4().hex}",
        "renaming": f"local://{tmp_path}/art",  # fsspec's own local system: write, then rename
    }[request.param]
    return ArtifactStore(address)


def test_write_read_list_delete(store):
    assert store.list("") == []
    store.write("a/b/chunk-1", b"one")
    store.write("a/b/chunk-2", memoryview(b"two"))
    store.write("a/c", bytearray(b""))
    assert store.read("a/b/chunk-2") == b"two"
    assert store.read("a/c") == b""
    assert store.list("") == ["a/b/chunk-1", "a/b/chunk-2", "a/c"]
    assert store.list("a/b") == ["a/b/chunk-1", "a/b/chunk-2"]
    assert store.list("nothing") == []
    store.write("a/c", b"new")
    assert store.read("a/c") == b"new"
    store.delete("a/c")
    store.delete("a/c")
    with pytest.raises(NotFound, match="missing from the artifact store") as caught:
        store.read("a/c")
    assert "a/c" in caught.value.where


def test_a_folder_is_removed_only_where_nothing_is_in_it(store, tmp_path):
    store.write("a/b/chunk", b"one")
    for folder in ("a/b", "a", "nothing", "nothing/there"):
        store.remove_empty(folder)
    assert store.read("a/b/chunk") == b"one"
    store.delete("a/b/chunk")
    store.remove_empty("a/b")
    assert store.list("") == []
    if store._local is not None:
        assert list((tmp_path / "art/a").iterdir()) == []


def test_files_may_be_synced_together(store):
    store.write("a/b/1", b"one", sync=False)
    store.write("a/b/2", b"two", sync=False)
    store.sync("a/b")
    assert [store.read(f"a/b/{n}") for n in "12"] == [b"one", b"two"]
    with pytest.raises(ValueError, match="inside the store"):
        store.sync("../a")


def test_settling_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(NotFound):
        ArtifactStore(f"{tmp_path}/art").sync("a")


@pytest.mark.parametrize("sync", [True, False])
def test_a_name_is_on_the_disk_when_the_caller_asks(tmp_path, monkeypatch, sync):
    store, synced, real = ArtifactStore(f"{tmp_path}/art"), [], os.fsync

    def fsync(descriptor):
        real(descriptor)
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", fsync)
    store.write("a/b", b"x", sync=sync)
    file, folder = tmp_path / "art/a/b", tmp_path / "art/a"
    assert synced == [p.stat().st_ino for p in ([file, folder] if sync else [file])]
    store.sync("a")
    assert synced[-2:] == [p.stat().st_ino for p in (folder, tmp_path / "art")]


@pytest.mark.parametrize("path", ["", "/outside", "../x", "a/../../x", "a//b", "a/.", "a\\b", "a\0"])
def test_paths_stay_inside(store, tmp_path, path):
    if path.startswith("/"):
        path = f"{tmp_path}{path}"  # ours: where the check is taken out, it is written to
    with pytest.raises(ValueError, match="inside the store"):
        store.write(path, b"")
    with pytest.raises(ValueError, match="inside the store"):
        store.read(path)


def test_local_files_are_private_whatever_the_umask(tmp_path):
    old = os.umask(0)
    try:
        ArtifactStore(f"{tmp_path}/art").write("a/b", b"x")
    finally:
        os.umask(old)
    assert (tmp_path / "art").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "art/a").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "art/a/b").stat().st_mode & 0o777 == 0o600


def test_unfinished_files_are_invisible_and_swept(tmp_path):
    store = ArtifactStore(f"{tmp_path}/art")
    store.write("a/b", b"x")
    left = tmp_path / "art/a/.unfinished-0123"
    left.write_bytes(b"y")
    assert store.list("") == ["a/b"]
    assert store.sweep(older_than=left.stat().st_mtime) == 0
    assert store.sweep(older_than=left.stat().st_mtime + 1) == 1
    assert [p.name for p in (tmp_path / "art/a").iterdir()] == ["b"]


def test_addresses_that_are_no_use():
    with pytest.raises(ConfigError):
        ArtifactStore("nonsense://x").read("a")
    with pytest.raises(MissingPart, match="gs://"):
        ArtifactStore("gs://bucket").read("a")
