import pickle
from pathlib import Path

import pytest
import torch

from aed_lightning.core import DataError, RunPaths, UsageError
from aed_lightning.model import AutoEncoder
from aed_lightning.model import weights as weights_file
from aed_lightning.model.weights import load_weights, read_checkpoint, refuse_other_architecture, save_weights

SMALL = {"frame_size": (16, 24), "patch_size": 8, "encoder_dim": 16, "decoder_dim": 8}


@pytest.fixture
def network():
    torch.manual_seed(3)
    return AutoEncoder(**SMALL)


def checkpoint_of(network, **changes):
    return {
        "aed_lightning": {"stage": "teacher", "architecture": dict(network.architecture)},
        "epoch": 5,
        "loops": {"fit_loop": {"epoch_progress": {"current": {"processed": 6}}}},
        "state_dict": {f"network.{name}": value for name, value in network.state_dict().items()},
    } | changes


def assert_equal_weights(first, second):
    ours, theirs = first.state_dict(), second.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


class Payload:
    def __init__(self, trace: Path):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


def test_saved_weights_come_back_bit_for_bit(network, tmp_path):
    save_weights(RunPaths(tmp_path), network, {"stage": "student", "rule": "default"})
    loaded, card = load_weights(tmp_path)
    assert_equal_weights(network, loaded)
    assert loaded.architecture == network.architecture
    assert (card["stage"], card["rule"], card["version"]) == ("student", "default", 2)


def test_saving_leaves_no_partial_file(network, tmp_path):
    save_weights(RunPaths(tmp_path), network, {})
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_a_checkpoint_gives_its_stage_and_the_network(network, tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save(checkpoint_of(network, optimizer_states=[{"step": 1}]), file)
    loaded, card = load_weights(file)
    assert_equal_weights(network, loaded)
    assert (card["stage"], card["epoch"], card["finished_epochs"]) == ("teacher", 5, 6)


def test_a_checkpoint_is_read_with_weights_only(network, tmp_path, monkeypatch):
    file, calls, load = tmp_path / "last.ckpt", [], torch.load
    torch.save(checkpoint_of(network), file)
    monkeypatch.setattr(torch, "load", lambda *given, **options: calls.append(options) or load(*given, **options))
    read_checkpoint(file)
    assert [options["weights_only"] for options in calls] == [True]


def test_a_pickle_with_a_payload_is_refused_and_does_not_run(network, tmp_path):
    trace = tmp_path / "ran"
    plain, zipped = tmp_path / "plain.ckpt", tmp_path / "zipped.ckpt"
    plain.write_bytes(pickle.dumps(checkpoint_of(network, payload=Payload(trace)), protocol=2))
    torch.save(checkpoint_of(network, payload=Payload(trace)), zipped)
    for file in (plain, zipped):
        with pytest.raises(DataError, match=f"{file.name}: not a checkpoint"):
            load_weights(file)
        assert not trace.exists()
    torch.load(zipped, weights_only=False)
    assert trace.exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"this is no checkpoint", b"(lp0\n.", b"0", b"\x80\x02.", b"PK\x03\x04 not really", bytes(100), b"\xff" * 64],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "last.ckpt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"last\.ckpt: not a checkpoint"):
        load_weights(file)


@pytest.mark.parametrize("value", [{"state_dict": {}}, [1, 2], torch.zeros(3), {"aed_lightning": 3, "epoch": 1}, 7])
def test_a_saved_object_of_another_program_is_refused(tmp_path, value):
    file = tmp_path / "last.ckpt"
    torch.save(value, file)
    with pytest.raises(DataError, match=r"last\.ckpt: not a checkpoint"):
        load_weights(file)


def test_a_checkpoint_cut_short_is_refused(network, tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save(checkpoint_of(network), file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"last\.ckpt: not a checkpoint"):
        load_weights(file)


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="nowhere: no such run directory or checkpoint file"):
        load_weights(tmp_path / "nowhere")


