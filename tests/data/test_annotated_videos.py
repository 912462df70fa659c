from pathlib import Path

import numpy as np
from squares import FRAME_SIZE, TEST_LABELS, write_squares

from aed_lightning.core import Region, VideoAnnotations
from aed_lightning.data.module import DataModule

HEADER = "track_id,frame,x0,y0,x1,y1,kind\n"


def annotations(root: Path, network_size: tuple[int, int] = FRAME_SIZE) -> dict[str, VideoAnnotations]:
    """The annotations of the squares below `root`, with a normal test video `calm` beside them."""
    module = DataModule(
        "squares", root=root, store=root.parent / "store", frame_size=network_size, patch_size=8, holdout=1
    )
    module.prepare_data()
    return {video.video: video for video in module.test_annotations()}


def write_calm_squares(root: Path) -> Path:
    write_squares(root)
    (root / "test" / "calm.avi").write_bytes((root / "train" / "walk1.avi").read_bytes())
    np.save(root / "labels" / "frames" / "calm.npy", np.zeros(28, dtype=np.uint8))
    return root


def write_mask(root: Path, video: str) -> np.ndarray:
    masks = np.zeros((len(TEST_LABELS[video]), *FRAME_SIZE), dtype=np.uint8)
    masks[TEST_LABELS[video] == 1, 4:12, 8:16] = 255
    (root / "labels" / "masks").mkdir(exist_ok=True)
    np.savez(root / "labels" / "masks" / f"{video}.npz", masks=masks)
    return masks > 0


def test_tracks_and_masks_are_in_pixels_of_the_video_whatever_the_network_sees(tmp_path: Path):
    root = write_calm_squares(tmp_path / "data")
    masks = write_mask(root, "stop")
    (root / "labels" / "tracks").mkdir()
    (root / "labels" / "tracks" / "stop.csv").write_text(f"{HEADER}1,9,8,4,16,12,stop\n")
    stop = annotations(root, (16, 32))["stop"]
    assert (stop.frames, stop.size, stop.fps) == (20, FRAME_SIZE, 25.0)
    assert stop.regions() == [Region(1, 9, (8.0, 4.0, 16.0, 12.0), "stop")]
    mask = stop.masks()
    assert all(np.array_equal(mask(frame), masks[frame]) for frame in range(20))


def test_a_normal_video_needs_neither_tracks_nor_masks_and_an_anomalous_one_does(tmp_path: Path):
    root = write_calm_squares(tmp_path / "data")
    write_mask(root, "stop")
    found = annotations(root)
    assert found.keys() == {"calm", "leap", "stop"}
    assert found["calm"].regions() == []
    assert found["leap"].regions() is None
    assert found["leap"].masks is None
    assert not any(found["calm"].masks()(frame).any() for frame in range(28))
    assert found["calm"].masks()(0).shape == FRAME_SIZE


def test_without_any_mask_no_video_has_masks(tmp_path: Path):
    found = annotations(write_calm_squares(tmp_path / "data"))
    assert [video.masks for video in found.values()] == [None, None, None]
