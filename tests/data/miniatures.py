from pathlib import Path

import cv2
import numpy as np
import scipy.io

from aed_lightning.core.video_writer import VideoWriter

PED2_LABELS = {"Test001": [0, 1, 1, 1, 0, 0], "Test002": [1, 1, 0, 0, 1, 1]}


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


def mask_of(index: int, size: tuple[int, int] = (24, 32)) -> np.ndarray:
    """The square of `picture`, true."""
    mask = np.zeros(size, dtype=bool)
    mask[4:12, index % (size[1] - 8) : index % (size[1] - 8) + 8] = True
    return mask


def write_masks(folder: Path, labels: list[int], pattern: str = "{:03d}.bmp", first: int = 1) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for index, label in enumerate(labels):
        cv2.imwrite(str(folder / pattern.format(index + first)), mask_of(index).astype(np.uint8) * 255 * label)
    return folder


def write_ped2(root: Path, events: str = "[2:4];\n[1:2, 5:6];", name: str = "ped2") -> Path:
    base = root / f"UCSD{name}"
    for video in ("Train001", "Train002", "Train010"):
        write_images(base / "Train" / video, pattern="{:03d}.tif", first=1, gray=True)
    for video, labels in PED2_LABELS.items():
        folder = write_images(base / "Test" / video, pattern="{:03d}.tif", first=1, gray=True)
        (folder / "._001.tif").write_bytes(b"junk")
        (folder / ".DS_Store").write_bytes(b"junk")
        if (name, video) == ("ped1", "Test002"):
            continue
        pattern = "{:03d}.bmp" if video == "Test001" else "frame{:03d}.bmp"
        write_masks(base / "Test" / f"{video}_gt", labels, pattern)
    lines = [f"TestVideoFile{{end+1}}.gt_frame = {event}" for event in events.splitlines()]
    (base / "Test" / f"UCSD{name}.m").write_text("TestVideoFile = {};\n" + "\n".join(lines) + "\n")
    return root


def write_frames_layout(root: Path, name: str = "ped2", labels: str = "mat") -> Path:
    base = root / name
    for video in ("01", "02"):
        write_images(base / "training" / "frames" / video, pattern="{:03d}.jpg")
        write_images(base / "testing" / "frames" / video, pattern="{:03d}.jpg")
    if labels == "mat":
        cells = np.empty((1, 2), dtype=object)
        cells[0, 0], cells[0, 1] = np.array([[2], [4]]), np.array([[1, 5], [2, 6]])
        scipy.io.savemat(base / f"{name}.mat", {"gt": cells})
    elif labels == "npy":
        row = np.array([[0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]], dtype=np.float64)
        np.save(base / f"frame_labels_{name}.npy", row)
    return root


def write_avenue(root: Path, test_frames: int = 6, mask_frames: int = 6, above: str = "Avenue Dataset") -> Path:
    write_avi(root / above / "training_videos" / "01.avi")
    write_avi(root / above / "testing_videos" / "02.avi", test_frames)
    masks = np.empty((1, mask_frames), dtype=object)
    for index in range(mask_frames):
        masks[0, index] = mask_of(index).astype(np.uint8) * (index in (1, 4))
    write_vol_label(root, 2, masks)
    return root


def write_vol_label(root: Path, number: int, masks: np.ndarray) -> Path:
    folder = root / "ground_truth_demo" / "testing_label_mask"
    folder.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(folder / f"{number}_label.mat", {"volLabel": masks}, do_compression=True)
    return folder / f"{number}_label.mat"


def write_shanghaitech(root: Path, labels: int = 6, training: str = "videos") -> Path:
    if training == "videos":
        write_avi(root / "training" / "videos" / "01_001.avi")
    else:
        write_images(root / "training" / "frames" / "01_001", pattern="{:03d}.jpg")
    write_images(root / "testing" / "frames" / "01_0014", pattern="{:03d}.jpg")
    for name, array in (
        ("test_frame_mask", np.eye(labels, dtype=np.uint8)[2]),
        ("test_pixel_mask", np.stack([mask_of(index) * (index == 2) for index in range(labels)]).astype(np.uint8)),
    ):
        (root / "testing" / name).mkdir(parents=True)
        np.save(root / "testing" / name / "01_0014.npy", array)
    return root


UBNORMAL_TEST = "abnormal_scene_2_scenario_1_fog"


def write_annotated(root: Path, name: str, tracks: str, frames: int = 6, size: tuple[int, int] = (24, 32)) -> Path:
    """An abnormal video of UBnormal whose square is object 7; the images have a margin, and object 3 stands in it."""
    scene = root / f"Scene{name.split('_')[2]}"
    write_mp4(scene / f"{name}.mp4", frames, size)
    folder = scene / f"{name}_annotations"
    folder.mkdir()
    (folder / f"{name}_tracks.txt").write_text(tracks)
    for index in range(frames):
        ids = np.full((size[0] + 2, size[1] + 1), 3, dtype=np.uint8)
        ids[: size[0], : size[1]] = mask_of(index, size) * 7
        cv2.imwrite(str(folder / f"{name}_{index:04d}_gt.png"), ids)
    return folder


def write_ubnormal(root: Path, tracks: str = "7.0,2.0,3.0\n") -> Path:
    write_mp4(root / "Scene1" / "normal_scene_1_scenario_1.mp4")
    write_mp4(root / "Scene1" / "normal_scene_1_scenario_2.mp4")
    write_annotated(root, UBNORMAL_TEST, tracks)
    (root / "normal_training_video_names.txt").write_text("normal_scene_1_scenario_1\n")
    (root / "normal_test_video_names.txt").write_text("normal_scene_1_scenario_2.mp4\n")
    (root / "abnormal_test_video_names.txt").write_text(f"{UBNORMAL_TEST}\n")
    return root


def write_abnormal_training(root: Path, tracks: str = "7.0,0.0,19.0\n", size: tuple[int, int] = (48, 64)) -> Path:
    write_annotated(root, "abnormal_scene_3_scenario_2", tracks, 20, size)
    (root / "abnormal_training_video_names.txt").write_text("abnormal_scene_3_scenario_2\n")
    return root


def write_folder(root: Path, labels: bool = True) -> Path:
    write_mp4(root / "train" / "2.mp4")
    write_mp4(root / "train" / "10.mp4", 7)
    write_mp4(root / "test" / "walk.mp4")
    if labels:
        (root / "labels" / "frames").mkdir(parents=True)
        np.save(root / "labels" / "frames" / "walk.npy", np.array([0, 0, 1, 1, 0, 0], dtype=np.uint8))
    return root
