import json
from pathlib import Path
from unittest.mock import Mock

import lightning.pytorch as L
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import roc_auc_score
from squares import FRAME_SIZE, TEST_LABELS

from aed_lightning.callbacks import Evaluation
from aed_lightning.core import FrameScores, RunPaths, UsageError, VideoAnnotations
from aed_lightning.data.module import DataModule
from aed_lightning.metrics import bootstrap_intervals, evaluate
from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.maps import predicted_map
from aed_lightning.scoring.rules import DefaultRule, PaperRule, Rule
from aed_lightning.scoring.smoothing import Smoothing
from aed_lightning.stages import StageOptions, TeacherStage

SIGMA = 1.5
RECORD = {"dataset": "squares", "epoch": 3, "seed": 0, "command": "fit", "commit": None, "device": "cpu", "threads": 1}


def stage_with(rule: Rule) -> TeacherStage:
    torch.manual_seed(0)
    network = AutoEncoder(FRAME_SIZE, 8, encoder_dim=16, encoder_depth=1, decoder_dim=16, teacher_depth=2, heads=2)
    return TeacherStage(network, rule, StageOptions())


def module_of(squares, batch_size: int = 8) -> DataModule:
    module = DataModule(
        "squares",
        root=squares.root,
        store=squares.store,
        frame_size=FRAME_SIZE,
        patch_size=8,
        holdout=1,
        batch_size=batch_size,
    )
    module.prepare_data()
    return module


def run(squares, folder: Path, verb: str = "test", rule: Rule | None = None, batch_size: int = 8) -> Evaluation:
    evaluation = Evaluation(Smoothing(sigma=SIGMA), RunPaths(folder), RECORD)
    trainer = L.Trainer(
        accelerator="cpu",
        logger=False,
        callbacks=[evaluation],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        use_distributed_sampler=False,
    )
    options = {"return_predictions": False} if verb == "predict" else {"verbose": False}
    getattr(trainer, verb)(stage_with(rule or DefaultRule()), module_of(squares, batch_size), **options)
    return evaluation


@pytest.fixture(scope="module")
def tested(squares, tmp_path_factory: pytest.TempPathFactory) -> RunPaths:
    paths = RunPaths(tmp_path_factory.mktemp("tested"))
    run(squares, paths.root)
    return paths


@pytest.fixture(scope="module")
def figures(tested: RunPaths) -> dict:
    return json.loads(tested.metrics.read_text())


@pytest.fixture(scope="module")
def written(tested: RunPaths) -> list[FrameScores]:
    videos = []
    for file in sorted(tested.scores.glob("*.npz")):
        with np.load(file) as columns:
            videos.append(FrameScores(file.stem, **{name: columns[name] for name in columns.files}))
    return videos


def test_metrics_json_has_the_keys_that_other_programs_read(figures: dict):
    top = {"version", "dataset", "split", "stage", "epoch", "seed", "rule", "smoothing", "videos", "frames"}
    assert top | {"per_video", "per_kind", "command", "commit", "seconds", "device", "threads"} <= figures.keys()
    assert figures["smoothing"] == {"sigma": SIGMA}
    assert {"micro_auc", "macro_auc", "skipped_videos", "average_precision", "eer"} <= figures["standard"].keys()
    official = {"micro_auc", "macro_auc_padded", "range", "mu", "per_video_minmax", "variant"}
    assert figures["official"].keys() == official
    assert figures["causal"].keys() == {"micro_auc", "macro_auc"}
    assert "micro_auc" in figures["raw"]
    assert figures["trivial"].keys() == {"mean_motion", "max_motion"}
    assert (figures["version"], figures["split"], figures["stage"], figures["rule"]) == (
        1,
        "test",
        "teacher",
        "default",
    )
    assert (figures["dataset"], figures["videos"], figures["frames"]) == ("squares", 2, 42)


def test_the_scores_carry_frame_index_raw_smoothed_and_label(written: list[FrameScores]):
    assert [video.video for video in written] == sorted(TEST_LABELS)
    for video in written:
        label = TEST_LABELS[video.video]
        np.testing.assert_array_equal(video.label, label)
        np.testing.assert_array_equal(video.frame_index, np.arange(len(label)))
        assert video.raw.dtype == video.smoothed.dtype == np.float64
        np.testing.assert_allclose(video.smoothed, gaussian_filter1d(video.raw, SIGMA), rtol=1e-12)


