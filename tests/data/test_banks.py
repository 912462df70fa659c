import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from miniatures import write_abnormal_training
from squares import FRAME_SIZE

from aed_lightning.anomalies import Mixed, SelfCut, UBnormalObjects
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.cli.training import AedCLI
from aed_lightning.core import DataError, UsageError
from aed_lightning.data.clips import ClipKey
from aed_lightning.data.layouts.ubnormal import abnormal_training_videos
from aed_lightning.data.module import DataModule

NAME = "abnormal_scene_3_scenario_2"
CUTTING = Cutting(least_share=0.004, shortest=3, most_share=0.3)


def objects(root: Path, **options) -> UBnormalObjects:
    return UBnormalObjects(**{"root": root, "least_pixels": 60, "most_share": 0.1, **options})


def module_of(squares, store: Path, anomalies, **options) -> DataModule:
    module = DataModule(
        "squares", root=squares.root, store=store, frame_size=FRAME_SIZE, patch_size=8, holdout=1, batch_size=8,
        anomalies=anomalies, augmentation_percentage=100.0, **options,
    )  # fmt: skip
    module.prepare_data()
    module.cut_objects()
    return module


@pytest.fixture
def ubnormal(tmp_path) -> Path:
    return write_abnormal_training(tmp_path / "ubnormal")


def test_training_pastes_what_ubnormal_annotates(squares, ubnormal, tmp_path):
    module = module_of(squares, tmp_path / "store", objects(ubnormal))
    dataset = module.train_dataloader().dataset
    clips = [dataset[ClipKey(number, 0)] for number in range(0, 80, 7)]
    assert all(clip.pasted for clip in clips)
    for clip in clips:
        sprite = clip.pasted.anomaly[1]
        solid = np.argwhere(sprite.alpha > 127) + np.array([sprite.top, sprite.left])
        # An object of 8x8 in a video of 48x64, at 32x64 and always in the same rows.
        assert 30 <= len(solid) <= 48
        assert 2 <= solid[:, 0].min() <= solid[:, 0].max() <= 8
        assert np.ptp(sprite.image.astype(int), axis=0).max() == 0


def test_the_bank_names_its_bytes_and_is_cut_once(squares, ubnormal, tmp_path):
    module_of(squares, tmp_path / "store", objects(ubnormal))
    (manifest_file,) = (tmp_path / "store/banks").glob("ubnormal-*/manifest.json")
    manifest, before = json.loads(manifest_file.read_text()), manifest_file.stat().st_mtime_ns
    video = ubnormal / f"Scene3/{NAME}.mp4"
    assert manifest["videos"] == [NAME]
    assert manifest["tracks"] == 1
    assert manifest["sources"][f"Scene3/{NAME}.mp4"] == hashlib.sha256(video.read_bytes()).hexdigest()
    assert f"Scene3/{NAME}_annotations" in manifest["sources"]
    module_of(squares, tmp_path / "store", objects(ubnormal))
    assert manifest_file.stat().st_mtime_ns == before
    tracks = ubnormal / f"Scene3/{NAME}_annotations/{NAME}_tracks.txt"
    tracks.write_text("7,0,9\n")
    module_of(squares, tmp_path / "store", objects(ubnormal))
    assert len(list((tmp_path / "store/banks").glob("ubnormal-*/manifest.json"))) == 2


def test_only_the_training_list_is_cut(squares, ubnormal, tmp_path):
    (ubnormal / "abnormal_test_video_names.txt").write_text("abnormal_scene_9_scenario_9\n")
    assert [video.name for video in abnormal_training_videos(ubnormal)] == [NAME]
    for other in ("validation", "test"):
        (ubnormal / f"abnormal_{other}_video_names.txt").write_text(f"{NAME}.mp4\n")
    with pytest.raises(DataError) as refusal:
        module_of(squares, tmp_path / "store", objects(ubnormal))
    for other in ("validation", "test"):
        message = f"abnormal_training_video_names.txt and abnormal_{other}_video_names.txt both name '{NAME}'"
        assert message in str(refusal.value)


def test_self_cut_takes_nothing_from_held_out_or_test_videos(squares, tmp_path):
    module = module_of(squares, tmp_path / "store", SelfCut(cutting=CUTTING))
    (manifest_file,) = (tmp_path / "store/banks").glob("self-*/manifest.json")
    training, held_out = module.training_rows()
    assert json.loads(manifest_file.read_text())["videos"] == [row.name for row in training]
    assert held_out


