import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from evaluation_vectors import AUC_TOLERANCE, VECTORS
from hypothesis import given, settings
from hypothesis import strategies as st

from aed_lightning.core import DataError, Detection, Region, VideoRegions
from aed_lightning.metrics import evaluate_regions

BOX, FAR = (0, 0, 10, 10), (50, 50, 60, 60)


def one_track(length, frames, detections):
    annotated = [Region(0, frame, BOX) for frame in range(length)]
    return [VideoRegions("v", frames, annotated, [Detection(*detection) for detection in detections])]


@pytest.mark.parametrize("case", VECTORS["localization"], ids=lambda case: case["name"])
def test_rbdc_and_tbdc_agree_with_the_vectors(case):
    assert {place["video"] for place in case["ground_truth"] + case["detections"]} == {"v"}
    annotated = [Region(place["track"], place["frame"], tuple(place["box"])) for place in case["ground_truth"]]
    detected = [Detection(place["frame"], tuple(place["box"]), place["score"]) for place in case["detections"]]
    found = evaluate_regions([VideoRegions("v", case["num_frames"], annotated, detected)])
    assert found["rbdc"] == pytest.approx(case["expected"]["rbdc"], abs=AUC_TOLERANCE)
    assert found["tbdc"] == pytest.approx(case["expected"]["tbdc"], abs=AUC_TOLERANCE)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize(
    ("length", "frames", "detections", "rbdc", "tbdc"),
    [
        (10, 10, [(frame, BOX, 1.0) for frame in range(10)], 1, 1),
        (10, 10, [], 0, 0),
        (10, 10, [(frame, FAR, 0.9) for frame in range(5)], 0, 0),
        (
            10,
            10,
            [(frame, FAR, 0.9 - 0.01 * frame) for frame in range(5)]
            + [(frame, BOX, 0.5 - 0.01 * frame) for frame in range(10)],
            0.5,
            0.5,
        ),
        (2, 2, [(0, (0, 0, 10, 1), 0.9)], 0.5, 1),
        (2, 2, [(0, (0, 0, 9, 1), 0.9)], 0, 0),
        (10, 10, [(3, BOX, 0.9)], 0.1, 1),
        (11, 11, [(3, BOX, 0.9)], 1 / 11, 0),
        (4, 4, [(0, BOX, 0.9), (2, FAR, 0.8), (1, BOX, 0.7)], 0.4375, 1),
        (1, 2, [(0, FAR, 0.9), (1, FAR, 0.8), (1, FAR, 0.7), (0, BOX, 0.6)], 0, 0),
        (1, 4, [(2, FAR, 0.5), (0, BOX, 0.5)], 0.875, 0.875),
        (1, 4, [(0, BOX, 0.5), (2, FAR, 0.5)], 0.875, 0.875),
    ],
)
def test_the_worked_cases(length, frames, detections, rbdc, tbdc):
    found = evaluate_regions(one_track(length, frames, detections))
    assert (found["rbdc"], found["tbdc"]) == (pytest.approx(rbdc, abs=1e-12), pytest.approx(tbdc, abs=1e-12))


def test_a_step_across_rate_one_is_cut_there():
    # From (0.5, 0) to (1.5, 1): half way up at 1, so a triangle of 0.5 times 0.5.
    alarms = [(1, FAR, 0.9), (0, FAR, 0.5), (1, FAR, 0.5), (0, BOX, 0.5)]
    found = evaluate_regions(one_track(1, 2, alarms))
    assert found["rbdc"] == pytest.approx(0.125, abs=1e-12)


def test_one_detection_finds_every_region_that_it_covers_and_tracks_of_two_videos_are_two():
    annotated = [Region(0, 0, BOX), Region(1, 0, (0, 0, 10, 9))]
    videos = [
        VideoRegions("a", 1, annotated, [Detection(0, BOX, 1)]),
        VideoRegions("b", 1, annotated, []),
        VideoRegions("normal", 2, [], []),
    ]
    found = evaluate_regions(videos)
    assert (found["rbdc"], found["tbdc"]) == (0.5, 0.5)
    assert {key: found[key] for key in ("frames", "regions", "tracks", "detections")} == {
        "frames": 4,
        "regions": 4,
        "tracks": 4,
        "detections": 1,
    }


def overlap(first, second):
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (first, second)]
    return shared / (areas[0] + areas[1] - shared)


