import torch
from batches import random_batch, smooth_batch
from training import copied, fit, narrow_network, plain_trainer, predict, silenced_loader, stage_of

from aed_lightning.model import student_loss
from aed_lightning.stages import StageOptions, StudentStage, TeacherOptions, TeacherStage

QUICK = TeacherOptions(learning_rate=1e-3)
BATCHES = [random_batch(seed=1), random_batch(seed=2, clips=3)]


def student_names(network):
    return {name for name in network.state_dict() if name.startswith("student.")}


def test_after_the_student_stage_everything_outside_the_student_is_bit_identical():
    network = narrow_network()
    fit(stage_of(TeacherStage, network, QUICK), BATCHES, steps=3)
    before = copied(network)
    fit(stage_of(StudentStage, network, QUICK), BATCHES, steps=5)
    after = network.state_dict()
    changed = {name for name in after if not torch.equal(after[name], before[name])}
    assert changed == student_names(network)
    assert any(name.endswith("running_mean") for name in changed)
    assert any("running_mean" in name for name in before.keys() - changed)


def test_the_rest_also_stays_as_it_is_where_validation_runs_between_the_epochs():
    network = narrow_network()
    stage, before = stage_of(StudentStage, network, QUICK), copied(network)
    with silenced_loader(BATCHES) as loader:
        plain_trainer(6).fit(stage, loader, loader)
    after = network.state_dict()
    assert {name for name in after if not torch.equal(after[name], before[name])} == student_names(network)


def test_its_optimizer_holds_the_students_parameters_and_no_other():
    network = narrow_network()
    optimizer = stage_of(StudentStage, network, QUICK).configure_optimizers()["optimizer"]
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    assert held == {id(parameter) for parameter in network.student.parameters()}


def test_only_the_student_trains_and_the_rest_stays_in_evaluation_mode():
    network = narrow_network()
    stage = stage_of(StudentStage, network, QUICK).train()
    for name, module in network.named_modules():
        if name:
            assert module.training == name.startswith("student"), name
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad == name.startswith("student."), name
    assert not any(module.training for module in stage.eval().modules())


def test_no_gradient_reaches_anything_but_the_student():
    network = narrow_network()
    stage = stage_of(StudentStage, network, QUICK).train()
    student_loss(BATCHES[0], stage.reconstruct(BATCHES[0], with_student=True)).backward()
    with_gradient = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert with_gradient == {name for name, _ in network.named_parameters() if name.startswith("student.")}


def test_the_teachers_answer_carries_no_dropout_while_the_student_trains():
    stage = stage_of(StudentStage, narrow_network(dropout=0.5), QUICK).train()
    first, second = (stage.reconstruct(BATCHES[0], with_student=True) for _ in range(2))
    assert torch.equal(first.teacher, second.teacher)
    assert not torch.equal(first.student, second.student)


def test_eight_clips_are_overfitted_to_a_tenth_of_the_first_loss():
    options = StageOptions(learning_rate=3e-3, weight_decay=0.0, schedule="cosine", warmup_steps=10)
    network = narrow_network(dropout=0.0)
    losses = fit(stage_of(StudentStage, network, options, total_steps=150), [smooth_batch()], steps=150)
    assert losses[-1] < 0.1 * losses[0]


def test_its_scores_contain_the_discrepancy():
    network = narrow_network()
    alone = predict(stage_of(TeacherStage, network, QUICK), BATCHES)
    assert (predict(stage_of(StudentStage, network, QUICK), BATCHES) > alone).all()