def test_sources_are_mixed_and_each_has_its_bank(squares, ubnormal, tmp_path):
    mixed = Mixed([SelfCut(cutting=CUTTING), objects(ubnormal)], [0.5, 0.5])
    dataset = module_of(squares, tmp_path / "store", mixed).train_dataloader().dataset
    assert len(list((tmp_path / "store/banks").glob("*/manifest.json"))) == 2
    assert all(dataset[ClipKey(number, 0)].pasted for number in range(20))


def test_validation_may_paste_them_instead(squares, ubnormal, tmp_path):
    module = module_of(squares, tmp_path / "store", None, validation_anomalies=objects(ubnormal))
    labels = [int(label) for clips in module.val_dataloader() for label in clips.label]
    assert set(labels) == {0, 1}


def test_testing_needs_no_objects_to_paste(squares, tmp_path):
    module = DataModule(
        "squares", root=squares.root, store=tmp_path / "store", frame_size=FRAME_SIZE, patch_size=8,
        anomalies=UBnormalObjects(tmp_path / "nowhere"),
    )  # fmt: skip
    module.prepare_data()
    assert len(module.test_dataloader().dataset) == 42


def test_a_root_without_ubnormal_says_what_is_expected_and_where_to_ask(squares, tmp_path):
    with pytest.raises(
        DataError, match=r"(?s)nowhere does not exist\. Expected.*_gt\.png.*UBnormal authors.*UBnormalObjects"
    ):
        module_of(squares, tmp_path / "store", objects(tmp_path / "nowhere"))


def test_objects_without_annotation_images_cannot_be_cut(ubnormal):
    for image in (ubnormal / f"Scene3/{NAME}_annotations").glob("*.png"):
        image.unlink()
    with pytest.raises(DataError, match=rf"no masks \(_gt\.png\) of {NAME}"):
        abnormal_training_videos(ubnormal)


def test_a_track_that_leaves_its_video_is_refused(squares, tmp_path):
    root = write_abnormal_training(tmp_path / "ubnormal", "7,0,19\n7,18,20\n")
    with pytest.raises(DataError, match=r"ends at frame 20 \(0-based\) of 20 frames"):
        module_of(squares, tmp_path / "store", objects(root))
    assert not list((tmp_path / "store/banks").glob("*/manifest.json"))


def test_objects_of_no_size_to_paste_are_named_with_what_to_change(squares, ubnormal, tmp_path):
    with pytest.raises(
        DataError, match=r"no object of 1 abnormal training videos .* lower least_pixels or raise most_share"
    ):
        module_of(squares, tmp_path / "store", objects(ubnormal, least_pixels=65))


def test_a_configuration_names_the_source(squares, tmp_path):
    (tmp_path / "ubnormal.yaml").write_text(
        "data:\n  anomalies:\n    class_path: aed_lightning.anomalies.UBnormalObjects\n"
        "    init_args:\n      root: data/ubnormal\n      color: keep\n"
    )
    cli = AedCLI(["--config", str(squares.config), "--config", str(tmp_path / "ubnormal.yaml")], "fit")
    source = cli.datamodule.anomalies
    assert isinstance(source, UBnormalObjects)
    assert (source.root, source.cutting.color, source.cutting.least_pixels) == (Path("data/ubnormal"), "keep", 267)


def test_an_unknown_color_is_a_usage_error(squares):
    option = "--data.anomalies=aed_lightning.anomalies.UBnormalObjects"
    with pytest.raises((UsageError, SystemExit)):
        AedCLI(["--config", str(squares.config), option, "--data.anomalies.color=blue"], "fit")


def test_the_frames_are_those_of_the_store(squares, ubnormal, tmp_path):
    module = module_of(squares, tmp_path / "store", objects(ubnormal, color="keep"))
    dataset = module.train_dataloader().dataset
    sprite = dataset[ClipKey(0, 0)].pasted.anomaly[1]
    middle = sprite.image[:, sprite.alpha.shape[0] // 2, sprite.alpha.shape[1] // 2]
    assert np.abs(middle.astype(int) - np.array([200, 30, 90])).max() < 25