def plain_loop(videos):
    """The rules word for word: at each threshold all regions, tracks and detections are looked at anew."""
    points = [(0.0, 0.0, 0.0)]
    for threshold in sorted({d.score for video in videos for d in video.detected}, reverse=True):
        alarms = found_regions = all_regions = 0
        tracks = defaultdict(list)
        for video in videos:
            active = [d for d in video.detected if d.score >= threshold]
            for region in video.annotated:
                hits = [d for d in active if d.frame == region.frame and overlap(d.box, region.box) >= 0.1]
                tracks[video.video, region.track].append(bool(hits))
                found_regions += bool(hits)
                all_regions += 1
            for d in active:
                alarms += all(d.frame != r.frame or overlap(d.box, r.box) < 0.1 for r in video.annotated)
        found_tracks = sum(sum(track) / len(track) >= 0.1 for track in tracks.values())
        frames = sum(video.frames for video in videos)
        points.append((alarms / frames, found_regions / all_regions, found_tracks / len(tracks)))
    areas = [0.0, 0.0]
    for number in range(2):
        reached = False
        for before, after in pairwise(points):
            x0, y0, x1, y1 = before[0], before[1 + number], after[0], after[1 + number]
            if x1 > 1:
                cut = y0 + (y1 - y0) * (1 - x0) / (x1 - x0)
                areas[number] += (1 - x0) * (y0 + cut) / 2
                reached = True
                break
            areas[number] += (x1 - x0) * (y0 + y1) / 2
        if not reached:
            areas[number] += (1 - points[-1][0]) * points[-1][1 + number]
    return areas


FRAMES = 3
SPAN = st.tuples(st.integers(0, 6), st.integers(1, 4))
BOXES = st.builds(lambda x, y: (x[0], y[0], x[0] + x[1], y[0] + y[1]), SPAN, SPAN)
SCORES = st.sampled_from([0.1, 0.3, 0.3, 0.5, 0.7]) | st.floats(-1, 1)
ANNOTATED = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, FRAMES - 1), BOXES), unique_by=lambda region: region[:2], max_size=6
)
DETECTED = st.lists(st.tuples(st.integers(0, FRAMES - 1), BOXES, SCORES), max_size=12)
DRAWN = st.lists(st.tuples(ANNOTATED, DETECTED), min_size=1, max_size=3).filter(
    lambda videos: any(annotated for annotated, _ in videos)
)


@settings(max_examples=100)
@given(DRAWN, st.randoms(use_true_random=False))
def test_rbdc_and_tbdc_equal_a_plain_loop_in_any_order(drawn, random):
    videos = [
        VideoRegions(str(number), FRAMES, [Region(*region) for region in annotated], [Detection(*d) for d in detected])
        for number, (annotated, detected) in enumerate(drawn)
    ]
    found = evaluate_regions(videos)
    assert [found["rbdc"], found["tbdc"]] == pytest.approx(plain_loop(videos), abs=1e-12)
    shuffled = [
        replace(
            video,
            annotated=random.sample(video.annotated, len(video.annotated)),
            detected=random.sample(video.detected, len(video.detected)),
        )
        for video in random.sample(videos, len(videos))
    ]
    assert evaluate_regions(shuffled) == found


GOOD = VideoRegions("good", 2, [Region(0, 0, BOX)], [])


@pytest.mark.parametrize(
    ("videos", "name", "message"),
    [
        ([], "no_ground_truth", "none of 0 videos"),
        ([replace(GOOD, annotated=[])], "no_ground_truth", "none of 1 videos has an annotated region"),
        ([GOOD, GOOD], "duplicate_video", "'good' is given 2 times"),
        ([replace(GOOD, annotated=[Region(0, 2, BOX)])], "frame_outside_video", "frame 2: the video has 2 frames"),
        ([replace(GOOD, detected=[Detection(-1, BOX, 1)])], "frame_outside_video", "frame -1"),
        ([replace(GOOD, annotated=[Region(0, 1, (3, 0, 3, 9))])], "empty_box", "the box 3,0,3,9 is empty"),
        ([replace(GOOD, detected=[Detection(1, (3, 5, 9, 4), 1)])], "empty_box", "the box 3,5,9,4 is empty"),
        ([replace(GOOD, detected=[Detection(1, (0, 0, np.inf, 4), 1)])], "empty_box", "the box 0,0,inf,4"),
        (
            [replace(GOOD, detected=[Detection(1, BOX, np.nan)])],
            "nan_score",
            "frame 1: the score of a detection is nan",
        ),
        ([replace(GOOD, detected=[Detection(1, BOX, -np.inf)])], "inf_score", "is -inf"),
        ([replace(GOOD, annotated=[Region(7, 1, BOX)] * 2)], "duplicate_region", "track 7 is in frame 1 2 times"),
    ],
)
def test_what_cannot_be_is_refused_by_name(videos, name, message):
    with pytest.raises(DataError) as refusal:
        evaluate_regions(videos)
    assert refusal.value.name == name
    assert message in str(refusal.value)
