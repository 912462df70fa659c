from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aed_lightning.core import DataError, UsageError
from aed_lightning.data.lock import locked
from aed_lightning.data.shards import Shard, some_of


@given(names=st.sets(st.text(max_size=20), max_size=40), of=st.integers(1, 9))
def test_every_name_is_in_exactly_one_share(names, of):
    shares = [[name for name in names if Shard(number, of).has(name)] for number in range(1, of + 1)]
    assert sorted(name for share in shares for name in share) == sorted(names)


@pytest.mark.parametrize(("name", "number"), [("train/01", 3), ("train/02", 3), ("ä", 2)])
def test_the_share_of_a_name_is_the_same_on_every_machine(name, number):
    assert [share for share in range(1, 5) if Shard(share, 4).has(name)] == [number]


def test_shares_are_about_equal():
    counts = [sum(Shard(number, 8).has(f"camera {camera}") for camera in range(4000)) for number in range(1, 9)]
    assert all(abs(count - 500) < 100 for count in counts)


@pytest.mark.parametrize(
    "text", ["", "1", "0/4", "5/4", "-1/4", "1/0", "a/b", "1/4/2", " 1/4", "1.0/4", "²/4", "1/4\n"]
)
def test_what_is_no_share_is_a_usage_error(text):
    with pytest.raises(UsageError, match="give I/N, share I of N"):
        Shard.parse(text)


def test_a_share_reads_as_it_is_written():
    assert str(Shard.parse("3/8")) == "3/8"
    assert Shard.parse("8/8") == Shard(8, 8)


def test_shares_are_held_at_once_but_none_of_them_twice_nor_beside_the_whole(tmp_path):
    both = Barrier(2, timeout=30)

    def hold(number: int) -> None:
        with Shard(number, 2).held(tmp_path, 0.0, print, "prepared"):
            both.wait()

    with ThreadPoolExecutor(2) as pool:
        work = [pool.submit(hold, number) for number in (1, 2)]
        for future in work:
            future.result(60)  # a barrier that is not met breaks
    with Shard(1, 2).held(tmp_path, 0.0, print, "prepared"):
        with (
            pytest.raises(DataError, match=r"1-of-2 is being prepared by process"),
            Shard(1, 2).held(tmp_path, 0.0, print, "prepared"),
        ):
            pass
        with pytest.raises(DataError, match="is being prepared by process"), locked(tmp_path, 0.0, print):
            pass
        with (
            pytest.raises(DataError, match=r"1-of-2 is being prepared .*all shares .* must be of one number"),
            Shard(1, 3).held(tmp_path, 0.0, print, "prepared"),
        ):
            pass
    with (
        locked(tmp_path, 0.0, print),
        pytest.raises(DataError, match="is being prepared by process"),
        Shard(1, 2).held(tmp_path, 0.0, print, "prepared"),
    ):
        pass
    with Shard(1, 3).held(tmp_path, 0.0, print, "prepared"):  # nobody holds a share of two any more
        pass


def test_a_message_names_the_first_of_very_many():
    assert some_of(["a", "b"]) == "a, b"
    assert some_of([str(number) for number in range(150)]).endswith("98, 99 and 50 more")
