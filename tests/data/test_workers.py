import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from miniatures import picture, write_folder, write_images
from waiting import end_all, rescued

from aed_lightning.core import DataError
from aed_lightning.data import check, open_layout, prepare
from aed_lightning.data.progress import SilentProgress

PROGRAM = """
import sys
from pathlib import Path
from aed_lightning.data import open_layout, prepare
from aed_lightning.data.progress import PlainProgress

if __name__ == "__main__":
    root, store = map(Path, sys.argv[1:])
    try:
        prepare(open_layout("folder", root), root, store, frame_size=(16, 24), progress=PlainProgress(), workers=2)
    except KeyboardInterrupt:
        sys.exit(130)
"""


class Counter(SilentProgress):
    def __init__(self):
        self.count, self.videos = 0, []

    def frames(self, n):
        self.count += n

    def video(self, name):
        self.videos.append(name)


def run(root, store, workers=2, progress=None):
    return prepare(open_layout("folder", root), root, store, frame_size=(16, 24), progress=progress, workers=workers)


@pytest.fixture
def root(tmp_path):
    return write_folder(tmp_path / "data")


def hanging_video(root: Path) -> Path:
    """A folder of images whose first one never comes: a pipe that nobody writes to."""
    image = write_images(root / "train" / "hangs") / "000.png"
    image.unlink()
    os.mkfifo(image)
    return image


def files_of(store: Path) -> dict[str, bytes]:
    files = (file for file in store.rglob("*") if file.is_file() and file.name != ".lock")
    return {str(file.relative_to(store)): file.read_bytes() for file in files}


def test_several_workers_write_the_same_bytes_as_one(root, tmp_path):
    progress = Counter()
    run(root, tmp_path / "one", workers=1)
    run(root, tmp_path / "two", workers=2, progress=progress)
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")
    assert (progress.count, sorted(progress.videos)) == (19, ["10", "2", "walk"])
    assert not multiprocessing.active_children()


def test_the_broken_videos_of_all_workers_are_named_at_once_in_their_order(root, tmp_path):
    for name in ("v", "w"):
        (write_images(root / "train" / name) / "002.png").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"(?s)2 problems.*v/002\.png.*w/002\.png"):
        run(root, tmp_path / "store")
    assert not (tmp_path / "store" / "manifest.json").exists()
    for name in ("v", "w"):
        shutil.rmtree(root / "train" / name)
    progress = Counter()
    run(root, tmp_path / "store", progress=progress)
    assert progress.videos == []


def test_a_process_that_dies_is_named_with_its_video_and_the_others_go_on(root, tmp_path):
    shutil.rmtree(root / "train")
    hanging_video(root)

    class Killer(SilentProgress):
        def video(self, name):
            for child in multiprocessing.active_children():
                child.kill()

    with pytest.raises(DataError, match=r"(?s)1 problem.*hangs: the process that decoded it ended with exit code -9"):
        run(root, tmp_path / "store", progress=Killer())
    assert (tmp_path / "store" / "frames" / "test" / "walk.u8").is_file()


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_what_was_finished_stays_finished_when_prepare_is_stopped(root, tmp_path, stop):
    pipe, store = hanging_video(root), tmp_path / "store"
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script), str(root), str(store)]
    with (
        subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
        ) as program,
        rescued(300, end_all, program),
    ):
        while "[3/4]" not in (line := program.stdout.readline()):
            assert line
        if stop == signal.SIGINT:
            os.killpg(program.pid, stop)  # as a terminal does
        else:
            os.kill(program.pid, stop)
            # The orphan waits for its image. Give it one, and it finds that its parent is gone.
            release = os.open(pipe, os.O_RDWR)
            replace_pipe(pipe)
            os.close(release)
        assert program.stdout.read() == ""  # ends when no process is left that could write
    assert program.returncode == (130 if stop == signal.SIGINT else -9)
    if stop == signal.SIGINT:
        replace_pipe(pipe)
        assert not list(store.rglob("*.partial"))
    assert not (store / "manifest.json").exists()
    progress = Counter()
    prepared = run(root, store, progress=progress)
    assert progress.videos == ["hangs"]
    assert check(open_layout("folder", root), root, prepared) == []
    assert not list(store.rglob("*.partial"))
    assert len(json.loads((store / "manifest.json").read_text())["videos"]) == 4


def replace_pipe(pipe: Path) -> None:
    pipe.unlink()
    cv2.imwrite(str(pipe), picture(0))
