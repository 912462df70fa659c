import pytest
import torch
from batches import picked, random_batch
from training import copied, fit, narrow_network, predict, stage_of

from aed_lightning.scoring.rules import RULES, OfficialRule
from aed_lightning.stages import StudentStage, TeacherOptions, TeacherStage

QUICK = TeacherOptions(learning_rate=1e-3)
BATCHES = [random_batch(seed=1), random_batch(seed=2, clips=3)]


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def both_stages(seed, global_seed=0):
    network = narrow_network(dropout=0.3)
    torch.manual_seed(global_seed)
    fit(stage_of(TeacherStage, network, QUICK, seed=seed), BATCHES, steps=4)
    student = stage_of(StudentStage, network, QUICK, seed=seed)
    fit(student, BATCHES, steps=4)
    return copied(network), predict(student, BATCHES)


@pytest.mark.usefixtures("one_thread")
def test_the_same_seed_gives_the_same_weights_and_scores_bit_for_bit():
    weights, scores = both_stages(seed=4, global_seed=1)
    weights_again, scores_again = both_stages(seed=4, global_seed=2)
    assert all(torch.equal(weights[name], weights_again[name]) for name in weights)
    assert torch.equal(scores, scores_again)


@pytest.mark.usefixtures("one_thread")
def test_another_seed_gives_other_weights():
    (weights, _), (others, _) = both_stages(seed=4), both_stages(seed=5)
    assert not torch.equal(weights["encoder.embedding.weight"], others["encoder.embedding.weight"])


@pytest.mark.parametrize("rule", RULES.values())
@pytest.mark.parametrize("kind", [TeacherStage, StudentStage])
def test_scores_do_not_depend_on_the_batch_size(rule, kind):
    clips, network = random_batch(clips=8), narrow_network()
    fit(stage_of(TeacherStage, network, QUICK), [clips], steps=2)
    stage = stage_of(kind, network, QUICK, rule=rule())
    values = {
        size: predict(stage, [picked(clips, slice(start, start + size)) for start in range(0, 8, size)])
        for size in (1, 3, 8)
    }
    scores = {size: torch.from_numpy(stage.rule.video_scores(value.numpy())) for size, value in values.items()}
    assert len(scores[8]) == 8
    for size in (1, 3):
        torch.testing.assert_close(scores[size], scores[8], rtol=0.0, atol=1e-5)
        torch.testing.assert_close(values[size], values[8], rtol=0.0, atol=1e-5)


def test_masks_are_those_of_the_clips_seed_video_frame_and_epoch():
    batch, network = random_batch(), narrow_network()
    masks = {seed: stage_of(TeacherStage, network, QUICK, seed=seed).reconstruct(batch, False).mask for seed in (0, 1)}
    twin = stage_of(StudentStage, network, QUICK, seed=1).reconstruct(batch, True).mask
    assert torch.equal(masks[1], twin)
    assert not torch.equal(masks[0], masks[1])


@pytest.mark.parametrize("kind", [TeacherStage, StudentStage])
def test_scores_are_those_under_as_many_masks_as_the_rule_says(kind):
    batch, network = random_batch(), narrow_network()
    stage = stage_of(kind, network, QUICK, rule=OfficialRule(masks=2)).eval()
    found = stage.frame_values(batch)["values"]
    with_student = kind is StudentStage
    expected, once = (stage.reconstruct(batch, with_student, masks=masks) for masks in (2, 1))
    values = [stage.rule.frame_values(batch.inputs, each, 8, network.rows) for each in (expected, once)]
    torch.testing.assert_close(found, values[0])
    assert not torch.allclose(found, values[1])
