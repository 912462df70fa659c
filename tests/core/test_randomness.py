import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.core import generator, stable_hash, torch_seed

CHI_SQUARE_9_DEGREES_0_1_PERCENT = 27.88
KEY = {"seed": 3, "purpose": "mask", "video": "Test001", "frame": 17, "epoch": 2}


def draw(count: int = 8, **key) -> list[float]:
    return generator(**{**KEY, **key}).random(count).tolist()


def test_the_same_key_gives_the_same_numbers():
    assert draw() == draw()


@pytest.mark.parametrize(
    "other",
    [{"seed": 4}, {"purpose": "paste"}, {"video": "Test002"}, {"frame": 18}, {"epoch": 3}, {"frame": 2, "epoch": 17}],
)
def test_another_key_gives_other_numbers(other):
    assert not set(draw()) & set(draw(**other))


def test_purpose_and_video_are_not_just_joined():
    assert draw(purpose="mask", video="A1") != draw(purpose="maskA", video="1")


def test_numbers_do_not_depend_on_the_order_of_calls():
    forward = {frame: draw(frame=frame) for frame in range(20)}
    backward = {frame: draw(frame=frame) for frame in reversed(range(20))}
    assert forward == backward


@settings(max_examples=25)
@given(frame=st.integers(0, 2**40), epoch=st.integers(0, 2**20))
def test_streams_of_neighboring_frames_and_epochs_do_not_overlap(frame, epoch):
    streams = [(frame, epoch), (frame + 1, epoch), (frame, epoch + 1), (frame + 1, epoch + 1)]
    words = [generator(0, "mask", "v", *stream).integers(0, 2**64, 2_000, dtype=np.uint64) for stream in streams]
    assert len(np.unique(np.concatenate(words))) == 4 * 2_000


def test_long_draws_stay_below_the_next_frame():
    drawn = generator(**KEY)
    drawn.random(100_000)
    counter = drawn.bit_generator.state["state"]["counter"]
    assert counter[0] >= 100_000 // 4
    assert counter[1:].tolist() == [17, 2, 0]


def test_numbers_look_uniform_over_frames():
    first = np.array([generator(0, "mask", "v", frame).random() for frame in range(4_000)])
    counts, _ = np.histogram(first, bins=10, range=(0.0, 1.0))
    assert np.square(counts - 400).sum() / 400 < CHI_SQUARE_9_DEGREES_0_1_PERCENT


def test_a_negative_frame_is_refused():
    with pytest.raises(OverflowError):
        generator(0, "mask", "v", -1)


def test_the_hash_is_that_of_sha256_and_the_same_in_another_process():
    digest = hashlib.sha256(b"Test001").hexdigest()
    assert stable_hash("Test001") == int.from_bytes(bytes.fromhex(digest[:16]), "little")
    code = "from aed_lightning.core import stable_hash; print(stable_hash('Test001'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert int(done.stdout) == stable_hash("Test001")


def test_seeds_for_torch_differ_by_stage_and_step_and_fit():
    seeds = {
        torch_seed(seed, stage, step, 0) for seed in (0, 1) for stage in ("teacher", "student") for step in range(50)
    }
    assert len(seeds) == 200
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert torch_seed(0, "teacher", 1, 11) != torch_seed(0, "teacher", 11, 1)
    assert torch_seed(0, "teacher", 1) == torch_seed(0, "teacher", 1)
