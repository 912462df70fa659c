import json
from dataclasses import replace

import numpy as np
import pytest
from evaluation_vectors import CASES, VECTORS, one_video, standard_parameters, videos_of
from sklearn.metrics import roc_auc_score

from aed_lightning.core import DataError
from aed_lightning.metrics import bootstrap_intervals, paired_differences, smoothed_scores

TOLERANCE = VECTORS["tolerance"]["intervals"]


@pytest.mark.parametrize("extra", VECTORS["extras"], ids=lambda extra: extra["case"])
def test_intervals_agree_with_the_vectors(extra):
    case, expected = CASES[extra["case"]], extra["bootstrap"]
    options = {"resamples": expected["resamples"], "seed": expected["seed"]}
    found = bootstrap_intervals(videos_of(case), **standard_parameters(case), **options)
    for kind in ("micro", "macro"):
        interval = expected[f"{kind}_interval"]
        assert found[f"{kind}_auc"] == (interval and pytest.approx(interval, abs=TOLERANCE))
        assert found[f"{kind}_draws"] == expected[f"{kind}_used"]
    assert (found["level"], found["resamples"], found["seed"]) == (0.95, expected["resamples"], expected["seed"])
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def random_videos(count, seed=0):
    generator = np.random.default_rng(seed)
    videos = []
    for number in range(count):
        frames = int(generator.integers(4, 30))
        label = np.full(frames, number % 3 == 0) if number % 4 == 0 else generator.random(frames) < 0.4
        videos.append(one_video(np.round(generator.normal(size=frames) + label, 1), label, f"{number:02d}"))
    return videos


def test_intervals_equal_drawing_and_concatenating_videos():
    videos = random_videos(9)
    ranked = smoothed_scores(videos, 1.5)
    micro, macro = [], []
    for drawn in np.random.default_rng(3).integers(0, 9, size=(200, 9)):
        labels = [ranked[number].label for number in drawn]
        scores = [ranked[number].smoothed for number in drawn]
        if len(set(np.concatenate(labels))) == 2:
            micro.append(roc_auc_score(np.concatenate(labels), np.concatenate(scores)))
        mixed = [(a, b) for a, b in zip(labels, scores, strict=True) if len(set(a)) == 2]
        if mixed:
            macro.append(np.mean([roc_auc_score(a, b) for a, b in mixed]))
    found = bootstrap_intervals(list(reversed(videos)), sigma_frames=1.5, resamples=200, seed=3)
    assert found["micro_auc"] == pytest.approx(np.quantile(micro, [0.025, 0.975]), abs=1e-12)
    assert found["macro_auc"] == pytest.approx(np.quantile(macro, [0.025, 0.975]), abs=1e-12)
    assert (found["micro_draws"], found["macro_draws"]) == (len(micro), len(macro))
    assert found["micro_auc"][0] < found["micro_auc"][1]


def test_paired_differences_equal_drawing_the_same_videos_twice():
    first = smoothed_scores(random_videos(9), 1.5)
    draw = np.random.default_rng(1)
    second = [replace(scores, smoothed=draw.normal(size=len(scores.raw)) + scores.label) for scores in first]

    def micro(videos, drawn):
        labels = np.concatenate([videos[number].label for number in drawn])
        return roc_auc_score(labels, np.concatenate([videos[number].smoothed for number in drawn]))

    found = paired_differences(first, list(reversed(second)), resamples=200, seed=3)
    differences = [
        micro(second, drawn) - micro(first, drawn)
        for drawn in np.random.default_rng(3).integers(0, 9, size=(200, 9))
        if len(set(np.concatenate([first[number].label for number in drawn]))) == 2
    ]
    assert found["micro_auc"]["difference"] == pytest.approx(
        micro(second, range(9)) - micro(first, range(9)), abs=1e-12
    )
    assert found["micro_auc"]["interval"] == pytest.approx(np.quantile(differences, [0.025, 0.975]), abs=1e-12)
    assert found["micro_auc"]["draws"] == len(differences)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    same = paired_differences(first, first)
    for auc in ("micro_auc", "macro_auc"):
        assert (same[auc]["difference"], same[auc]["interval"]) == (0.0, [0.0, 0.0])


def test_a_constant_difference_of_levels_is_found_where_intervals_of_either_overlap():
    first = smoothed_scores(random_videos(12), 0)
    second = [replace(scores, smoothed=scores.smoothed + 0.3 * scores.label) for scores in first]
    low, high = paired_differences(first, second)["micro_auc"]["interval"]
    assert 0 < low < high
    alone = [bootstrap_intervals([replace(s, raw=s.smoothed) for s in given])["micro_auc"] for given in (first, second)]
    assert alone[1][0] < alone[0][1]


def test_scores_of_other_frames_are_not_compared():
    first = smoothed_scores(random_videos(4), 0)
    with pytest.raises(DataError, match="03: scored on one side only") as refusal:
        paired_differences(first, first[:3])
    assert refusal.value.name == "other_frames"
    with pytest.raises(DataError, match="'00' is not smoothed; use `smoothed_scores` first"):
        paired_differences(random_videos(4), first)
    with pytest.raises(DataError, match="'00' has other frames or labels"):
        paired_differences(first, [replace(first[0], label=1 - first[0].label), *first[1:]])


def test_few_videos_are_noted():
    assert bootstrap_intervals(random_videos(19))["note"] == "only 19 videos: the intervals are too narrow"
    assert bootstrap_intervals(random_videos(20))["note"] is None


def test_the_seed_decides_the_draws():
    videos = random_videos(12)
    first, again, other = (bootstrap_intervals(videos, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["micro_auc"] != other["micro_auc"]


def test_defects_are_refused_as_by_the_protocol():
    with pytest.raises(DataError) as refusal:
        bootstrap_intervals([one_video([0.1, np.nan], [0, 1])])
    assert refusal.value.name == "nan_score"
    with pytest.raises(DataError) as refusal:
        bootstrap_intervals([one_video([0.1, 0.2], [0, 0])])
    assert refusal.value.name == "single_class"
