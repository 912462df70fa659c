import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from miniatures import write_folder

from aed_lightning.core import DataError
from aed_lightning.data import Store, open_layout, prepare
from aed_lightning.data import store as store_module


@pytest.fixture
def prepared(tmp_path):
    root = write_folder(tmp_path / "data")
    return prepare(open_layout("folder", root), root, tmp_path / "store", frame_size=(16, 24))


def test_a_store_gives_frames_motion_and_labels_of_its_rows(prepared):
    assert (prepared.frame_size, prepared.cell, prepared.channels, prepared.layout) == ((16, 24), 4, 3, "folder")
    assert [row.name for row in prepared.videos("train")] == ["2", "10"]
    (row,) = prepared.videos("test")
    assert prepared.frames(row).shape == (6, 3, 16, 24)
    assert prepared.motion(row).shape == (6, 3, 4, 6)
    assert prepared.labels(row).tolist() == [0, 0, 1, 1, 0, 0]
    assert prepared.labels(prepared.videos("train")[0]) is None
    assert prepared.kinds(row) is None


def test_memory_maps_are_read_only_and_do_not_travel(prepared):
    row = prepared.videos("train")[0]
    with pytest.raises(ValueError, match="read-only"):
        prepared.frames(row)[0, 0, 0, 0] = 1
    copy = pickle.loads(pickle.dumps(prepared))
    assert len(pickle.dumps(prepared)) < 10_000
    assert np.array_equal(copy.frames(row), prepared.frames(row))


def test_no_more_maps_stay_open_than_the_limit(prepared, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_OPEN_MAPS", 2)
    rows = prepared.videos("train") + prepared.videos("test")
    sums = [int(prepared.frames(row).sum()) for row in rows * 2]
    assert sums[:3] == sums[3:]
    assert len(prepared._maps) == 2


def test_a_store_file_of_another_size_is_refused_with_both_numbers(prepared):
    row = prepared.videos("test")[0]
    file = prepared.paths.frames("test", "walk")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"6911 bytes, 6912 bytes expected: prepare again"):
        prepared.frames(row)


@pytest.mark.parametrize(
    ("change", "message"), [({"version": 2}, "version 2, this program reads 1"), (None, "is missing")]
)
def test_a_store_of_another_version_or_without_manifest_is_refused(prepared, change, message):
    file = prepared.paths.manifest
    manifest = json.loads(file.read_text())
    file.unlink()
    if change:
        file.write_text(json.dumps({**manifest, **change}))
    with pytest.raises(DataError, match=message):
        Store(prepared.path)


def test_a_manifest_cannot_name_files_outside_the_store(prepared):
    manifest = json.loads(prepared.paths.manifest.read_text())
    manifest["videos"][0]["name"] = "../../secret"
    prepared.paths.manifest.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="is no video of a store"):
        Store(prepared.path)


def test_any_frames_can_be_fetched_ahead_and_stay_what_they_are(prepared):
    store = prepared
    for row in store.videos("train"):
        before = store.frames(row).copy()
        for frame in range(row.frames):
            store.fetch(row, (frame, row.frames - 1, frame))
        np.testing.assert_array_equal(store.frames(row), before)


@pytest.mark.parametrize("text", ["[", "{}", '["cart"]'])
def test_kinds_that_cannot_be_read_are_named(prepared, text):
    row = replace(prepared.videos("test")[0], has_kinds=True)
    file = prepared.paths.kinds(row.split, row.name)
    with pytest.raises(DataError, match=rf"{file.name} cannot be read .*: prepare again"):
        prepared.kinds(row)
    file.write_text(text)
    with pytest.raises(DataError, match=rf"{file.name} .*: prepare again"):
        prepared.kinds(row)
