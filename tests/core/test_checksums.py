import contextlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from aed_lightning.core import DataError, atomic_path
from aed_lightning.core.checksums import is_damaged, make_way, newest_good, previous_file, sha256, sum_file

CALLS = ("replace", "link", "fsync", "unlink")
"""What changes a name or brings data to the disk."""


class Killed(BaseException):
    """Stands for the end of the process: nothing after it runs but what the system does."""


def save(file: Path, content: bytes) -> None:
    with atomic_path(file) as partial:
        partial.write_bytes(content)
        make_way(file, sha256(partial))


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
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

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


@pytest.mark.parametrize("fault", [Killed, OSError(5, "Input/output error"), OSError(28, "No space left on device")])
@pytest.mark.parametrize("saves", [1, 2, 3])
def test_wherever_a_save_fails_what_is_there_is_the_old_or_the_new(tmp_path: Path, monkeypatch, saves: int, fault):
    """The n-th write comes half, or the n-th change of a name or sync not at all, for every n.

    After the end of the process nothing follows, after an error what the program does about it.
    """
    calls = [(Path, "write_bytes"), (Path, "write_text"), *((os, name) for name in CALLS)]
    template = tmp_path / "template"
    template.mkdir()
    for number in range(saves - 1):
        save(template / "last.ckpt", f"file {number}".encode())
    old, new = f"file {saves - 2}".encode(), f"file {saves - 1}".encode()
    number, met = 0, True
    while met:
        folder = tmp_path / f"failed-{number}"
        shutil.copytree(template, folder)
        left = [number]
        with monkeypatch.context() as patch:
            for owner, name in calls:
                patch.setattr(owner, name, failing(getattr(owner, name), left, fault))
            with contextlib.suppress(Killed, OSError):
                save(folder / "last.ckpt", new)
        met = left[0] < 0
        found = newest_good(folder / "last.ckpt", lambda _: None)
        if found is None:
            assert saves == 1
        else:
            assert found.read_bytes() in ((old, new) if met else (new,))
        save(folder / "last.ckpt", b"next")  # what was left behind is in nobody's way
        assert newest_good(folder / "last.ckpt", unheard) == folder / "last.ckpt"
        save(folder / "last.ckpt", b"and next")
        assert previous_file(folder / "last.ckpt").read_bytes() == b"next"
        assert not list(folder.glob(".previous.*"))
        number += 1
    assert number > (9 if saves == 1 else 18)


def failing(real: Callable, left: list[int], fault: type[Killed] | OSError) -> Callable:
    """`real`, which fails where `left` others have been called before, and after that only where the process ended."""

    def call(*arguments, **options):
        left[0] -= 1
        if left[0] == -1 or (left[0] < -1 and fault is Killed):
            if real.__name__.startswith("write") and left[0] == -1:
                path, content, *_ = arguments
                real(path, content[: len(content) // 2], **options)
            raise fault
        return real(*arguments, **options)

    return call
