"""`prepare` under faults: what other programs open is the old store or the new one, never a third."""

import errno
import hashlib
import resource
import shutil
from pathlib import Path

import pytest
from faults import Killed, faulty
from miniatures import write_folder, write_mp4

from aed_lightning.core import DataError
from aed_lightning.data import check, open_layout, prepare
from aed_lightning.data.store import Store


def run(root: Path, store: Path) -> None:
    prepare(open_layout("folder", root), root, store, frame_size=(16, 24))


def content(store: Path) -> dict[str, str]:
    """A hash of every file that other programs may open."""
    return {
        str(file.relative_to(store)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in store.rglob("*")
        if file.is_file() and not file.name.startswith(".")
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root, one video of which has changed since OLD was prepared."""
    return write_folder(tmp_path_factory.mktemp("faults") / "data")


@pytest.fixture(scope="module")
def old(root: Path) -> Path:
    store = root.parent / "old"
    run(root, store)
    write_mp4(root / "train" / "2.mp4", 9)
    return store


@pytest.fixture(scope="module")
def new(root: Path, old: Path) -> Path:
    store = root.parent / "new"
    run(root, store)
    return store


def assert_old_or_new(store: Path, old: Path, new: Path) -> None:
    """Each file is as it was or as it will be, and a store that opens is all the one or all the other."""
    found, before, after = content(store), content(old), content(new)
    assert all(digest in (before.get(name), after.get(name)) for name, digest in found.items())
    try:
        Store(store)
    except DataError:
        assert "manifest.json" not in found
    else:
        assert found in (before, after)


@pytest.mark.parametrize("error", [None, errno.EIO], ids=["killed", "error"])
@pytest.mark.parametrize("first", [True, False], ids=["new store", "changed source"])
def test_wherever_prepare_fails_the_store_is_the_old_or_the_new(root, old, new, tmp_path, monkeypatch, first, error):
    number, met = 0, True
    while met:
        store = tmp_path / f"failed-{number}"
        if not first:
            shutil.copytree(old, store)
        met, end = faulty(number, error, monkeypatch, lambda store=store: run(root, store))
        assert_old_or_new(store, old, new)
        assert end is not None or content(store) == content(new)
        assert isinstance(end, Killed) or not list(store.rglob(".*.partial"))
        run(root, store)
        assert content(store) == content(new)
        shutil.rmtree(store)
        number += 1
    assert number > (90 if first else 45)


@pytest.mark.parametrize("first", [True, False], ids=["new store", "changed source"])
@pytest.mark.parametrize("room", [0, 100, 700, 2000, 5000, 8000, 10_300])
def test_a_write_that_fails_leaves_the_old_or_the_new_and_no_rest(root, old, new, tmp_path, first, room):
    store = tmp_path / "store"
    if not first:
        shutil.copytree(old, store)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises((OSError, DataError), match="too large"):
            run(root, store)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert_old_or_new(store, old, new)
    assert not list(store.rglob(".*.partial"))
    run(root, store)
    assert content(store) == content(new)
    assert check(open_layout("folder", root), root, Store(store)) == []