def test_a_run_that_did_not_finish_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no model\.safetensors and model\.json in it"):
        load_weights(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.json"])
def test_a_damaged_run_is_refused(network, tmp_path, name):
    save_weights(RunPaths(tmp_path), network, {})
    (tmp_path / name).write_bytes(b"damaged")
    with pytest.raises(DataError, match="cannot be read"):
        load_weights(tmp_path)


@pytest.mark.parametrize(
    "card",
    ["{}", "[]", '{"architecture": {"frame_size": [16, 24], "wings": 2}}', '{"architecture": {"frame_size": 7}}'],
)
def test_a_card_that_does_not_describe_the_weights_is_refused(network, tmp_path, card):
    save_weights(RunPaths(tmp_path), network, {})
    (tmp_path / "model.json").write_text(card)
    with pytest.raises(DataError, match="weights that do not fit their card"):
        load_weights(tmp_path)


def test_weights_of_another_network_than_the_card_says_are_refused(network, tmp_path):
    save_weights(RunPaths(tmp_path), network, {})
    card = (tmp_path / "model.json").read_text()
    (tmp_path / "model.json").write_text(card.replace('"encoder_dim": 16', '"encoder_dim": 32'))
    with pytest.raises(DataError, match="weights that do not fit their card"):
        load_weights(tmp_path)


def test_another_architecture_is_refused_with_the_keys_that_differ(network):
    other = AutoEncoder(**SMALL | {"encoder_dim": 32, "frame_size": (16, 32)})
    card = {"architecture": dict(other.architecture)}
    with pytest.raises(DataError) as caught:
        refuse_other_architecture(network, card, Path("some/last.ckpt"))
    message = str(caught.value)
    assert message.startswith("some/last.ckpt: a checkpoint of another architecture")
    assert "encoder_dim 32 (configured: 16)" in message
    assert "frame_size [16, 32] (configured: [16, 24])" in message
    assert "decoder_dim" not in message


def test_an_architecture_of_a_later_version_is_refused(network):
    card = {"architecture": {**network.architecture, "memory": 3}}
    with pytest.raises(DataError, match=r"some/last.ckpt: of a later version, which knows memory; use that version"):
        refuse_other_architecture(network, card, Path("some/last.ckpt"))


def test_the_same_architecture_is_accepted_as_tuple_or_list(network, tmp_path):
    save_weights(RunPaths(tmp_path), network, {})
    refuse_other_architecture(network, load_weights(tmp_path)[1], tmp_path)
    refuse_other_architecture(network, {"architecture": dict(network.architecture)}, tmp_path)


def test_weights_of_another_version_are_refused_by_their_version(network, tmp_path):
    paths = RunPaths(tmp_path)
    save_weights(paths, network, {"stage": "student"})
    paths.model.write_text(paths.model.read_text().replace('"version": 2', '"version": 1'))
    with pytest.raises(DataError, match=r"weights of version 1, .* has version 2: .* or train again"):
        load_weights(tmp_path)


def test_half_precision_halves_the_file_and_keeps_vectors_statistics_and_levels_exact(network, tmp_path):
    torch.nn.init.normal_(network.levels.anomaly_map)
    for name, half in (("whole", False), ("half", True)):
        (tmp_path / name).mkdir()
        save_weights(RunPaths(tmp_path / name), network, {}, half=half)
    whole, half = (RunPaths(tmp_path / name).weights.stat().st_size for name in ("whole", "half"))
    assert half < 0.7 * whole
    found, expected = load_weights(tmp_path / "half")[0].state_dict(), network.state_dict()
    parameters = {name: value for name, value in network.named_parameters() if value.ndim > 1}
    for name, value in expected.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value.half().float() if name in parameters else value), name


def test_weights_that_come_with_the_package_are_found_by_their_name_unless_a_path_has_it(
    network, tmp_path, monkeypatch
):
    monkeypatch.setattr(weights_file, "SHIPPED", tmp_path / "pretrained")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"--weights crossing: no such .* that come with the package \(none\)"):
        load_weights(Path("crossing"))
    shipped = tmp_path / "pretrained/crossing"
    shipped.mkdir(parents=True)
    save_weights(RunPaths(shipped), network, {"stage": "student"})
    assert load_weights(Path("crossing"))[1]["stage"] == "student"
    with pytest.raises(UsageError, match=r"--weights nowhere: .* \(crossing\)"):
        load_weights(Path("nowhere"))
    (tmp_path / "crossing").mkdir()
    save_weights(RunPaths(tmp_path / "crossing"), network, {"stage": "teacher"})
    assert load_weights(Path("crossing"))[1]["stage"] == "teacher"


def test_an_architecture_of_an_earlier_version_is_not_refused_for_what_it_could_not_choose(network, tmp_path):
    save_weights(RunPaths(tmp_path), network, {})
    card = {"architecture": {key: value for key, value in network.architecture.items() if key != "convolution"}}
    refuse_other_architecture(network, card, tmp_path)
    packed = AutoEncoder(**SMALL, mask_ratio=0.0, convolution="packed")
    with pytest.raises(DataError, match=r"convolution grid \(configured: packed\)"):
        refuse_other_architecture(packed, card, tmp_path)
