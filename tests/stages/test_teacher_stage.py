from dataclasses import replace

import pytest
import torch
from batches import random_batch, smooth_batch
from training import copied, fit, narrow_network, plain_trainer, predict, silenced_loader, stage_of

from aed_lightning.model import head_loss, map_loss, teacher_loss, token_loss
from aed_lightning.scoring.rules import DefaultRule, PaperRule
from aed_lightning.stages import StudentStage, TeacherOptions, TeacherStage

QUICK = TeacherOptions(learning_rate=1e-3)
BATCHES = [random_batch(seed=1), random_batch(seed=2, clips=3)]


def test_the_teacher_stage_leaves_the_student_untouched_and_moves_everything_else():
    network = narrow_network()
    before = copied(network)
    losses = fit(stage_of(TeacherStage, network, QUICK), BATCHES, steps=4)
    assert len(losses) == 4
    unmoved = {name for name, value in network.state_dict().items() if torch.equal(value, before[name])}
    assert unmoved == {name for name in before if name.startswith(("student.", "levels."))}


@pytest.mark.parametrize(("head", "map_"), [(0.0, 0.0), (1.0, 0.0), (2.5, 0.5), (0.0, 3.0)])
def test_its_loss_is_the_teachers_plus_the_weighted_heads_and_maps(head, map_):
    batch = random_batch()
    options = TeacherOptions(head_loss_weight=head, map_loss_weight=map_)
    stage = stage_of(TeacherStage, narrow_network(dropout=0.0), options)
    answer = stage.reconstruct(batch, with_student=False)
    expected = teacher_loss(batch, answer, 8) + head * head_loss(batch, answer) + map_ * map_loss(batch, answer, 8)
    stage.log = lambda *_, **__: None
    torch.testing.assert_close(stage.training_step(batch, 0), expected)


def test_a_head_of_tokens_adds_its_weighted_loss_and_learns():
    batch = random_batch()
    network = narrow_network(dropout=0.0, token_head=True, active_ratio=0.5)
    stage = stage_of(TeacherStage, network, TeacherOptions(token_loss_weight=20.0))
    answer = stage.reconstruct(batch, with_student=False)
    expected = teacher_loss(batch, answer, 8) + head_loss(batch, answer) + 20 * token_loss(batch, answer, 8)
    stage.log = lambda *_, **__: None
    loss = stage.training_step(batch, 0)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert network.token_head.weight.grad.abs().sum() > 0


def test_the_head_of_tokens_is_silent_where_it_does_not_learn():
    network = narrow_network(token_head=True)
    student = stage_of(StudentStage, network, QUICK).train()
    assert student.reconstruct(random_batch(), with_student=True).token_logits is None
    evaluated = stage_of(TeacherStage, network, QUICK).eval()
    assert evaluated.reconstruct(random_batch(), with_student=False).token_logits is None


def test_without_head_its_loss_is_the_teachers():
    batch = random_batch()
    stage = stage_of(TeacherStage, narrow_network(dropout=0.0, classification_head=False), QUICK)
    stage.log = lambda *_, **__: None
    expected = teacher_loss(batch, stage.reconstruct(batch, with_student=False), 8)
    torch.testing.assert_close(stage.training_step(batch, 0), expected)


def test_it_scores_without_the_student():
    network = narrow_network()
    network.student.forward = lambda *_: pytest.fail("the student ran")
    assert predict(stage_of(TeacherStage, network, QUICK), BATCHES).shape == (7,)


def test_eight_clips_are_overfitted_to_a_tenth_of_the_first_loss():
    options = TeacherOptions(learning_rate=2e-3, weight_decay=0.0, schedule="cosine", warmup_steps=10)
    network = narrow_network(encoder_dim=64, decoder_dim=64, dropout=0.0)
    losses = fit(stage_of(TeacherStage, network, options, total_steps=200), [smooth_batch()], steps=200)
    assert losses[-1] < 0.1 * losses[0]


def test_validation_and_test_give_what_the_rule_takes_from_each_frame():
    stage = stage_of(TeacherStage, narrow_network(), QUICK).eval()
    values = stage.frame_values(BATCHES[0])
    assert values["token_map"].shape == (len(BATCHES[0].video), stage.network.rows, stage.network.columns)
    for step in (stage.validation_step, stage.test_step, stage.predict_step):
        found = step(BATCHES[0], 0)
        assert found.keys() == values.keys()
        assert all(torch.equal(found[name], values[name]) for name in values)


def test_its_checkpoint_says_what_it_is_of(tmp_path):
    network, trainer = narrow_network(), plain_trainer(1)
    stage = stage_of(TeacherStage, network, QUICK)
    with silenced_loader(BATCHES) as loader:
        trainer.fit(stage, loader)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert checkpoint["aed_lightning"] == {
        "stage": "teacher",
        "architecture": network.architecture,
        "processes": 1,
        "learning_rate": QUICK.learning_rate,
    }


@pytest.mark.parametrize("share", [1, 0.25])
def test_it_goes_on_with_the_learning_rate_of_its_options(tmp_path, share: float):
    trainer = plain_trainer(2)
    stage = stage_of(TeacherStage, narrow_network(), QUICK)
    with silenced_loader(BATCHES) as loader:
        trainer.fit(stage, loader)
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    now = replace(QUICK, learning_rate=share * QUICK.learning_rate)
    further, stage = plain_trainer(3), stage_of(TeacherStage, narrow_network(), now)
    with silenced_loader(BATCHES) as loader:
        further.fit(stage, loader, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    before, after = ([group["lr"] for group in one.optimizers[0].param_groups] for one in (trainer, further))
    assert after == pytest.approx([share * rate for rate in before])


def test_a_teacher_stage_can_follow_a_student_stage_on_the_same_network():
    network = narrow_network()
    stage_of(StudentStage, network, QUICK)
    before = copied(network)
    fit(stage_of(TeacherStage, network, QUICK), BATCHES, steps=1)
    assert not torch.equal(network.encoder.embedding.weight, before["encoder.embedding.weight"])


def test_only_what_it_trains_asks_for_a_gradient():
    network = narrow_network()
    stage_of(TeacherStage, network, QUICK)
    asking = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert asking == {name for name, _ in network.named_parameters() if not name.startswith("student.")}


@pytest.mark.parametrize(
    ("rule", "hidden"), [(DefaultRule(mask_ratio=0.0), 0.0), (DefaultRule(mask_ratio=0.25), 0.25), (PaperRule(), 0.5)]
)
def test_the_rule_says_what_is_hidden_while_scoring_and_the_network_while_training(rule, hidden):
    network = narrow_network()
    stage = TeacherStage(network, rule, QUICK)
    shares = []
    network.register_forward_pre_hook(lambda module, inputs: shares.append(inputs[1].double().mean().item()))
    stage.log = lambda *_, **__: None
    stage.frame_values(BATCHES[0])
    stage.training_step(BATCHES[0], 0)
    assert shares == [hidden, 0.5]
