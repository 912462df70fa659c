import sys
from dataclasses import replace

import pytest
import torch
from torch import nn

from aed_lightning.core import UsageError
from aed_lightning.core.environment import has_bfloat16
from aed_lightning.model import AutoEncoder
from aed_lightning.model.inference import for_inference
from aed_lightning.model.reconstruct import under_masks
from aed_lightning.runtime import export
from aed_lightning.runtime.engines import build_engine
from aed_lightning.runtime.graph import ScoringGraph, network_inputs
from aed_lightning.scoring.rules import DefaultRule, OfficialRule, PaperRule, Rule

CPU = torch.device("cpu")
# Of a floor below all scores: far above them a score is the tail of an exponential, small beside its own rounding.
RULES = (DefaultRule(error_weight=0.5, discrepancy_weight=0.5, floor=-9.0), PaperRule(), OfficialRule())


def graph_of(rule: Rule = RULES[0], with_student: bool = True, channels: int = 1, **options) -> ScoringGraph:
    """Of a small network in which nothing is zero or one by chance."""
    torch.manual_seed(0)
    sizes = {"encoder_dim": 32, "decoder_dim": 16, "heads": 2, "encoder_depth": 2, "mask_ratio": 0.5}
    network = AutoEncoder((32, 64), 8, **sizes | options)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn_like(value))
        for name, value in network.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                value.copy_(torch.rand_like(value) + 0.2)
    levels = [torch.rand(9, 32) for _ in range(3)]
    network.levels.measure(*levels, torch.rand(9))
    return ScoringGraph(network.eval(), rule, with_student=with_student, channels=channels)


def in_float64(graph: ScoringGraph, frames, mask):
    """The truth: everything in 64 bits, from the same bytes."""
    network = graph.of(graph.network).network
    double = AutoEncoder(**network.architecture).double().eval()
    double.load_state_dict(network.state_dict())
    inputs = (frames.double() / 127.5 - 1).expand(-1, -1, 3, -1, -1).flatten(1, 2)
    with torch.no_grad():
        found = under_masks(double, inputs, mask, graph.with_student, graph.mask_ratio)
        return graph.rule.frame_values(inputs, found, 8, 4)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
@pytest.mark.parametrize(("precision", "tolerance"), [("32-true", 1e-6), pytest.param("bf16-mixed", 1e-2)])
def test_scores_of_pytorch_are_those_of_64_bits(rule, precision, tolerance):
    graph = graph_of(rule)
    frames, mask = graph.example(clips=4)
    values, _ = build_engine(graph, backend="torch", device=CPU, precision=precision)(frames, mask)
    expected = in_float64(graph, frames, mask)
    assert float((values - expected).abs().max()) <= tolerance * float(expected.abs().max())


@pytest.mark.parametrize(
    ("rule", "reads"),
    [
        (DefaultRule(discrepancy_weight=0.5), True), (DefaultRule(), False), (PaperRule(), True),
        (PaperRule(beta=0.0), False), (OfficialRule(), True), (OfficialRule(discrepancy=False), False),
    ],
)  # fmt: skip
def test_the_student_runs_for_rules_that_read_it_and_the_scores_are_the_same(rule, reads):
    graph, runs = graph_of(rule), []
    frames, mask = graph.example()
    graph.network.student.register_forward_hook(lambda *_: runs.append(1))
    with torch.no_grad():
        values, _ = graph(frames, mask)
        assert bool(runs) == reads
        inputs = network_inputs(frames)
        found = under_masks(graph.network, inputs, mask, True, graph.mask_ratio)
    assert torch.equal(values, rule.frame_values(inputs, found, 8, 4))


SMALLER = {"encoder_depth": 1, "teacher_depth": 2}
EXPORTED = {
    "default, active tokens, positions, two masks": (replace(RULES[0], mask_ratio=0.25, masks=2), True, 1),
    "paper, color": (RULES[1], True, 3),
    "official, teacher alone": (RULES[2], False, 1),
}


