import io

import av
import cv2
import numpy as np
import pytest
from miniatures import picture, write_avi, write_images, write_mp4

from aed_lightning.core import DataError, UsageError
from aed_lightning.data.readers import open_video


def test_a_video_file_gives_its_frames_in_order_as_rgb(tmp_path):
    reader = open_video(write_mp4(tmp_path / "a.mp4", 8, (48, 64)))
    frames = list(reader.frames())
    assert (reader.claimed_frames, reader.fps, len(frames), reader.warnings) == (8, 25.0, 8, [])
    for index, frame in enumerate(frames):
        assert np.abs(frame.astype(int) - picture(index, (48, 64)).astype(int)).mean() < 6


def test_a_folder_is_sorted_by_number_and_hidden_files_are_left_out(tmp_path):
    folder = write_images(tmp_path / "v", 12, "frame{:d}.png")
    (folder / "._frame1.png").write_bytes(b"junk")
    (folder / ".DS_Store").write_bytes(b"junk")
    reader = open_video(folder)
    assert (reader.claimed_frames, reader.fps) == (12, None)
    assert open_video(folder, fps=10.0).fps == 10.0
    for index, frame in enumerate(reader.frames()):
        assert np.array_equal(frame, picture(index))


@pytest.mark.parametrize("suffix", ["tif", "png", "bmp", "jpg"])
def test_a_cut_image_is_named(tmp_path, suffix):
    folder = write_images(tmp_path / "v", 3, "{:03d}." + suffix)
    broken = folder / f"001.{suffix}"
    broken.write_bytes(broken.read_bytes()[:-40])
    with pytest.raises(DataError, match=rf"001\.{suffix}.*cannot be read as an image"):
        list(open_video(folder).frames())


def test_images_of_another_size_are_refused_with_the_first_that_differs(tmp_path):
    folder = write_images(tmp_path / "v", 3)
    cv2.imwrite(str(folder / "003.png"), picture(0, (24, 40)))
    with pytest.raises(DataError, match=r"003\.png is 40x24, the frames before it are 32x24"):
        list(open_video(folder).frames())


def test_a_size_change_in_mid_video_is_refused_with_the_first_frame_that_differs(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(_h264((64, 48), 10) + _h264((96, 64), 10))
    with pytest.raises(DataError, match=r"frame 10 is 96x64, the frames before it are 64x48"):
        list(open_video(path).frames())


@pytest.mark.parametrize("content", [b"", b"this is text\n" * 200, bytes(range(256)) * 40])
def test_what_is_no_video_cannot_be_opened(tmp_path, content):
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"a\.avi \({len(content)} bytes\) cannot be opened"):
        open_video(path)


def test_a_cut_file_is_refused_with_both_numbers(tmp_path):
    path = write_avi(tmp_path / "a.avi", 100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"cut short: \d+ frames decoded, 100 promised"):
        list(open_video(path).frames())


def test_a_few_missing_frames_are_a_warning_with_both_numbers(tmp_path):
    path = write_avi(tmp_path / "a.avi", 100)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * 0.93)])
    reader = open_video(path)
    count = len(list(reader.frames()))
    assert 90 <= count < 100
    assert f"{count} frames decoded, 100 promised by the container" in reader.warnings


def test_missing_files_links_to_nothing_and_empty_folders_are_refused(tmp_path):
    (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="link to nothing"):
        open_video(tmp_path / "link.mp4")
    with pytest.raises(DataError, match="has no frames"):
        open_video(tmp_path / "empty")


def test_an_unknown_reader_is_a_usage_error_with_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"reader 'vlc' is unknown: use one of auto, opencv"):
        open_video(tmp_path, "vlc")


def test_a_reader_that_is_left_early_closes_its_file(tmp_path):
    frames = open_video(write_mp4(tmp_path / "a.mp4")).frames()
    next(frames)
    frames.close()
    assert next(frames, None) is None


def _h264(size, frames):
    stream = io.BytesIO()
    with av.open(stream, "w", format="h264") as container:
        video = container.add_stream("libx264", rate=25)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        image = picture(0, (size[1], size[0]))
        for _ in range(frames):
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode(None))
    return stream.getvalue()
