import itertools
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from miniatures import write_folder, write_images, write_mp4

from aed_lightning.core import DataError
from aed_lightning.data import open_layout, prepare
from aed_lightning.data.readers import Pulse, ahead, open_video, opencv

READERS = ("opencv", "pyav", "decord")

FORKED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from aed_lightning.data.readers import open_video

path, name = Path(sys.argv[1]), sys.argv[2]
expected = list(open_video(path, name).frames())
reader, other = open_video(path, name), open_video(path, name)
begun, left = reader.frames(), other.frames()
next(begun), next(begun), next(left)
next(reader.at([20])), next(other.at([20]))
child = os.fork()
if child == 0:
    signal.alarm(60)
    del other, left
    assert np.array_equal(next(begun), expected[2])
    assert np.array_equal(next(reader.at([7])), expected[7])
    assert np.array_equal(next(reader.at([29])), expected[29])
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert np.array_equal(next(begun), expected[2])
assert np.array_equal(next(reader.at([29])), expected[29])
print("done")
"""


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_survives_a_fork_in_parent_and_child(tmp_path, reader):
    write_mp4(tmp_path / "a.mp4", 30, (240, 320))
    command = [sys.executable, "-c", FORKED, str(tmp_path / "a.mp4"), reader]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_travels_without_its_decoder(tmp_path, reader):
    video = open_video(write_mp4(tmp_path / "a.mp4", 20), reader)
    (frame,) = video.at([5])
    copy = pickle.loads(pickle.dumps(video))
    assert np.array_equal(next(copy.at([5])), frame)
    folder = pickle.loads(pickle.dumps(open_video(write_images(tmp_path / "v", 6))))
    assert np.array_equal(next(folder.at([5])), list(folder.frames())[5])


@pytest.fixture
def stuck(monkeypatch):
    """An event on which calls hang until the test is over, and a deadline that is soon."""
    monkeypatch.setattr("aed_lightning.data.readers.deadline.DEADLINE_SECONDS", 2.0)
    event = threading.Event()
    yield event
    event.set()


def test_a_call_that_does_not_come_back_is_named_and_what_came_before_is_given(tmp_path, stuck):
    pulse = Pulse(tmp_path / "a.mp4")

    def frames():
        for index in itertools.count():
            pulse.beat(f"decoding frame {index}")
            if index == 3:
                stuck.wait()
            yield index

    given = ahead(frames(), pulse)
    assert [next(given) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DataError, match=r"a\.mp4 hangs: decoding frame 3 has not come back for 2 s"):
        next(given)


def test_slow_work_that_goes_on_is_not_hanging(tmp_path, stuck):
    pulse = Pulse(tmp_path / "a.mp4")

    def one_after_many_steps():
        for step in range(12):
            stuck.wait(0.25)
            pulse.beat(f"counting frame {step}")
        yield "late"

    assert list(ahead(one_after_many_steps(), pulse)) == ["late"]


def test_prepare_ends_the_wait_for_a_hanging_decoder_and_does_the_other_videos(tmp_path, stuck, monkeypatch):
    root = write_folder(tmp_path / "data")
    read = opencv._Capture.read

    def hanging(self):
        frame = read(self)
        self.count = getattr(self, "count", 0) + 1
        if self._path.name == "2.mp4" and self.count == 4:
            stuck.wait()
        return frame

    monkeypatch.setattr(opencv._Capture, "read", hanging)
    with pytest.raises(DataError, match=r"2\.mp4 hangs: decoding frame 3 has not come back"):
        prepare(open_layout("folder", root), root, tmp_path / "store", frame_size=(16, 24))
    finished = sorted(row.stem for row in (tmp_path / "store" / "rows").rglob("*.json"))
    assert finished == ["10", "walk"]
    assert not list((tmp_path / "store").rglob("*.partial"))


def test_a_file_that_hangs_when_it_is_opened_is_named(tmp_path, stuck, monkeypatch):
    path = write_mp4(tmp_path / "a.mp4")
    monkeypatch.setattr(opencv, "open_capture", lambda path: stuck.wait())
    with pytest.raises(DataError, match=r"a\.mp4 hangs: opening it has not come back"):
        open_video(path)


def test_a_program_ends_although_a_decoder_hangs(tmp_path):
    program = (
        "import sys, threading\nfrom pathlib import Path\nfrom importlib import import_module\n"
        "from aed_lightning.data.readers import opencv, open_video\n"
        "import_module('aed_lightning.data.readers.deadline').DEADLINE_SECONDS = 0.5\n"
        "opencv.open_capture = lambda path: threading.Event().wait()\n"
        "open_video(Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", program, str(write_mp4(tmp_path / "a.mp4"))]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert (result.returncode, "a.mp4 hangs" in result.stderr) == (1, True)
