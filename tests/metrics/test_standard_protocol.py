import json
from dataclasses import replace

import numpy as np
import pytest
from evaluation_vectors import (
    AUC_TOLERANCE,
    CASES,
    SCORE_TOLERANCE,
    VECTORS,
    one_video,
    standard_parameters,
    videos_of,
)
from sklearn.metrics import roc_auc_score

from aed_lightning.core import DataError, UsageError
from aed_lightning.metrics import evaluate, smoothed_scores


@pytest.mark.parametrize("name", CASES)
def test_standard_agrees_with_the_vectors(name):
    case = CASES[name]
    expected = case["standard"]["expected"]
    if "raises" in expected:
        error = UsageError if expected["raises"] == "bad_sigma" else DataError
        with pytest.raises(error) as refusal:
            evaluate(videos_of(case), **standard_parameters(case))
        assert refusal.value.name == expected["raises"]
        return
    found = evaluate(videos_of(case), **standard_parameters(case))
    assert found["micro_auc"] == pytest.approx(expected["micro_auc"], abs=AUC_TOLERANCE)
    assert found["macro_auc"] == pytest.approx(expected["macro_auc"], abs=AUC_TOLERANCE)
    assert found["per_video_auc"] == pytest.approx(expected["per_video_auc"], abs=AUC_TOLERANCE)
    assert found["skipped_videos"] == expected["skipped_videos"]
    assert found["smoothing"] == {"sigma": case["standard"]["parameters"]["sigma_frames"]}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.mark.parametrize("name", [name for name in CASES if "smoothed" in CASES[name]["standard"]["expected"]])
def test_smoothed_scores_agree_with_the_vectors(name):
    case = CASES[name]
    parameters = standard_parameters(case)
    for video in smoothed_scores(videos_of(case), parameters["sigma_frames"]):
        expected = np.array(case["standard"]["expected"]["smoothed"][video.video])
        found = video.smoothed
        if parameters["per_video_minmax"]:
            found = (found - found.min()) / (found.max() - found.min())
        np.testing.assert_allclose(found, expected, rtol=SCORE_TOLERANCE, atol=1e-12)


@pytest.mark.parametrize("extra", VECTORS["extras"], ids=lambda extra: extra["case"])
def test_average_precision_and_equal_error_rate_agree_with_the_vectors(extra):
    case = CASES[extra["case"]]
    found = evaluate(videos_of(case), **standard_parameters(case))
    assert found["average_precision"] == pytest.approx(extra["average_precision"], abs=AUC_TOLERANCE)
    assert found["eer"] == pytest.approx(extra["eer"], abs=AUC_TOLERANCE)


def good():
    return one_video([0.1, 0.4, 0.2, 0.9], [0, 0, 1, 1], "good")


def changed(**fields):
    return replace(good(), video="bad", **fields)


@pytest.mark.parametrize(
    ("videos", "parameters", "name", "message"),
    [
        ([good()], {"sigma_frames": float("nan")}, "bad_sigma", "sigma nan: give a number of frames"),
        ([good()], {"sigma_frames": float("inf")}, "bad_sigma", "sigma inf"),
        ([good()], {"stride": 0}, "bad_stride", "stride 0"),
        ([changed(label=None)], {}, "no_labels", "'bad' has no labels"),
        ([], {}, "no_videos", "0 videos"),
        ([good(), good()], {}, "duplicate_video", "'good' is given 2 times"),
        ([changed(raw=np.zeros(0))], {}, "empty_video", "'bad' has 0 frames; leave it out"),
        ([changed(label=np.zeros(3))], {}, "length_mismatch", "'bad' has 4 scores, 4 frame indices, 3 labels"),
        ([changed(frame_index=np.arange(5))], {}, "length_mismatch", "5 frame indices"),
        ([changed(raw=np.zeros((4, 1)))], {}, "length_mismatch", "4 x 1 scores"),
        ([changed(kinds=["", ""])], {}, "length_mismatch", "2 kinds"),
        ([changed(frame_index=np.array([3, 1, 3, 2]))], {}, "duplicate_frame_index", "'bad': frame index 3 occurs 2"),
        ([changed(raw=np.array([0, np.nan, 0, 0]))], {}, "nan_score", "'bad': the score of frame 1 is nan"),
        ([changed(raw=np.array([0, 0, -np.inf, 0]))], {}, "inf_score", "'bad': the score of frame 2 is -inf"),
        ([changed(label=np.array([0, 1, 2, 0]))], {}, "non_binary_label", "'bad': the label of frame 2 is 2;"),
        ([changed(label=np.array([0, 1, np.nan, 0]))], {}, "non_binary_label", "frame 2 is nan"),
        ([changed(kinds=["run", "", "", ""])], {}, "kind_of_normal_frame", "frame 0 has label 0 and the kind 'run'"),
        ([changed(raw=np.full(4, 0.3))], {"per_video_minmax": True}, "constant_scores", "'bad': all smoothed scores"),
        ([changed(label=np.ones(4))], {}, "single_class", "all 4 frames have label 1"),
    ],
)
def test_refusals_name_the_video_the_value_and_what_to_do(videos, parameters, name, message):
    if videos and name not in ("duplicate_video", "single_class"):
        videos = [replace(good(), video="other"), *videos]
    with pytest.raises((DataError, UsageError)) as refusal:
        evaluate(videos, **parameters)
    assert refusal.value.name == name
    assert message in str(refusal.value)
    assert ";" in str(refusal.value) or ": give" in str(refusal.value)
    assert isinstance(refusal.value, UsageError) == name.startswith(("bad_sigma", "bad_stride"))


