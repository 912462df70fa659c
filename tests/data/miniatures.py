from pathlib import Path

import cv2
import numpy as np
import scipy.io

from aed_lightning.core.video_writer import VideoWriter


def picture(index: int, size: tuple[int, int] = (24, 32)) -> np.ndarray:
    height, width = size
    image = np.full((height, width, 3), (40, 80, 120), dtype=np.uint8)
    image[4:12, index % (width - 8) : index % (width - 8) + 8] = (200, 30, 90)
    return image


def write_mp4(path: Path, frames: int = 6, size: tuple[int, int] = (24, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, size, 25) as writer:
        for index in range(frames):
            writer.write(picture(index, size))
    return path


def write_avi(path: Path, frames: int = 6, size: tuple[int, int] = (24, 32)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (size[1], size[0]))
    for index in range(frames):
        writer.write(picture(index, size)[..., ::-1].copy())
    writer.release()
    return path


def write_images(
    folder: Path, frames: int = 6, pattern: str = "{:03d}.png", first: int = 0, gray: bool = False
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(frames):
        image = picture(index)
        cv2.imwrite(str(folder / pattern.format(index + first)), image[..., 0] if gray else image[..., ::-1])
    return folder


def write_ped2(root: Path, events: str = "[2:4];\n[1:2, 5:6];") -> Path:
    base = root / "UCSDped2"
    for name in ("Train001", "Train002", "Train010"):
        write_images(base / "Train" / name, pattern="{:03d}.tif", first=1, gray=True)
    for name in ("Test001", "Test002"):
        folder = write_images(base / "Test" / name, pattern="{:03d}.tif", first=1, gray=True)
        (folder / "._001.tif").write_bytes(b"junk")
        (folder / ".DS_Store").write_bytes(b"junk")
        write_images(base / "Test" / f"{name}_gt", pattern="{:03d}.bmp", first=1, gray=True)
    lines = [f"TestVideoFile{{end+1}}.gt_frame = {event}" for event in events.splitlines()]
    (base / "Test" / "UCSDped2.m").write_text("TestVideoFile = {};\n" + "\n".join(lines) + "\n")
    return root


def write_ped2_frames(root: Path, labels: str = "mat") -> Path:
    for name in ("01", "02"):
        write_images(root / "ped2" / "training" / "frames" / name, pattern="{:03d}.jpg", gray=True)
        write_images(root / "ped2" / "testing" / "frames" / name, pattern="{:03d}.jpg", gray=True)
    if labels == "mat":
        cells = np.empty((1, 2), dtype=object)
        cells[0, 0], cells[0, 1] = np.array([[2], [4]]), np.array([[1, 5], [2, 6]])
        scipy.io.savemat(root / "ped2" / "ped2.mat", {"gt": cells})
    else:
        row = np.array([[0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]], dtype=np.float64)
        np.save(root / "ped2" / "frame_labels_ped2.npy", row)
    return root


def write_avenue(root: Path, test_frames: int = 6, mask_frames: int = 6, above: str = "Avenue Dataset") -> Path:
    write_avi(root / above / "training_videos" / "01.avi")
    write_avi(root / above / "testing_videos" / "02.avi", test_frames)
    masks = np.empty((1, mask_frames), dtype=object)
    for index in range(mask_frames):
        masks[0, index] = np.zeros((24, 32), dtype=np.uint8)
        masks[0, index][3, 3] = index in (1, 4)
    folder = root / "ground_truth_demo" / "testing_label_mask"
    folder.mkdir(parents=True)
    scipy.io.savemat(folder / "2_label.mat", {"volLabel": masks}, do_compression=True)
    return root


def write_folder(root: Path, labels: bool = True) -> Path:
    write_mp4(root / "train" / "2.mp4")
    write_mp4(root / "train" / "10.mp4", 7)
    write_mp4(root / "test" / "walk.mp4")
    if labels:
        (root / "labels" / "frames").mkdir(parents=True)
        np.save(root / "labels" / "frames" / "walk.npy", np.array([0, 0, 1, 1, 0, 0], dtype=np.uint8))
    return root
