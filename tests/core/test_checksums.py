import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from faults import faulty

from aed_lightning.core import DataError, atomic_path
from aed_lightning.core.checksums import is_damaged, make_way, newest_good, previous_file, sha256, sum_file


def save(file: Path, content: bytes) -> None:
    with atomic_path(file) as partial:
        partial.write_bytes(content)
        make_way(file, sha256(partial))


def refuse(*_: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def unheard(message: str) -> None:
    raise AssertionError(message)


def test_the_newest_is_used_and_the_one_before_is_kept(tmp_path: Path):
    file = tmp_path / "last.ckpt"
    assert newest_good(file, unheard) is None
    for content in (b"first", b"second", b"third"):
        save(file, content)
        assert newest_good(file, unheard) == file
        assert file.read_bytes() == content
    assert previous_file(file).read_bytes() == b"second"
    assert sum_file(previous_file(file)).read_text() == f"{sha256(previous_file(file))}  previous.ckpt\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "last.ckpt", "last.ckpt.sha256", "previous.ckpt", "previous.ckpt.sha256",
    ]  # fmt: skip


@pytest.mark.parametrize("rounds", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_damage_of_every_kind_is_found_and_the_previous_file_is_used(tmp_path: Path, rounds: int):
    random = np.random.default_rng(0)
    good = random.bytes(20_000)
    file, said = tmp_path / "last.ckpt", []
    for number in range(rounds):
        save(file, b"before")
        save(file, good)
        damaged = bytearray(good)
        if number % 4 == 0:
            damaged[int(random.integers(len(good)))] ^= 1 << int(random.integers(8))
        elif number % 4 == 1:
            del damaged[int(random.integers(len(good))) :]
        elif number % 4 == 2:
            damaged = bytearray(len(good))
        else:
            damaged = bytearray()
        file.write_bytes(damaged)
        assert is_damaged(file)
        assert newest_good(file, said.append) == previous_file(file)
        assert said.pop() == (
            f"{file}: damaged, not what the SHA-256 beside it says; going on from {previous_file(file)}"
        )


def test_a_damaged_file_never_takes_the_place_of_a_good_one(tmp_path: Path):
    file = tmp_path / "last.ckpt"
    save(file, b"good")
    save(file, b"soon damaged")
    file.write_bytes(b"damaged")
    save(file, b"new")
    assert previous_file(file).read_bytes() == b"good"


def test_a_file_system_without_hard_links_gets_a_copy(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(os, "link", refuse)
    file = tmp_path / "last.ckpt"
    for content in (b"first", b"second"):
        save(file, content)
    assert (file.read_bytes(), previous_file(file).read_bytes()) == (b"second", b"first")


def test_where_all_is_damaged_that_is_said(tmp_path: Path):
    file = tmp_path / "last.ckpt"
    save(file, b"one")
    save(file, b"two")
    for one in (file, previous_file(file)):
        one.write_bytes(b"x")
    with pytest.raises(DataError, match=r"last.ckpt and .*previous.ckpt: damaged, not what the SHA-256 beside says"):
        newest_good(file, unheard)


@pytest.mark.parametrize("error", [None, errno.EIO, errno.ENOSPC], ids=["killed", "error", "full"])
@pytest.mark.parametrize("links", [True, False], ids=["links", "no links"])
@pytest.mark.parametrize("saves", [1, 2, 3])
def test_wherever_a_save_fails_what_is_there_is_the_old_or_the_new(tmp_path: Path, monkeypatch, saves, links, error):
    """For every n: the n-th call fails that writes, copies, brings data to the disk or changes a name."""
    template = tmp_path / "template"
    template.mkdir()
    for number in range(saves - 1):
        save(template / "last.ckpt", f"file {number}".encode())
    old, new = f"file {saves - 2}".encode(), f"file {saves - 1}".encode()
    if not links:
        monkeypatch.setattr(os, "link", refuse)
    number, met = 0, True
    while met:
        folder = tmp_path / f"failed-{number}"
        shutil.copytree(template, folder)
        met, end = faulty(number, error, monkeypatch, lambda folder=folder: save(folder / "last.ckpt", new))
        found = newest_good(folder / "last.ckpt", lambda _: None)
        if end is None:
            assert found == folder / "last.ckpt"
            assert found.read_bytes() == new
        elif found is None:
            assert saves == 1
        else:
            assert found.read_bytes() in (old, new)
        save(folder / "last.ckpt", b"next")  # what was left behind is in nobody's way
        assert newest_good(folder / "last.ckpt", unheard) == folder / "last.ckpt"
        save(folder / "last.ckpt", b"and next")
        assert previous_file(folder / "last.ckpt").read_bytes() == b"next"
        assert not list(folder.glob(".previous.*"))
        number += 1
    assert number > (9 if saves == 1 else 18)