def test_refusals_come_in_the_documented_order_over_all_videos():
    nan, repeated = np.array([0, np.nan, 0, 0]), np.array([0, 0, 1, 2])
    faults = [
        ("no_labels", replace(good(), video="a", label=None)),
        ("duplicate_video", replace(good(), video="twice")),
        ("empty_video", one_video([], [], "c")),
        ("length_mismatch", replace(good(), video="d", label=np.zeros(3))),
        ("duplicate_frame_index", replace(good(), video="e", frame_index=repeated)),
        ("nan_score", replace(good(), video="f", raw=nan)),
        ("inf_score", replace(good(), video="g", raw=np.array([0, np.inf, 0, 0]))),
        ("non_binary_label", replace(good(), video="h", label=np.array([0, 1, 255, 0]))),
        ("constant_scores", replace(good(), video="i", raw=np.zeros(4))),
    ]
    for first, (name, _) in enumerate(faults):
        videos = [video for _, video in reversed(faults[first:])]
        if name in ("no_labels", "duplicate_video"):
            videos.append(replace(good(), video="twice"))
        with pytest.raises(DataError) as refusal:
            evaluate(videos, per_video_minmax=True)
        assert refusal.value.name == name


def test_what_is_odd_but_sound_is_not_refused():
    videos = [
        one_video([-5.0, -5.0, 7.0, 7.0], [False, True, False, True], "ties outside [0, 1]"),
        one_video([3.0], [1.0], "one frame"),
    ]
    found = evaluate(videos, sigma_frames=50)
    assert found["skipped_videos"] == ["one frame"]


def test_order_of_videos_and_frames_does_not_matter():
    generator = np.random.default_rng(1)
    videos = [one_video(generator.random(40), generator.integers(0, 2, 40), name) for name in ("10", "2", "1")]
    expected = evaluate(videos, sigma_frames=2)
    order = generator.permutation(40)
    shuffled = [
        replace(video, raw=video.raw[order], label=video.label[order], frame_index=video.frame_index[order])
        for video in reversed(videos)
    ]
    assert evaluate(shuffled, sigma_frames=2) == expected
    assert list(expected["per_video_auc"]) == ["1", "10", "2"]


def test_smoothed_scores_keep_every_field_of_a_frame_together_and_need_no_labels():
    video = one_video([0.3, 0.1, 0.2], [1, 0, 1], frame_index=np.array([7, 2, 5]), kinds=["c", "", "b"])
    [found] = smoothed_scores([video], 0)
    assert found.frame_index.tolist() == [2, 5, 7]
    assert found.raw.tolist() == found.smoothed.tolist() == [0.1, 0.2, 0.3]
    assert found.label.tolist() == [0, 1, 1]
    assert list(found.kinds) == ["", "b", "c"]
    assert smoothed_scores([replace(video, label=None)], 1)[0].label is None


def test_kinds_are_measured_against_all_normal_frames_and_no_other_kind():
    raw_a, raw_b = [0.1, 0.7, 0.5, 0.9], [0.6, 0.2, 0.8, 0.4]
    videos = [
        one_video(raw_a, [0, 1, 0, 1], "a", kinds=["", "run", "", "fall"]),
        one_video(raw_b, [0, 1, 1, 0], "b", kinds=["", "run", "fall", ""]),
        one_video([0.65, 0.3], [1, 0], "c"),
    ]
    normal = [0.1, 0.5, 0.6, 0.4, 0.3]
    run, fall = [0.7, 0.2], [0.9, 0.8]
    found = evaluate(videos)["per_kind"]
    assert found["run"] == {"auc": pytest.approx(roc_auc_score([0] * 5 + [1] * 2, normal + run)), "frames": 2}
    assert found["fall"] == {"auc": pytest.approx(roc_auc_score([0] * 5 + [1] * 2, normal + fall)), "frames": 2}
    assert "per_kind" not in evaluate([good()])


def test_stride_and_causal_smoothing_reach_the_figures():
    generator = np.random.default_rng(2)
    video = one_video(generator.random(60), np.arange(60) // 20 % 2, frame_index=3 * np.arange(60))
    dense = replace(video, frame_index=np.arange(60))
    assert evaluate([video], sigma_frames=6, stride=3)["micro_auc"] == evaluate([dense], sigma_frames=2)["micro_auc"]
    centered, causal = (evaluate([dense], sigma_frames=2, causal=flag) for flag in (False, True))
    assert causal["micro_auc"] != centered["micro_auc"]
    [smoothed] = smoothed_scores([dense], 2, causal=True)
    assert causal["micro_auc"] == pytest.approx(roc_auc_score(video.label, smoothed.smoothed), abs=1e-12)


@pytest.mark.parametrize(
    ("protocol", "parameters", "message"),
    [
        ("paper", {}, "protocol 'paper': give one of standard, official"),
        ("standard", {"range": 38}, "parameter range=38 of protocol 'standard': give only sigma_frames"),
        ("official", {"sigma_frames": 3}, "give only range, mu, per_video_minmax, variant"),
    ],
)
def test_unknown_protocols_and_parameters_are_refused(protocol, parameters, message):
    with pytest.raises(UsageError, match=message):
        evaluate([good()], protocol, **parameters)