@pytest.mark.parametrize(
    "name", [name if name.startswith("default") else pytest.param(name, marks=pytest.mark.slow) for name in EXPORTED]
)
def test_exported_graphs_score_as_pytorch_does(name):
    options = {"active_ratio": 0.5, "position_embedding": True} if name.startswith("default") else {}
    graph = graph_of(*EXPORTED[name], **SMALLER, **options)
    frames, mask = graph.example(clips=19)
    values, heat = build_engine(graph, backend="torch", device=CPU, precision="32-true")(frames, mask)
    for backend in ("onnx", "openvino"):
        engine = build_engine(graph, backend=backend, device=CPU, precision="32-true")
        for clips in (19, 5, 1):  # any number of clips
            found, place = engine(frames[:clips], mask[:clips])
            assert float((found - values[:clips]).abs().max()) <= 1e-4 * float(values.abs().max())
            torch.testing.assert_close(place, heat[:clips], rtol=0, atol=1e-4)


@pytest.mark.slow
@pytest.mark.skipif(not has_bfloat16(), reason="this processor has no bfloat16")
def test_openvino_in_bfloat16_scores_as_64_bits_do_but_for_its_rounding():
    graph = graph_of(**SMALLER)
    frames, mask = graph.example(clips=4)
    values, _ = build_engine(graph, backend="openvino", device=CPU, precision="bf16-mixed")(frames, mask)
    expected = in_float64(graph, frames, mask)
    assert float((values - expected).abs().max()) <= 1e-2 * float(expected.abs().max())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
def test_compiled_graphs_score_as_pytorch_does():
    graph = graph_of()
    frames, mask = graph.example(clips=5)
    expected = build_engine(graph, backend="torch", device=CPU, precision="32-true")(frames, mask)
    found = build_engine(graph, backend="compile", device=CPU, precision="32-true")(frames, mask)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_a_compiler_that_fails_is_left_with_one_warning(monkeypatch, capsys):
    def broken(graph):
        def run(*arguments):
            raise RuntimeError("no C++ compiler\nand more")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    graph = graph_of()
    clips = graph.example()
    engine = build_engine(graph, backend="compile", device=CPU, precision="32-true")
    first, second = engine(*clips), engine(*clips)
    expected = build_engine(graph, backend="torch", device=CPU, precision="32-true")(*clips)
    torch.testing.assert_close(first, expected)
    torch.testing.assert_close(second, expected)
    said = capsys.readouterr().err
    assert said == "warning: torch.compile failed (RuntimeError: no C++ compiler); going on without it\n"


def test_for_inference_there_is_no_batch_norm_and_the_network_itself_stays_as_it_is():
    graph = graph_of()
    before = {name: value.clone() for name, value in graph.network.state_dict().items()}
    copy = for_inference(graph.network, bfloat16=True)
    assert not any(isinstance(module, nn.BatchNorm1d) for module in copy.modules())
    assert copy.encoder.embedding.weight.dtype == torch.bfloat16
    assert copy.encoder.norm.weight.dtype == torch.float32
    for name, value in graph.network.state_dict().items():
        assert torch.equal(value, before[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "tensorrt"}, "backend 'tensorrt': give one of torch, compile, onnx, openvino"),
        ({"precision": "16"}, "precision '16': give auto, 32-true or bf16-mixed"),
        ({"backend": "onnx", "precision": "bf16-mixed"}, "'onnx' computes in float32; give --precision 32-true"),
        ({"backend": "onnx", "device": torch.device("meta")}, "'onnx' runs on the CPU here; give --device cpu"),
    ],
)
def test_what_there_is_not_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        build_engine(graph_of(), **{"backend": "torch", "device": CPU, "precision": "32-true"} | options)


def test_a_backend_that_is_not_installed_is_named_with_its_cure(monkeypatch):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None if name == "openvino" else sys)
    with pytest.raises(UsageError, match=r"needs openvino; install .*pip install -c constraints.txt -e '\.\[export\]'"):
        build_engine(graph_of(), backend="openvino", device=CPU, precision="32-true")
