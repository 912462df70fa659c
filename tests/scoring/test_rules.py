from dataclasses import replace

import numpy as np
import pytest
import torch
from batches import picked, random_batch, random_reconstruction
from scipy.special import expit

from aed_lightning.core import UsageError
from aed_lightning.scoring.rules import RULES, DefaultRule, OfficialRule, PaperRule

PATCH, ROWS, COLUMNS = 8, 4, 8
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


def incoming_tokens(batch):
    """(clips, tokens, patch, patch, 4) in float64: the middle frame and a map of -1."""
    frame = batch.inputs[:, 3:6].double().numpy()
    tokens = np.full((len(frame), ROWS * COLUMNS, PATCH, PATCH, 4), -1.0)
    for token in range(ROWS * COLUMNS):
        top, left = PATCH * (token // COLUMNS), PATCH * (token % COLUMNS)
        tokens[:, token, ..., :3] = frame[:, :, top : top + PATCH, left : left + PATCH].transpose(0, 2, 3, 1)
    return tokens


def output_tokens(output):
    return output.double().numpy().reshape(len(output), ROWS * COLUMNS, PATCH, PATCH, 4)


def scored(student=True, head=True):
    batch = random_batch()
    return batch, random_reconstruction(batch, student=student, head=head)


def raw(rule, batch, reconstruction):
    return rule.video_scores(rule.frame_values(batch.inputs, reconstruction, PATCH, ROWS).numpy())


def test_the_rules_have_the_names_that_files_call_them():
    assert {"default": DefaultRule, "paper": PaperRule, "official": OfficialRule} == RULES


@pytest.mark.parametrize("rule", RULES.values())
@pytest.mark.parametrize("head", [True, False])
def test_every_rule_scores_the_teachers_stage_without_student(rule, head):
    batch, reconstruction = scored(student=False, head=head)
    scores = raw(rule(), batch, reconstruction)
    assert scores.shape == (4,)
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("rule", [DefaultRule(error_weight=1.0, discrepancy_weight=1.0), PaperRule(), OfficialRule()])
def test_no_rule_sees_what_was_pasted(rule):
    batch, reconstruction = scored()
    blind = replace(
        batch,
        target=torch.zeros_like(batch.target),
        anomaly_map=torch.zeros_like(batch.anomaly_map),
        pasted=torch.zeros_like(batch.pasted),
        label=torch.zeros_like(batch.label),
        motion=torch.zeros_like(batch.motion),
        token_weights=torch.full_like(batch.token_weights, 1 / batch.token_weights.shape[1]),
    )
    assert np.array_equal(raw(rule, batch, reconstruction), raw(rule, blind, reconstruction))


@pytest.mark.parametrize(("error", "power"), [("squared", 2), ("absolute", 1)])
@pytest.mark.parametrize("discrepancy", [True, False])
def test_official_is_the_mean_error_plus_the_mean_discrepancy_of_all_tokens(error, power, discrepancy):
    batch, reconstruction = scored()
    incoming, teacher = incoming_tokens(batch), output_tokens(reconstruction.teacher)
    student = output_tokens(reconstruction.student)
    expected = []
    for clip in range(4):
        of_tokens = []
        for token in range(ROWS * COLUMNS):
            value = (np.abs(incoming[clip, token] - teacher[clip, token]) ** power).mean()
            if discrepancy:
                value += (np.abs(teacher[clip, token] - student[clip, token]) ** power).mean()
            of_tokens.append(value)
        expected.append(np.mean(of_tokens))
    scores = raw(OfficialRule(error=error, discrepancy=discrepancy), batch, reconstruction)
    np.testing.assert_allclose(scores, expected, **CLOSE)


def test_official_without_student_is_the_teachers_error_alone():
    batch, reconstruction = scored(student=False)
    expected = ((incoming_tokens(batch) - output_tokens(reconstruction.teacher)) ** 2).mean(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(raw(OfficialRule(), batch, reconstruction), expected, **CLOSE)


def paper_maps(batch, reconstruction, alpha, beta, gamma):
    teacher, student = output_tokens(reconstruction.teacher), output_tokens(reconstruction.student)
    values = alpha * (incoming_tokens(batch) - teacher) ** 2 + beta * (teacher - student) ** 2
    pixels = values.sum(axis=-1).reshape(-1, ROWS, COLUMNS, PATCH, PATCH).transpose(0, 1, 3, 2, 4)
    chances = expit(reconstruction.class_logit.double().numpy())
    return pixels.reshape(-1, ROWS * PATCH, COLUMNS * PATCH) + gamma * chances[:, None, None]


def mean_filtered(maps, size):
    padded = np.pad(maps, size // 2, mode="symmetric")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size, size))
    return windows.mean(axis=(3, 4, 5))


@pytest.mark.parametrize("weights", [(0.4, 0.3, 0.3), (1.0, 0.0, 2.0)])
def test_paper_adds_error_discrepancy_and_head_pixel_by_pixel(weights):
    batch, reconstruction = scored()
    maps = PaperRule(*weights).frame_values(batch.inputs, reconstruction, PATCH, ROWS)
    np.testing.assert_allclose(maps.numpy(), paper_maps(batch, reconstruction, *weights), **CLOSE)


def test_paper_without_student_and_head_is_the_weighted_error_of_each_pixel():
    batch, reconstruction = scored(student=False, head=False)
    maps = PaperRule().frame_values(batch.inputs, reconstruction, PATCH, ROWS)
    twin = random_reconstruction(batch)
    np.testing.assert_allclose(maps.numpy(), paper_maps(batch, twin, 0.4, 0.0, 0.0), **CLOSE)


@pytest.mark.parametrize("frames", [1, 4, 20])
def test_paper_takes_the_maximum_after_a_mean_over_nine_frames_rows_and_columns(frames):
    batch = random_batch(clips=frames)
    reconstruction = random_reconstruction(batch)
    maps = paper_maps(batch, reconstruction, 0.4, 0.3, 0.3)
    expected = mean_filtered(maps, 9).max(axis=(1, 2))
    np.testing.assert_allclose(raw(PaperRule(), batch, reconstruction), expected, **CLOSE)


def test_paper_filters_with_the_asked_size_and_reaches_over_its_neighbors():
    maps = np.random.default_rng(0).random((7, 12, 10), dtype=np.float32)
    np.testing.assert_allclose(PaperRule(filter_size=3).video_scores(maps), mean_filtered(maps, 3).max(axis=(1, 2)))
    assert PaperRule(filter_size=5).reach == 2
    assert DefaultRule().reach == OfficialRule().reach == 0


@pytest.mark.parametrize(
    "weights",
    [
        {},
        {"floor": -3.0, "top": 1},
        {"map_weight": 0.0},
        {"head_weight": 0.0, "discrepancy_weight": 2.0, "top": 7},
        {"error_weight": 0.7, "top": 3},
        {"error_weight": 0.7, "discrepancy_weight": 0.5, "per_place": False},
        {"head_weight": 3.0, "discrepancy_weight": 0.5, "top": 10_000},
    ],
)
def test_default_equals_a_plain_loop(weights):
    batch, reconstruction = scored()
    rule = DefaultRule(**weights)
    teacher, student = output_tokens(reconstruction.teacher), output_tokens(reconstruction.student)
    incoming = incoming_tokens(batch)
    errors, maps, gaps, (usual_logit, spread) = (
        level.double().numpy() for level in vars(reconstruction.levels).values()
    )
    if not rule.per_place:
        errors, maps, gaps = (
            np.stack([np.full_like(mean, mean.mean()), np.full_like(spread, np.sqrt((spread**2).mean()))])
            for mean, spread in (errors, maps, gaps)
        )
    expected = []
    for clip in range(4):
        tokens = []
        for token in range(ROWS * COLUMNS):
            predicted = (teacher[clip, token, ..., 3].mean() + 1) / 2
            discrepancy = np.abs(student[clip, token] - teacher[clip, token]).mean()
            error = np.square(teacher[clip, token, ..., :3] - incoming[clip, token, ..., :3]).mean()
            tokens.append(
                rule.error_weight * (error - errors[0, token]) / errors[1, token]
                + rule.map_weight * (predicted - maps[0, token]) / maps[1, token]
                + rule.discrepancy_weight * (discrepancy - gaps[0, token]) / gaps[1, token]
            )
        logit = (reconstruction.class_logit[clip].item() - usual_logit) / spread
        above = np.mean(sorted(tokens)[-rule.top :]) + rule.head_weight * logit - rule.floor
        expected.append(np.log1p(np.exp(above)) / 20)
    np.testing.assert_allclose(raw(rule, batch, reconstruction), expected, **CLOSE)


@pytest.mark.parametrize("rule", [DefaultRule(), PaperRule(), OfficialRule()])
def test_what_a_rule_takes_from_a_frame_does_not_depend_on_the_frames_beside_it(rule):
    batch, reconstruction = scored()
    together = rule.frame_values(batch.inputs, reconstruction, PATCH, ROWS)
    for clip in range(4):
        own = slice(clip, clip + 1)
        values = {name: value for name, value in vars(reconstruction).items() if name != "levels" and value is not None}
        alone = replace(reconstruction, **{name: value[own] for name, value in values.items()})
        torch.testing.assert_close(rule.frame_values(picked(batch, own).inputs, alone, PATCH, ROWS), together[own])


@pytest.mark.parametrize("student", [True, False])
@pytest.mark.parametrize(
    "rule",
    [DefaultRule(error_weight=0.2, discrepancy_weight=0.5), PaperRule(), OfficialRule(), OfficialRule("absolute")],
)
def test_the_token_map_has_the_terms_of_the_rule_at_each_token_and_no_head(rule, student):
    batch, reconstruction = scored(student=student)
    incoming, teacher = incoming_tokens(batch), output_tokens(reconstruction.teacher)
    difference = output_tokens(reconstruction.student) - teacher if student else np.zeros_like(teacher)
    expected = np.empty((4, ROWS * COLUMNS))
    levels = reconstruction.levels
    errors, maps, gaps = (level.numpy() for level in (levels.error, levels.anomaly_map, levels.discrepancy))
    for clip in range(4):
        for token in range(ROWS * COLUMNS):
            error, other = incoming[clip, token] - teacher[clip, token], difference[clip, token]
            if rule.name == "default":
                found = ((teacher[clip, token, ..., 3].mean() + 1) / 2 - maps[0, token]) / maps[1, token]
                found += 0.2 * (np.square(error[..., :3]).mean() - errors[0, token]) / errors[1, token]
                if student:
                    found += 0.5 * (np.abs(other).mean() - gaps[0, token]) / gaps[1, token]
            elif rule.name == "paper":
                found = (0.4 * error**2 + 0.3 * other**2).sum(axis=-1).mean()
            else:
                power = 2 if rule.error == "squared" else 1
                found = (np.abs(error) ** power).mean() + (np.abs(other) ** power).mean()
            expected[clip, token] = found
    np.testing.assert_allclose(rule.token_map(batch.inputs, reconstruction, PATCH).numpy(), expected, **CLOSE)
    headless = replace(reconstruction, class_logit=None)
    assert torch.equal(
        rule.token_map(batch.inputs, headless, PATCH), rule.token_map(batch.inputs, reconstruction, PATCH)
    )


def test_the_mean_of_officials_token_map_is_its_score():
    batch, reconstruction = scored()
    maps = OfficialRule().token_map(batch.inputs, reconstruction, PATCH)
    np.testing.assert_allclose(maps.mean(dim=1).numpy(), raw(OfficialRule(), batch, reconstruction), **CLOSE)


def test_paper_alone_filters_maps_over_time():
    maps = np.random.default_rng(0).random((7, 3, 5), dtype=np.float32)
    assert all(np.array_equal(rule.video_maps(maps), maps) for rule in (DefaultRule(), OfficialRule()))
    padded = np.pad(maps, ((2, 2), (0, 0), (0, 0)), mode="symmetric")
    expected = [padded[frame : frame + 5].mean(axis=0) for frame in range(7)]
    np.testing.assert_allclose(PaperRule(filter_size=5).video_maps(maps), expected, rtol=1e-5)


@pytest.mark.parametrize(("rule", "argument"), [(DefaultRule, "top"), (PaperRule, "filter_size")])
def test_sizes_below_one_are_refused(rule, argument):
    with pytest.raises(UsageError, match=rf"scoring\.{argument} 0: give 1"):
        rule(**{argument: 0})


def test_no_mask_at_all_is_refused():
    with pytest.raises(UsageError, match=r"scoring\.masks 0: give 1 or more"):
        DefaultRule(masks=0)


@pytest.mark.parametrize("rule", RULES.values())
@pytest.mark.parametrize("ratio", [-0.1, 1.0])
def test_a_mask_ratio_outside_zero_to_one_is_refused(rule, ratio):
    with pytest.raises(UsageError, match=rf"scoring\.mask_ratio {ratio}"):
        rule(mask_ratio=ratio)
