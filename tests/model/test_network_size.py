import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from aed_lightning.model import AutoEncoder

SIZES = [((320, 640), 16, 3_042_560), ((160, 320), 8, 2_402_048), ((80, 160), 4, 2_241_920)]


def on_meta(**architecture):
    with torch.device("meta"):
        return AutoEncoder(**architecture)


def count(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


@pytest.mark.parametrize(("frame_size", "patch_size", "parameters"), SIZES)
def test_the_number_of_parameters_is_the_papers(frame_size, patch_size, parameters):
    sizes = {"frame_size": frame_size, "patch_size": patch_size}
    assert count(on_meta(**sizes, classification_head=False)) == parameters
    assert count(on_meta(**sizes, classification_head=True)) == parameters + 257


def test_every_parameter_is_trainable_at_first():
    assert all(parameter.requires_grad for parameter in on_meta().parameters())


@pytest.mark.parametrize(
    ("patch_size", "embedding", "encoder", "teacher", "student"),
    [(16, 590_592, 2_198_016, 575_488, 269_056), (8, 148_224, 1_755_648, 476_416, 169_984)],
)
def test_each_part_has_its_share_of_the_parameters(patch_size, embedding, encoder, teacher, student):
    network = on_meta(frame_size=(20 * patch_size, 40 * patch_size), patch_size=patch_size)
    assert count(network.encoder.embedding, network.encoder.embedding_norm) == embedding
    assert [count(block) for block in network.encoder.blocks] == [535_552] * 3
    assert count(network.encoder.norm) == 512
    assert network.encoder.class_token.numel() == 256
    assert count(network.encoder) == encoder
    assert count(network.decoder_input.embedding) == 32_896
    assert network.decoder_input.mask_token.numel() == 128
    assert [count(block) for block in (*network.shared, *network.teacher.blocks)] == [136_704] * 3
    assert count(network.decoder_input, network.shared, network.teacher) == teacher
    assert [count(block) for block in network.student.blocks] == [136_704]
    assert count(network.student) == student
    assert count(network.head) == 257


def test_the_statistics_of_the_batch_norms_hold_7701_numbers_less_those_of_shared_counters():
    network = on_meta()
    buffers = [(name, value) for name, value in network.named_buffers() if not name.startswith("levels.")]
    statistics = sum(value.numel() for name, value in buffers if not name.endswith("num_batches_tracked"))
    assert statistics == 7_701 - 7 * 3


@pytest.mark.parametrize(("frame_size", "patch_size", "gigaflop"), [((320, 640), 16, 4.88), ((160, 320), 8, 4.212)])
def test_a_frame_costs_the_documented_flop(frame_size, patch_size, gigaflop):
    network = on_meta(frame_size=frame_size, patch_size=patch_size, mask_ratio=0.5, classification_head=False).eval()
    inputs = torch.empty(1, 9, *frame_size, device="meta")
    mask = torch.empty(1, network.tokens, dtype=torch.bool, device="meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        reconstruction = network(inputs, mask)
    assert reconstruction.student.shape == (1, 800, patch_size * patch_size * 4)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gigaflop, rel=0.01)


def test_the_student_costs_nothing_where_it_does_not_run():
    network = on_meta(classification_head=False).eval()
    arguments = torch.empty(1, 9, 320, 640, device="meta"), torch.empty(1, 800, dtype=torch.bool, device="meta")
    flop = []
    for with_student in (True, False):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(*arguments, with_student)
        flop.append(counter.get_total_flops() / 1e9)
    assert flop[0] - flop[1] == pytest.approx(0.544 + 0.210, rel=0.01)
