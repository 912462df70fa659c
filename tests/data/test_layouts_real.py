import cv2
import numpy as np
from real_data import REAL_DATA, needs

from aed_lightning.data import open_layout
from aed_lightning.data.layouts.labels import read_labels
from aed_lightning.data.layouts.ucsd import parse_gt_frames


@needs("ped2")
def test_the_masks_of_ped2_and_its_events_agree_on_every_frame():
    file = REAL_DATA / "ped2/UCSDped2.m"
    events = parse_gt_frames(file.read_text(), file)
    anomalous = 0
    for number, ranges in enumerate(events, start=1):
        strip = cv2.imread(str(REAL_DATA / f"ped2/masks/Test{number:03d}_gt.png"), cv2.IMREAD_GRAYSCALE)
        masked = strip.reshape(-1, 240 * 360).any(axis=1)
        labels = np.zeros(len(masked), bool)
        for first, last in ranges:
            labels[first : last + 1] = True
        assert np.array_equal(masked, labels), number
        anomalous += int(masked.sum())
    assert (len(events), anomalous) == (12, 1648)


@needs("avenue")
def test_the_masks_of_avenue_have_the_published_counts():
    layout = open_layout("avenue", REAL_DATA / "avenue")
    test = next(video for video in layout.videos() if video.name == "19")
    labels = layout.labels(test, 248)
    masks = layout.masks(test, 248, (360, 640))
    assert (labels.sum(), np.flatnonzero(labels)[[0, -1]].tolist()) == (140, [108, 247])
    assert [masks(frame).any() for frame in range(248)] == labels.astype(bool).tolist()


@needs("shanghaitech")
def test_the_frame_labels_of_shanghaitech_have_the_published_counts():
    files = sorted((REAL_DATA / "shanghaitech/testing/test_frame_mask").glob("*.npy"))
    labels = [read_labels(file, len(np.load(file))) for file in files]
    assert (len(files), sum(map(len, labels)), sum(int(each.sum()) for each in labels)) == (106, 40_526, 17_250)
