"""What the module does for sources that cut objects out of the training videos."""

import fcntl
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from squares import FRAME_SIZE, TRAIN_FRAMES, write_video

from aed_lightning.anomalies import AnomalySource, Mixed, ProceduralTraining, SelfCut
from aed_lightning.anomalies.bank import Bank, write_bank
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.pasting import RandomPasting
from aed_lightning.core import DataError, UsageError
from aed_lightning.core.clip import PastePlan
from aed_lightning.data import banks as banks_file
from aed_lightning.data.clips import ClipKey
from aed_lightning.data.finish import ANOMALY_MOTION
from aed_lightning.data.module import DataModule


def module_of(
    root: Path, store: Path, anomalies: AnomalySource | None = None, cut: bool = True, **options
) -> DataModule:
    module = DataModule(
        "squares",
        root=root,
        store=store,
        anomalies=anomalies or SelfCut(),
        **{"frame_size": FRAME_SIZE, "patch_size": 8, "holdout": 1, "augmentation_percentage": 100.0, **options},
    )
    module.prepare_data()
    if cut:
        module.cut_objects()
    return module


@pytest.fixture
def cuts(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folder of every bank that is cut."""
    folders = []

    def recording(folder: Path, *arguments) -> None:
        folders.append(folder)
        write_bank(folder, *arguments)

    monkeypatch.setattr(banks_file, "write_bank", recording)
    return folders


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def bank_of(module: DataModule) -> Bank:
    module.train_dataloader()
    assert isinstance(module.anomalies, SelfCut)
    assert module.anomalies._bank is not None
    return module.anomalies._bank


def same_plan(one: PastePlan, other: PastePlan) -> bool:
    assert one.anomaly is not None
    assert other.anomaly is not None
    return all(
        np.array_equal(a.image, b.image) and np.array_equal(a.alpha, b.alpha) and (a.top, a.left) == (b.top, b.left)
        for a, b in zip(one.anomaly, other.anomaly, strict=True)
    )


def test_a_bank_is_cut_once_below_the_store_and_then_reused(squares, store: Path, cuts: list[Path]):
    module = module_of(squares.root, store)
    assert [folder.parent for folder in cuts] == [store / "banks"]
    assert cuts[0].name.startswith("self-")
    assert bank_of(module).folder == cuts[0]
    module.cut_objects()
    assert bank_of(module_of(squares.root, store)).folder == cuts[0]
    assert len(cuts) == 1


def test_sources_that_cut_nothing_have_no_bank(squares, store: Path):
    module_of(squares.root, store, ProceduralTraining()).train_dataloader()
    assert not (store / "banks").exists()


def test_sources_of_a_mixture_share_a_bank_where_they_cut_alike(squares, store: Path, cuts: list[Path]):
    alike, again, other = SelfCut(), SelfCut(changes=("larger",)), SelfCut(cutting=Cutting(shortest=5))
    mixed = Mixed([ProceduralTraining(), alike, Mixed([again, other], [1.0, 1.0])], [1.0, 1.0, 1.0])
    module_of(squares.root, store, mixed).train_dataloader()
    assert len(cuts) == len(set(cuts)) == 2
    assert [source._bank.folder for source in (alike, again, other)] == [cuts[0], cuts[0], cuts[1]]  # type: ignore[union-attr]


@pytest.mark.parametrize(("holdout", "held"), [(0, set()), (1, {3}), (2, {2, 4})])
def test_a_bank_has_the_objects_of_the_videos_that_train_and_of_no_others(
    squares, store: Path, holdout: int, held: set[int]
):
    bank = bank_of(module_of(squares.root, store, holdout=holdout))
    names = [f"walk{number}" for number in range(1, 5) if number not in held]
    assert json.loads((bank.folder / "manifest.json").read_text())["videos"] == names
    # Each square walks at a height of its own, which the compression moves by a pixel; those of the test videos at 12.
    tops = np.array([bank.cutout(number, 0).center[1] - 3.5 for number in range(len(bank))])
    numbers = np.round((tops - 4) / 5) + 1
    assert set(numbers.astype(int).tolist()) == set(range(1, 5)) - held
    assert np.abs(tops - 4 - 5 * (numbers - 1)).max() <= 1


def test_the_bank_has_another_name_when_other_videos_are_held_out(squares, store: Path, cuts: list[Path]):
    folders = [bank_of(module_of(squares.root, store, holdout=holdout)).folder for holdout in (0, 1, 2, 1)]
    assert len(set(folders)) == 3
    assert folders[3] == folders[1]
    assert len(cuts) == 3


def test_the_bank_is_cut_anew_when_a_training_video_or_the_frame_size_has_changed(tmp_path: Path, cuts: list[Path]):
    root, store = tmp_path / "data", tmp_path / "store"
    for number in range(3):
        write_video(root / "train" / f"v{number}.avi", list(range(2, 30)), top=4 + 6 * number)
    module_of(root, store)
    write_video(root / "train" / "v0.avi", list(range(2, 31)), top=4)
    module_of(root, store)
    bank = bank_of(module_of(root, store, frame_size=(16, 32), cell=2))
    assert bank.frame_size == (16, 32)
    assert len(cuts) == len(set(cuts)) == 3


def test_videos_in_which_nothing_moves_are_refused_and_leave_no_bank(tmp_path: Path):
    for number in range(2):
        write_video(tmp_path / "data/train" / f"v{number}.avi", [20] * 20, top=4)
    for _ in range(2):
        with pytest.raises(DataError, match="nothing moves in 1 training videos"):
            module_of(tmp_path / "data", tmp_path / "store")
    assert not list((tmp_path / "store").rglob("banks/*/manifest.json"))


def test_too_few_videos_to_train_on_can_still_be_scored(squares, store: Path):
    module = module_of(squares.root, store, cut=False, holdout=4)
    assert len(module.test_dataloader().dataset) == 42
    with pytest.raises(DataError, match=r"data\.holdout 4"):
        module.train_dataloader()


def test_a_bank_that_is_gone_is_missed_before_training(squares, store: Path, cuts: list[Path]):
    module = module_of(squares.root, store)
    (cuts[0] / "pixels.u8").unlink()
    with pytest.raises(DataError, match=f"{cuts[0].name} holds no whole bank"):
        module.train_dataloader()


def test_the_banks_are_locked_while_one_is_cut(squares, store: Path, monkeypatch: pytest.MonkeyPatch):
    found = []

    def cut_while_another_prepares(folder: Path, *arguments) -> None:
        with (store / "banks/.lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found.append(folder)
        write_bank(folder, *arguments)

    monkeypatch.setattr(banks_file, "write_bank", cut_while_another_prepares)
    module_of(squares.root, store)
    assert len(found) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_pasted_has_the_channels_of_the_store_and_sets_the_map(squares, store: Path, channels: int):
    module = module_of(squares.root, store, channels=channels, batch_size=20)
    clips = next(iter(module.train_dataloader()))
    assert {sprite.image.shape[0] for plan in clips.pasted for sprite in plan.anomaly or ()} == {channels}
    batch = module.finish(clips)
    assert batch.inputs.shape == (20, 9, *FRAME_SIZE)
    assert batch.pasted.all()
    assert (batch.anomaly_map.flatten(1).sum(dim=1) >= 4).all()


def test_what_is_cut_and_pasted_is_a_function_of_seed_video_frame_and_epoch(squares, store: Path):
    bank = bank_of(module_of(squares.root, store))

    def plan(seed: int, video: str, frame: int, epoch: int) -> PastePlan:
        source = SelfCut()
        source.use(bank)
        pasting = RandomPasting(source, 100.0, FRAME_SIZE, 3, seed)
        pasting.plan("other", (5, 5, 5), 0)
        return pasting.plan(video, (frame - 3, frame, frame + 3), epoch)

    first = plan(0, "walk", 9, 2)
    assert same_plan(first, plan(0, "walk", 9, 2))
    for other in ((1, "walk", 9, 2), (0, "run", 9, 2), (0, "walk", 8, 2), (0, "walk", 9, 3)):
        assert not same_plan(first, plan(*other))


def test_the_bank_travels_to_a_worker_which_pastes_the_same(squares, store: Path):
    mixed = Mixed([SelfCut(), ProceduralTraining()], [3.0, 1.0])
    alone, spawned = (
        module_of(squares.root, store, mixed, workers=workers, batch_size=28).train_dataloader() for workers in (0, 1)
    )
    compared = 0
    for expected, found in zip(alone, spawned, strict=True):
        assert expected.video == found.video
        assert expected.frame_index.equal(found.frame_index)
        for one, other in zip(expected.pasted, found.pasted, strict=True):
            assert same_plan(one, other)
            compared += 1
    assert compared == 3 * TRAIN_FRAMES


def test_the_dataset_travels_without_the_pixels_of_the_bank(squares, store: Path):
    dataset = module_of(squares.root, store).train_dataloader().dataset
    before = len(pickle.dumps(dataset))
    dataset[ClipKey(5, 0)]
    assert len(pickle.dumps(dataset)) == before


def test_nothing_is_cut_where_nothing_is_pasted_or_trained(squares, store: Path):
    module_of(squares.root, store, augmentation_percentage=0.0).train_dataloader()
    module_of(squares.root, store, cut=False).test_dataloader()
    assert not (store / "banks").exists()


def test_what_a_killed_cutting_left_is_removed(squares, store: Path):
    left = store / "banks/self-0/.pixels.u8.1.partial"
    left.parent.mkdir(parents=True)
    left.touch()
    module_of(squares.root, store)
    assert not left.exists()


def test_preparing_leaves_a_bank_that_is_being_cut_alone(squares, store: Path):
    module_of(squares.root, store, cut=False)
    cutting = store / "banks/self-0/.pixels.u8.1.partial"
    cutting.parent.mkdir(parents=True)
    cutting.touch()
    module_of(squares.root, store, cut=False)
    assert cutting.exists()


def test_validation_cuts_from_the_held_out_videos_and_training_from_the_others(squares, store: Path):
    source = SelfCut()
    module = module_of(squares.root, store, source, validation_anomalies=Mixed([source], [1.0]))
    module.train_dataloader()
    module.val_dataloader()
    (validation,) = module.validation_anomalies.sources
    names = {
        part: json.loads((bank.folder / "manifest.json").read_text())["videos"]
        for part, bank in (("train", module.anomalies.bank), ("val", validation.bank))
    }
    training, held = ([row.name for row in rows] for rows in module.training_rows())
    assert names == {"train": training, "val": held}


def test_cut_events_of_validation_are_graded_by_what_has_happened_to_them(squares, store: Path):
    validation = SelfCut(changes=("larger", "turned"), change_share=0.0)
    module = module_of(squares.root, store, validation_anomalies=validation, validation_copies=12)
    dataset = module.val_dataloader().dataset
    kinds = {kind for view in dataset.video_names for kind in dataset.kinds(view)}
    assert kinds == {"", "larger", "turned"}


def test_no_bank_is_cut_for_a_validation_without_videos(squares, store: Path, cuts: list[Path]):
    module_of(squares.root, store, ProceduralTraining(), validation_anomalies=SelfCut(), holdout=0)
    assert cuts == []


def test_decoys_are_pasted_into_their_share_of_the_clips_and_are_no_anomalies(squares, store: Path):
    module = module_of(squares.root, store, augmentation_percentage=0.0, decoy_percentage=100.0, batch_size=20)
    clips = next(iter(module.train_dataloader()))
    assert all(plan.decoy and not plan.anomaly for plan in clips.pasted)
    batch = module.finish(clips)
    assert not batch.pasted.any()
    assert batch.motion.amax(dim=1).min() >= ANOMALY_MOTION


def test_validation_shows_decoys_between_the_events_it_cuts_and_counts_them_as_normal(squares, store: Path):
    dataset = module_of(squares.root, store, validation_anomalies=SelfCut()).val_dataloader().dataset
    clips = [dataset[ClipKey(number, 0)] for number in range(len(dataset))]
    assert all(clip.label == 0 for clip in clips if clip.pasted.decoy)
    pasted = [bool(clip.pasted.anomaly) - bool(clip.pasted.decoy) for clip in clips if clip.pasted]
    assert 0 < pasted.count(-1) <= pasted.count(1)


def test_decoys_without_a_source_that_cuts_are_refused():
    with pytest.raises(UsageError, match=r"data.decoy_percentage 30.0: decoys are cut .* add SelfCut"):
        DataModule("squares", anomalies=ProceduralTraining(), decoy_percentage=30.0)
    with pytest.raises(UsageError, match=r"data.decoy_percentage 101.0 is not between 0 and 100"):
        DataModule("squares", anomalies=SelfCut(), decoy_percentage=101.0)