def test_the_figures_are_those_of_evaluate_on_the_written_scores(figures: dict, written: list[FrameScores]):
    standard = evaluate(written, sigma_frames=SIGMA)
    for key, value in figures["standard"].items():
        assert standard[key] == value, key
    assert bootstrap_intervals(written, sigma_frames=SIGMA) == figures["intervals"]
    official = evaluate(written, "official", range=38, mu=11, per_video_minmax=False, variant="inference")
    assert {key: official[key] for key in figures["official"]} == figures["official"]
    assert evaluate(written, sigma_frames=0.0)["micro_auc"] == figures["raw"]["micro_auc"]
    assert evaluate(written, sigma_frames=SIGMA, causal=True)["macro_auc"] == figures["causal"]["macro_auc"]


def test_the_micro_auc_is_that_of_scikit_learn_on_the_smoothed_scores(figures: dict, written: list[FrameScores]):
    labels, smoothed = (np.concatenate([getattr(video, name) for video in written]) for name in ("label", "smoothed"))
    assert figures["standard"]["micro_auc"] == pytest.approx(roc_auc_score(labels, smoothed), abs=1e-12)
    for entry, video in zip(figures["per_video"], written, strict=True):
        assert (entry["video"], entry["frames"]) == (video.video, len(video.raw))
        assert entry["anomalous"] == int(TEST_LABELS[video.video].sum())
        assert entry["auc"] == pytest.approx(roc_auc_score(video.label, video.smoothed), abs=1e-12)


def test_the_trivial_scores_come_from_the_stored_motion(figures: dict, squares):
    store = module_of(squares).store
    rows = sorted(store.videos("test"), key=lambda row: row.name)
    labels = np.concatenate([TEST_LABELS[row.name] for row in rows])
    patches = {row.name: store.motion(row).reshape(row.frames, 3, 4, 2, 8, 2).max(axis=(3, 5)) for row in rows}
    trivial = {
        "mean_motion": [store.motion(row).mean(axis=(1, 2, 3)) for row in rows],
        "max_motion": [patches[row.name].mean(axis=1).max(axis=(1, 2)) for row in rows],
    }
    for name, scores in trivial.items():
        smoothed = np.concatenate([gaussian_filter1d(video.astype(np.float64), SIGMA) for video in scores])
        assert figures["trivial"][name]["micro_auc"] == pytest.approx(roc_auc_score(labels, smoothed), abs=1e-9)


@pytest.mark.parametrize("rule", [DefaultRule(), PaperRule(filter_size=5)], ids=lambda rule: rule.name)
def test_scores_do_not_depend_on_where_batches_cut_the_videos(squares, tmp_path: Path, rule: Rule):
    scores = []
    for batch_size in (8, 42):
        run(squares, tmp_path / str(batch_size), rule=rule, batch_size=batch_size)
        with np.load(tmp_path / str(batch_size) / "scores" / "stop.npz") as columns:
            scores.append(columns["raw"])
    np.testing.assert_allclose(scores[0], scores[1], atol=1e-5)


@pytest.mark.parametrize(
    "rule",
    [DefaultRule(), DefaultRule(mask_ratio=0.0), DefaultRule(masks=2)],
    ids=["hidden", "all visible", "hidden twice"],
)
def test_the_pictures_show_frames_and_maps_as_the_evaluation_saw_them(squares, tmp_path: Path, monkeypatch, rule: Rule):
    maps, shown = {}, {}
    reconstruct_to_score = TeacherStage.reconstruct_to_score

    def watched(self, batch, with_student):
        reconstruction = reconstruct_to_score(self, batch, with_student)
        for video, frame, inputs, values in zip(
            batch.video, batch.frame_index.tolist(), batch.inputs, predicted_map(reconstruction), strict=True
        ):
            maps[video, frame] = (inputs[3:6].numpy(), values.reshape(self.network.rows, -1).numpy())
        return reconstruction

    def kept(folder, videos, seen):
        for video in videos:
            shown.update({(video.video, frame): seen(video.video, frame) for frame in (0, 1, len(video.raw) - 1)})

    monkeypatch.setattr(TeacherStage, "reconstruct_to_score", watched)
    monkeypatch.setattr("aed_lightning.callbacks.evaluation.write_pictures", kept)
    run(squares, tmp_path, rule=rule)
    assert len(shown) == 6
    for key, (frame, grid) in shown.items():
        np.testing.assert_array_equal(frame, maps[key][0])
        np.testing.assert_allclose(grid, maps[key][1], atol=1e-6)


