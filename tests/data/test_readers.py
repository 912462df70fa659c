import cv2
import numpy as np
import pytest
from miniatures import picture, write_images, write_mp4

from aed_lightning.core import DataError, UsageError
from aed_lightning.data.readers import open_video


def test_a_video_file_gives_its_frames_in_order_as_rgb(tmp_path):
    reader = open_video(write_mp4(tmp_path / "a.mp4", 8, (48, 64)))
    frames = list(reader.frames())
    assert (reader.claimed_frames, reader.fps, len(frames), reader.warnings) == (8, 25.0, 8, [])
    for index, frame in enumerate(frames):
        assert np.abs(frame.astype(int) - picture(index, (48, 64)).astype(int)).mean() < 6


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (8, 7), (64, 16)])
def test_a_decoder_leaves_a_core_to_the_rest(tmp_path, monkeypatch, cores, threads):
    from aed_lightning.data.readers.opencv import open_capture
    from aed_lightning.data.readers.pyav import _opened

    path = write_mp4(tmp_path / "a.mp4", 2)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(cores)))
    assert open_capture(path).get(cv2.CAP_PROP_N_THREADS) == threads
    with _opened(path) as container:
        assert container.streams.video[0].codec_context.thread_count == threads


def test_a_folder_is_sorted_by_number_and_hidden_files_are_left_out(tmp_path):
    folder = write_images(tmp_path / "v", 12, "frame{:d}.png")
    (folder / "._frame1.png").write_bytes(b"junk")
    (folder / ".DS_Store").write_bytes(b"junk")
    reader = open_video(folder)
    assert (reader.claimed_frames, reader.fps) == (12, None)
    assert open_video(folder, fps=10.0).fps == 10.0
    for index, frame in enumerate(reader.frames()):
        assert np.array_equal(frame, picture(index))


def test_images_of_another_size_are_refused_with_the_first_that_differs(tmp_path):
    folder = write_images(tmp_path / "v", 3)
    cv2.imwrite(str(folder / "003.png"), picture(0, (24, 40)))
    with pytest.raises(DataError, match=r"003\.png \(frame 3 of 4\) is 40x24, the frames before it are 32x24"):
        list(open_video(folder).frames())


def test_an_unknown_reader_is_a_usage_error_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"reader 'vlc' is unknown: use one of auto, opencv, pyav, decord"):
        open_video(tmp_path, "vlc")


def test_a_reader_that_is_left_early_closes_its_file(tmp_path):
    frames = open_video(write_mp4(tmp_path / "a.mp4")).frames()
    next(frames)
    frames.close()
    assert next(frames, None) is None
