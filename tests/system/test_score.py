import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from refusals import assert_refused
from squares import write_video

from aed_lightning.data.readers import open_video
from aed_lightning.model.weights import read_checkpoint
from aed_lightning.runtime import Scorer, load
from aed_lightning.runtime.engines import build_engine
from aed_lightning.runtime.gating import Gate
from aed_lightning.runtime.graph import ScoringGraph
from aed_lightning.runtime.notify import Notifier
from aed_lightning.runtime.scorer import load_graph
from aed_lightning.scoring.calibration import Calibration
from aed_lightning.scoring.temporal import smooth_causal

LEVELS = ("--quantile", 0.9, "--min-seconds", 0)
ALL = ("scores.csv", "events.json", "timeline.png", "overlay.mp4")


def rows(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "scores.csv").read_text().splitlines()))


def column(folder: Path, name: str) -> np.ndarray:
    return np.array([float(row[name]) for row in rows(folder)])


def events(folder: Path) -> dict:
    return json.loads((folder / "events.json").read_text())


@pytest.fixture(scope="module")
def scored(command, squares, trained: Path, tmp_path_factory) -> Path:
    """The test videos, scored."""
    out = tmp_path_factory.mktemp("score") / "out"
    outcome = command("score", "--weights", trained, "--source", squares.root / "test", "--out", out, *LEVELS)
    assert outcome.code == 0, outcome
    assert f"{squares.root / 'test' / 'leap.avi'}: " in outcome.output
    assert "[1/2] leap: 22 of 42 frames, " in outcome.output
    assert "[2/2] stop: 42 of 42 frames, " in outcome.output
    assert " times real time, 0:00:00 left" in outcome.output
    return out


def test_every_recording_of_a_folder_has_its_own_results(scored: Path):
    assert sorted(folder.name for folder in scored.iterdir()) == [".lock", "leap", "stop"]
    for folder in (scored / "leap", scored / "stop"):
        assert sorted(file.name for file in folder.iterdir()) == sorted(ALL)
        assert events(folder)["complete"]


