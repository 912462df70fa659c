import cv2
import numpy as np
import pytest

from aed_lightning.core.video_writer import VideoWriter

FRAMES, HEIGHT, WIDTH = 12, 48, 64


def moving_square() -> list[np.ndarray]:
    frames = []
    for index in range(FRAMES):
        frame = np.full((HEIGHT, WIDTH, 3), (40, 80, 160), np.uint8)
        frame[8:24, 4 * index : 4 * index + 16] = (220, 120, 30)
        frames.append(frame)
    return frames


def write(path, frames, fps=25):
    with VideoWriter(path, (HEIGHT, WIDTH), fps) as writer:
        for frame in frames:
            writer.write(frame)


def read(path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    rate, frames = capture.get(cv2.CAP_PROP_FPS), []
    while True:
        there, frame = capture.read()
        if not there:
            capture.release()
            return frames, rate
        frames.append(frame[:, :, ::-1])


def test_another_decoder_reads_every_frame_at_its_size_rate_and_color(tmp_path):
    write(tmp_path / "a.mp4", moving_square(), fps=10)
    decoded, rate = read(tmp_path / "a.mp4")
    assert len(decoded) == FRAMES
    assert rate == 10
    for seen, drawn in zip(decoded, moving_square(), strict=True):
        assert seen.shape == (HEIGHT, WIDTH, 3)
        assert np.abs(seen.astype(int) - drawn).mean() < 6


def test_writing_the_same_frames_again_gives_the_same_bytes(tmp_path):
    size, random = (96, 160), np.random.default_rng(0)
    ground = cv2.GaussianBlur(random.uniform(0, 255, (*size, 3)), (0, 0), 3)
    noisy = [np.roll(ground, index, axis=1) + random.normal(0, 3, (*size, 3)) for index in range(60)]
    frames = [np.clip(frame, 0, 255).astype(np.uint8) for frame in noisy]
    contents = set()
    for _ in range(8):
        with VideoWriter(tmp_path / "a.mp4", size, 25) as writer:
            for frame in frames:
                writer.write(frame)
        contents.add((tmp_path / "a.mp4").read_bytes())
    assert len(contents) == 1


def test_the_index_stands_before_the_pictures_so_that_a_browser_can_start(tmp_path):
    write(tmp_path / "a.mp4", moving_square())
    content = (tmp_path / "a.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")
    assert b"avc1" in content


@pytest.mark.parametrize("size", [(47, 64), (48, 63)])
def test_odd_sizes_are_refused_before_a_file_appears(tmp_path, size):
    with pytest.raises(ValueError, match=f"{size[0]}x{size[1]}.*even"):
        VideoWriter(tmp_path / "odd.mp4", size, 25)
    assert not (tmp_path / "odd.mp4").exists()


def test_an_error_while_drawing_reaches_the_caller(tmp_path):
    def stop_after_a_frame():
        with VideoWriter(tmp_path / "a.mp4", (HEIGHT, WIDTH), 25) as writer:
            writer.write(moving_square()[0])
            raise RuntimeError("the scene is broken")

    with pytest.raises(RuntimeError, match="the scene is broken"):
        stop_after_a_frame()