def test_prediction_writes_scores_and_no_figures(squares, tmp_path: Path, written: list[FrameScores]):
    (tmp_path / "scores").mkdir()
    (tmp_path / "scores" / "gone.npz").write_bytes(b"of a video that is no more")
    run(squares, tmp_path, verb="predict")
    assert {file.stem for file in (tmp_path / "scores").iterdir()} == {video.video for video in written}
    assert not (tmp_path / "metrics.json").exists()
    assert not (tmp_path / "pictures").exists()
    with np.load(tmp_path / "scores" / "leap.npz") as columns:
        np.testing.assert_array_equal(columns["raw"], written[0].raw)


def test_validation_logs_the_micro_auc_of_the_held_out_video(squares, tmp_path: Path):
    evaluation = Evaluation(Smoothing(sigma=SIGMA), RunPaths(tmp_path), RECORD)
    trainer = L.Trainer(
        accelerator="cpu", logger=False, callbacks=[evaluation], enable_progress_bar=False, enable_model_summary=False
    )
    (logged,) = trainer.validate(stage_with(DefaultRule()), module_of(squares), verbose=False)
    videos = evaluation._collector.metrics["model"].videos()
    labels = np.concatenate([video.label for video in videos])
    smoothed = np.concatenate([gaussian_filter1d(video.raw, SIGMA) for video in videos])
    assert logged["val/micro_auc"] == pytest.approx(roc_auc_score(labels, smoothed), abs=1e-6)
    assert logged["val/score"] == logged["val/micro_auc"]
    grades = [grade for video in videos for grade in evaluation._dataset.kinds(video.video)]
    shown = {grade for grade, label in zip(grades, labels, strict=True) if label and grade}
    assert shown
    for grade in shown:
        against = np.array([not label or kind == grade for kind, label in zip(grades, labels, strict=True)])
        expected = roc_auc_score(labels[against], smoothed[against])
        assert logged[f"val/{grade}_auc"] == pytest.approx(expected, abs=1e-6)
    assert list(tmp_path.iterdir()) == []


def test_kinds_of_anomaly_are_told_where_the_labels_name_them(squares, tmp_path: Path, monkeypatch):
    names = {name: ["" if value == 0 else name for value in label] for name, label in TEST_LABELS.items()}
    monkeypatch.setattr("aed_lightning.data.store.Store.kinds", lambda store, row: names[row.name])
    figures = run(squares, tmp_path).figures
    assert {kind: values["frames"] for kind, values in figures["per_kind"].items()} == {"stop": 7, "leap": 10}
    with np.load(tmp_path / "scores" / "stop.npz") as stop, np.load(tmp_path / "scores" / "leap.npz") as leap:
        normal = np.concatenate([part["smoothed"][part["label"] == 0] for part in (stop, leap)])
        of_kind = stop["smoothed"][stop["label"] == 1]
    expected = roc_auc_score(np.repeat([0, 1], [len(normal), len(of_kind)]), np.concatenate([normal, of_kind]))
    assert figures["per_kind"]["stop"]["auc"] == pytest.approx(expected, abs=1e-12)


def test_a_rule_that_needs_whole_videos_is_refused_on_two_processes(tmp_path: Path):
    evaluation = Evaluation(Smoothing(), RunPaths(tmp_path), RECORD)
    with pytest.raises(UsageError, match="'paper' filters over time: evaluate it on one process"):
        evaluation.setup(Mock(spec=L.Trainer, world_size=2), stage_with(PaperRule()), "test")
    evaluation.setup(Mock(spec=L.Trainer, world_size=1), stage_with(PaperRule()), "test")
    evaluation.setup(Mock(spec=L.Trainer, world_size=2), stage_with(DefaultRule()), "test")


@pytest.mark.parametrize("processes", [1, 2])
def test_boxes_and_pixels_are_for_one_process_and_several_are_told_so(tmp_path: Path, processes: int):
    stop = VideoAnnotations("stop", 20, FRAME_SIZE, None, lambda: [], None)
    evaluation = Evaluation(Smoothing(), RunPaths(tmp_path), RECORD, lambda: [stop])
    trainer = Mock(spec=L.Trainer, world_size=processes, test_dataloaders=Mock(dataset=Mock(video_names=["stop"])))
    evaluation.on_test_epoch_start(trainer, stage_with(DefaultRule()))
    assert (evaluation._localization is None) == (processes > 1)
    told = "".join(call.args[0] for call in trainer.print.call_args_list)
    assert ("on one process only: localization is left out" in told) == (processes > 1)


def test_a_run_that_is_killed_before_its_pictures_has_no_figures_yet(squares, tmp_path: Path, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aed_lightning.callbacks.evaluation.write_pictures", killed)
    with pytest.raises(SystemExit):
        run(squares, tmp_path)
    assert list((tmp_path / "scores").iterdir())
    assert not RunPaths(tmp_path).metrics.exists()