def test_streamed_scores_are_those_of_the_evaluation(scored: Path, trained: Path):
    for video in ("leap", "stop"):
        with np.load(trained / "scores" / f"{video}.npz") as expected:
            np.testing.assert_array_equal(column(scored / video, "frame"), expected["frame_index"])
            np.testing.assert_allclose(column(scored / video, "raw"), expected["raw"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(column(scored / video, "smoothed"), expected["smoothed"], rtol=0, atol=1e-5)


def test_streamed_scores_under_two_masks_are_those_of_the_evaluation(command, squares, trained: Path, tmp_path: Path):
    weights, run_dir = tmp_path / "weights", tmp_path / "run"
    weights.mkdir()
    shutil.copy(trained / "model.safetensors", weights)
    card = json.loads((trained / "model.json").read_text())
    card["rule"]["masks"] = 2
    (weights / "model.json").write_text(json.dumps(card))
    arguments = ("--config", squares.config, "--weights", weights, "--run_dir", run_dir, "--scoring.masks", 2)
    assert command("test", *arguments).code == 0
    frames = enumerate(open_video(squares.root / "test" / "stop.avi").frames())
    found = [frame.raw for frame in load(weights).stream("stop", frames)]
    with np.load(run_dir / "scores/stop.npz") as expected, np.load(trained / "scores/stop.npz") as once:
        np.testing.assert_allclose(found, expected["raw"], rtol=0, atol=1e-5)
        assert not np.allclose(found, once["raw"], rtol=0, atol=1e-5)


def test_the_threshold_is_the_one_calibrated_on_held_out_normal_video(scored: Path, trained: Path):
    levels = Calibration.from_json(json.loads((trained / "model.json").read_text())["calibration"]["centered"])
    assert set(column(scored / "stop", "threshold")) == {levels.at_quantile(0.9)}
    assert levels.frames == 28
    assert (column(scored / "stop", "is_anomalous") == 1).any() == bool(events(scored / "stop")["events"])


def test_the_overlay_plays_and_has_every_frame(scored: Path):
    with av.open(str(scored / "leap" / "overlay.mp4")) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == 25
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(frames) == 22
    assert frames[0].shape == (32, 64, 3)


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_scores_do_not_depend_on_how_frames_are_batched(squares, trained: Path, batch_size: int):
    scorer = load(trained)
    frames = list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    expected = [frame.smoothed for frame in scorer.stream("stop", frames)]
    found = [frame.smoothed for frame in scorer.stream("stop", frames, batch_size=batch_size)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_causal_scores_come_as_soon_as_the_clip_is_whole(squares, trained: Path):
    """The score of frame t is out before frame t + 4 comes in: 3 frames of the clip, and nothing else."""
    given = []

    def frames():
        for number, frame in enumerate(open_video(squares.root / "test" / "stop.avi").frames()):
            given.append(number)
            yield number, frame

    for scored_frame in load(trained).stream("stop", frames(), causal=True, batch_size=1):
        assert given[-1] <= scored_frame.frame_index + 3


@pytest.mark.parametrize("first", [1, 7, 19])
def test_scoring_from_the_middle_gives_the_same_scores(squares, trained: Path, first: int):
    scorer = load(trained)
    frames = list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    whole = list(scorer.stream("stop", frames))
    part = list(scorer.stream("stop", frames, first=first))
    assert [frame.frame_index for frame in part] == list(range(first, len(frames)))
    np.testing.assert_allclose(
        [frame.smoothed for frame in part], [frame.smoothed for frame in whole[first:]], rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("first", [0, 3, 13])
@pytest.mark.parametrize(("batch_size", "skip"), [(1, 3), (3, 3), (32, 3), (1, 1), (2, 1), (1, 2), (3, 2), (32, 2)])
def test_frames_left_out_get_the_scores_between_their_neighbors(
    squares, trained: Path, first: int, batch_size: int, skip: int
):
    """With skip 2, frame 18 is the last whose clip has pixels; what comes after has its score."""
    scorer = without_masks(trained)
    frames = list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    whole = list(scorer.stream("stop", frames))
    part = list(scorer.stream("stop", frames, gate=Gate(skip), batch_size=batch_size, first=first))
    assert [frame.frame_index for frame in part] == list(range(first, len(frames)))
    known = sorted({*range(0, len(frames), skip + 1), len(frames) - (2 if skip == 2 else 1)})
    expected = np.interp(range(first, len(frames)), known, [whole[index].raw for index in known])
    np.testing.assert_allclose([frame.raw for frame in part], expected, rtol=0, atol=1e-5)
    before = 13 // (skip + 1) * (skip + 1)
    share = (13 - before) / (skip + 1)
    between = (1 - share) * whole[before].heat + share * whole[before + skip + 1].heat
    np.testing.assert_allclose(part[13 - first].heat, between, rtol=0, atol=1e-5)


def without_masks(weights: Path) -> Scorer:
    graph, _ = load_graph(weights)
    bare = ScoringGraph(graph.network, replace(graph.rule, mask_ratio=0.0), with_student=True, channels=graph.channels)
    engine = build_engine(bare, backend="torch", device=torch.device("cpu"), precision="32-true")
    return replace(load(weights), engine=engine)


def test_the_engine_gets_as_many_clips_at_once_as_suit_it(squares, trained: Path, monkeypatch):
    scorer, sizes = load(trained), []
    run = type(scorer.engine).__call__
    monkeypatch.setattr(
        type(scorer.engine), "__call__", lambda self, *given: sizes.append(len(given[0])) or run(self, *given)
    )
    monkeypatch.setattr(scorer.engine, "batch_size", 7)
    frames = list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    list(scorer.stream("stop", frames))
    assert sizes[0] == 7
    assert sum(sizes) == len(frames)


def test_a_frame_that_is_computed_has_the_score_that_it_has_where_none_is_left_out(squares, trained: Path):
    scorer, frames = load(trained), list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    whole, part = (
        np.array([scored.raw for scored in scorer.stream("stop", frames, gate=gate)]) for gate in (Gate(), Gate(1))
    )
    np.testing.assert_allclose(part[::2], whole[::2], rtol=1e-5)
    assert abs(part - whole).max() > 1e-3 * whole.max()


@pytest.mark.parametrize(("skip", "stride"), [(1, 1), (2, 1), (3, 1), (0, 2), (0, 3), (1, 3)])
def test_frames_that_no_clip_needs_may_come_without_pixels(squares, trained: Path, skip: int, stride: int):
    scorer, reader = load(trained), open_video(squares.root / "test" / "stop.avi")
    needed = Gate(skip).needed(scorer.clip_offset, stride)
    fewer = list(reader.some(needed))
    whole, part = (
        [scored.raw for scored in scorer.stream("stop", enumerate(given), gate=Gate(skip), stride=stride)]
        for given in (reader.frames(), fewer)
    )
    assert part == whole
    assert [frame is not None for frame in fewer] == [needed(number) for number in range(20)]
    assert any(frame is None for frame in fewer) == ((skip + 1) * stride > 2)


def test_the_first_frame_after_a_gap_is_computed_wherever_it_is(squares, trained: Path):
    scorer = without_masks(trained)
    frames = [pair for pair in enumerate(open_video(squares.root / "test" / "stop.avi").frames()) if pair[0] != 9]
    whole = list(scorer.stream("stop", frames))
    part = list(scorer.stream("stop", frames, gate=Gate(3)))
    assert [frame.frame_index for frame in part] == [number for number, _ in frames]
    known = [frame.raw for frame in whole if frame.frame_index in (10, 12, 16, 19)]
    expected = np.interp(range(10, 20), [10, 12, 16, 19], known)
    np.testing.assert_allclose([frame.raw for frame in part[9:]], expected, rtol=0, atol=1e-5)


def test_the_command_leaves_frames_out_too(command, squares, trained: Path, tmp_path: Path):
    arguments = ("--weights", trained, "--source", squares.root / "test" / "stop.avi", "--out", tmp_path / "out")
    assert command("score", *arguments, "--skip", 3, "--no-overlay").code == 0
    scorer = load(trained)
    frames = enumerate(open_video(squares.root / "test" / "stop.avi").frames())
    expected = [frame.raw for frame in scorer.stream("stop", frames, gate=Gate(3))]
    assert column(tmp_path / "out", "frame").tolist() == list(range(20))
    np.testing.assert_allclose(column(tmp_path / "out", "raw"), expected, rtol=0, atol=1e-5)
    raw = np.load(trained / "scores" / "stop.npz")["raw"]
    assert np.abs(expected - raw).max() > 1e-4  # else nothing was left out
    told = events(tmp_path / "out")
    assert (told["skip"], told["gate"]) == (3, None)
    arguments = (*arguments[:-2], "--out", tmp_path / "live", "--skip", 3)
    live = command("score", *("http://127.0.0.1:9/x" if word == arguments[3] else word for word in arguments))
    assert_refused(live, 2, "--skip is for recordings")


def test_a_moving_object_opens_the_gate(squares, trained: Path):
    """It stands still from the middle of the video on."""
    scorer = load(trained)
    frames = list(enumerate(open_video(squares.root / "test" / "stop.avi").frames()))
    marked = list(Gate(100, 3.0).mark(scorer.windows(frames), scorer.engine.graph.network.patch_size, 1))
    left_out = [window.frame_index for window in marked if not window.computed]
    assert left_out
    assert min(left_out) > 5
    gate = Gate(3, 3.0)
    whole = list(scorer.stream("stop", frames, gate=gate))
    for first in (5, 9, 14):  # as where a scoring goes on
        part = list(scorer.stream("stop", frames, gate=gate, first=first, batch_size=2))
        np.testing.assert_allclose(
            [frame.smoothed for frame in part], [frame.smoothed for frame in whole[first:]], rtol=0, atol=1e-5
        )


def test_a_missing_frame_ends_a_run_and_warms_up_again(squares, trained: Path):
    frames = [pair for pair in enumerate(open_video(squares.root / "test" / "stop.avi").frames()) if pair[0] != 9]
    found = list(load(trained).stream("stop", frames))
    assert [frame.frame_index for frame in found] == [number for number, _ in frames]
    assert [frame.frame_index for frame in found if frame.warm_up] == [0, 1, 2, 10, 11, 12]


def test_dropped_clips_leave_no_hole_in_the_smoothing(squares, trained: Path):
    """Without every third clip: smoothed as if those that are left were neighbors."""
    scorer = load(trained)
    windows = list(scorer.windows(enumerate(open_video(squares.root / "test" / "stop.avi").frames())))
    left = [replace(window, dropped=int(window.frame_index % 3 == 0 and window.frame_index > 0))
            for window in windows if window.frame_index % 3 != 2]  # fmt: skip
    found = list(scorer.stream_windows("stop", [[window] for window in left], causal=True))
    assert [frame.frame_index for frame in found] == [window.frame_index for window in left]
    raw = np.array([frame.raw for frame in found])
    expected = smooth_causal(raw, np.arange(len(raw)), scorer.smoothing.sigma)
    np.testing.assert_allclose([frame.smoothed for frame in found], expected, rtol=1e-12)


def test_every_other_frame_can_be_scored(command, squares, trained: Path, tmp_path: Path):
    arguments = ("--weights", trained, "--source", squares.root / "test" / "stop.avi", "--out", tmp_path / "out")
    assert command("score", *arguments, "--stride", 2, "--no-overlay").code == 0
    assert column(tmp_path / "out", "frame").tolist() == list(range(0, 20, 2))
    assert not (tmp_path / "out" / "overlay.mp4").exists()
    np.testing.assert_allclose(
        column(tmp_path / "out", "raw"), np.load(trained / "scores" / "stop.npz")["raw"][::2], rtol=0, atol=1e-5
    )


def test_a_scoring_that_broke_off_goes_on_to_the_same_scores(command, squares, scored: Path, trained: Path, tmp_path):
    shutil.copytree(scored / "stop", tmp_path / "out")
    lines = (tmp_path / "out" / "scores.csv").read_text().splitlines(keepends=True)
    (tmp_path / "out" / "scores.csv").write_text("".join(lines[:9]) + lines[9][:7])
    (tmp_path / "out" / "events.json").write_text(json.dumps({**events(scored / "stop"), "complete": False}))
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", *LEVELS)
    outcome = command("score", *arguments)
    assert outcome.code == 2
    assert "is not empty; go on with --resume, replace what was scored before with --overwrite" in outcome.errors
    assert command("score", *arguments, "--resume").code == 0
    np.testing.assert_allclose(
        column(tmp_path / "out", "smoothed"), column(scored / "stop", "smoothed"), rtol=0, atol=1e-5
    )
    assert (tmp_path / "out" / "overlay-8.mp4").is_file()
    again = command("score", *arguments, "--resume")
    assert again.code == 0
    assert "scored already" in again.output


def test_a_folder_with_files_of_others_is_refused_and_left_alone(command, squares, trained: Path, tmp_path: Path):
    (tmp_path / "scores.csv").write_text("mine")
    arguments = ("--weights", trained, "--source", squares.root / "test" / "stop.avi", "--out", tmp_path)
    assert_refused(command("score", *arguments), 2, "is not empty; go on with --resume")
    for option in ("--overwrite", "--resume"):
        assert_refused(command("score", *arguments, option), 1, "events.json is none of ours (No such file")
    assert (tmp_path / "scores.csv").read_text() == "mine"


def test_other_weights_are_not_mixed_with_what_is_there(command, squares, scored, trained: Path, tmp_path: Path):
    shutil.copytree(scored / "stop", tmp_path / "out")
    found = events(scored / "stop")
    (tmp_path / "out" / "events.json").write_text(json.dumps({**found, "fingerprint": "another"}))
    source = squares.root / "test" / "stop.avi"
    arguments = ("--weights", trained, "--source", source, "--out", tmp_path / "out", *LEVELS)
    outcome = command("score", *arguments, "--resume")
    assert outcome.code == 2
    assert "holds other scores (fingerprint 'another', now" in outcome.errors


def test_an_untrained_threshold_is_asked_for(command, squares, trained: Path, tmp_path: Path):
    checkpoint = trained / "checkpoints" / "student" / "last.ckpt"
    arguments = ("--weights", checkpoint, "--source", squares.root / "test" / "stop.avi", "--out", tmp_path / "out")
    outcome = command("score", *arguments)
    assert outcome.code == 2
    assert "give --threshold" in outcome.errors
    assert not (tmp_path / "out").exists()
    assert command("score", *arguments, "--threshold", 0.5, "--no-overlay").code == 0
    assert set(column(tmp_path / "out", "threshold")) == {0.5}


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (("--source", "nothing.mp4"), 2, "--source nothing.mp4: nothing there; give a video file"),
        (("--stride", "0"), 2, "--stride 0: give 1 or more"),
        (("--batch-size", "0"), 2, "--batch-size 0: give 1 or more"),
        (("--skip", "-1"), 2, "--skip -1: give 0 or more"),
        (("--gate", "5"), 2, "--gate 5.0 needs --skip"),
        (("--min-seconds", "-1"), 2, "--min-seconds -1.0: give 0 or more"),
        (("--fps", "0"), 2, "--fps 0.0: give frames a second"),
        (("--quantile", "2"), 2, "quantile 2.0: give 0.5 to 1"),
        (("--hysteresis", "2"), 2, "hysteresis 2.0: give 0 to 1"),
        (("--precision", "fp16"), 2, "precision 'fp16': give auto"),
        (("--reader", "vlc"), 2, "reader 'vlc' is unknown"),
        (("--weights", "nothing"), 2, "--weights nothing: no such run directory"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(command, squares, trained, tmp_path, options, code, message):
    given = {"--weights": trained, "--source": squares.root / "test" / "stop.avi", "--out": tmp_path / "out"}
    given |= {options[0]: options[1]}
    outcome = command("score", *(word for pair in given.items() for word in pair))
    assert (outcome.code, message in outcome.errors) == (code, True), outcome
    assert not (tmp_path / "out").exists()


def test_a_source_that_is_no_video_is_named(command, trained: Path, tmp_path: Path):
    (tmp_path / "text.mp4").write_text("no video")
    outcome = command("score", "--weights", trained, "--source", tmp_path / "text.mp4", "--out", tmp_path / "out")
    assert outcome.code == 1
    assert f"{tmp_path / 'text.mp4'}" in outcome.errors


@pytest.mark.parametrize(("backend", "device"), [("torch", "cuda"), ("onnx", "cpu"), ("openvino", "cpu")])
def test_where_a_gpu_is_it_is_taken_by_what_can_use_it(trained: Path, monkeypatch, backend: str, device: str):
    class Built(Exception):
        pass

    def build(graph, *, backend, device, precision):
        raise Built(device.type)

    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: True)
    monkeypatch.setattr("aed_lightning.runtime.scorer.build_engine", build)
    with pytest.raises(Built, match=device):
        load(trained, backend=backend)


def test_a_size_that_changes_leaves_all_frames_before_it_scored(command, trained: Path, tmp_path: Path, monkeypatch):
    """Folders of images can change their size in the middle."""
    import cv2

    folder = tmp_path / "shots"
    folder.mkdir()
    for number in range(12):
        size = (32, 64, 3) if number < 9 else (40, 64, 3)
        cv2.imwrite(str(folder / f"{number:02}.png"), np.full(size, 10 * number, np.uint8))
    posted: list[dict] = []
    monkeypatch.setattr(Notifier, "post", lambda self, event: posted.append(event))
    loud = ("--threshold", -1, "--hysteresis", 0, "--min-seconds", 0, "--notify", "http://127.0.0.1:9")
    for again in ((), ("--resume",)):
        outcome = command("score", "--weights", trained, "--source", folder, "--out", tmp_path / "out", *loud, *again)
        assert outcome.code == 1
        assert "09.png" in outcome.errors
        assert not events(tmp_path / "out")["complete"]
        assert [int(row["frame"]) for row in rows(tmp_path / "out")] == list(range(9))
        assert [(event["start"], event["end"]) for event in posted] == [(0, 9)]


def test_gray_weights_score_gray_and_color_video(tmp_path: Path, trained: Path):
    card = json.loads((trained / "model.json").read_text())
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "model.json").write_text(json.dumps({**card, "channels": 1}))
    video = write_video(tmp_path / "v.avi", list(range(2, 30)), top=4)
    found = list(load(tmp_path / "run").stream("v", enumerate(open_video(video).frames())))
    assert len(found) == 28
    assert np.isfinite([frame.raw for frame in found]).all()


def test_a_card_that_is_none_of_ours_is_refused(command, trained: Path, tmp_path: Path):
    shutil.copytree(trained, tmp_path / "run")
    card = json.loads((trained / "model.json").read_text())
    (tmp_path / "run" / "model.json").write_text(json.dumps({**card, "rule": {"name": "unheard"}}))
    write_video(tmp_path / "v.avi", list(range(2, 30)), top=4)
    outcome = command("score", "--weights", tmp_path / "run", "--source", tmp_path / "v.avi", "--out", tmp_path / "out")
    assert outcome.code == 1
    assert "its model.json is none of ours" in outcome.errors


def test_the_scorer_takes_the_weights_of_the_checkpoint(trained: Path):
    checkpoint = trained / "checkpoints" / "student" / "last.ckpt"
    state = read_checkpoint(checkpoint)[1]
    own = load(checkpoint).engine.graph.network.state_dict()
    assert {name.partition(".convolved.")[0] for name in own} == {name.partition(".convolved.")[0] for name in state}
    cut = state["encoder.embedding.weight"]
    side = round((cut.shape[1] / 9) ** 0.5)
    state["encoder.embedding.weight"] = cut.unflatten(1, (side, side, 9)).movedim(3, 1).flatten(1)  # as memory has it
    for name, value in own.items():
        if ".convolved." not in name:  # there the BatchNorm is in the convolution
            assert torch.equal(value, state[name])


def test_from_python_a_recording_gives_its_frame_scores(squares, trained: Path):
    import aed_lightning

    for scores in aed_lightning.load(trained).score(squares.root / "test"):
        with np.load(trained / "scores" / f"{scores.video}.npz") as expected:
            np.testing.assert_allclose(scores.raw, expected["raw"], rtol=0, atol=1e-5)
            np.testing.assert_allclose(scores.smoothed, expected["smoothed"], rtol=0, atol=1e-5)
    with pytest.raises(AttributeError, match="unheard"):
        _ = aed_lightning.unheard
