import json
from pathlib import Path

import numpy as np
import pytest
from refusals import assert_refused
from sklearn.metrics import average_precision_score, roc_auc_score


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Scores of two videos and their labels, of which one video is normal."""
    generator = np.random.default_rng(0)
    for name, label in (("01", np.repeat([0, 1, 0], [20, 10, 15])), ("02", np.zeros(30, int))):
        for folder, column in (("scores", generator.random(len(label)) + 0.3 * label), ("labels", label)):
            (tmp_path / folder).mkdir(exist_ok=True)
            np.save(tmp_path / folder / f"{name}.npy", column)
    return tmp_path / "scores", tmp_path / "labels"


@pytest.fixture
def evaluate(command, folders, tmp_path: Path):
    def run(*arguments: object):
        outcome = command("evaluate", "--scores", folders[0], "--labels", folders[1], *arguments)
        assert outcome.code == 0 or outcome.output == ""
        return outcome

    return run


def test_the_scores_of_a_run_give_the_figures_of_the_run(command, trained: Path, tmp_path: Path):
    metrics = json.loads((trained / "metrics.json").read_text())
    file = tmp_path / "figures.json"
    places = ("--scores", trained / "scores", "--labels", trained / "scores")
    outcome = command("evaluate", *places, "--sigma", metrics["smoothing"]["sigma"], "--json", file)
    assert outcome.code == 0, outcome
    found = json.loads(file.read_text())
    for key in ("standard", "official", "intervals", "videos", "frames"):
        assert found[key] == metrics[key], key
    assert [{**video, "auc_padded": None} for video in metrics["per_video"]] == [
        {**video, "auc_padded": None} for video in sorted(found["per_video"], key=lambda video: video["video"])
    ]
    for figure in (metrics["standard"]["micro_auc"], metrics["official"]["macro_auc_padded"]):
        assert f"{figure:.4f}" in outcome.output


def test_scores_of_another_program_are_those_of_scikit_learn_without_smoothing(evaluate, folders, tmp_path: Path):
    outcome = evaluate("--json", tmp_path / "figures.json")
    assert outcome.code == 0, outcome
    found = json.loads((tmp_path / "figures.json").read_text())
    scores, labels = (np.concatenate([np.load(folder / f"{n}.npy") for n in ("01", "02")]) for folder in folders)
    assert found["standard"]["micro_auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    expected = average_precision_score(labels, scores)
    assert found["standard"]["average_precision"] == pytest.approx(expected, abs=1e-12)
    assert found["standard"]["skipped_videos"] == ["02"]
    assert "without an AUC: 02" in outcome.output
    assert "only 2 videos: the intervals are too narrow" in outcome.output
    for text in ("sigma 0", "range 38, mu 11, inference", f"{expected:.4f}"):
        assert text in outcome.output


@pytest.mark.parametrize(
    ("protocol", "there", "absent"), [("standard", "auc", "official"), ("official", "auc_padded", "standard")]
)
def test_one_protocol_alone(evaluate, tmp_path: Path, protocol: str, there: str, absent: str):
    file = tmp_path / "figures.json"
    outcome = evaluate("--protocol", protocol, "--range", 10, "--mu", 2.5, "--per-video-minmax", "--json", file)
    assert outcome.code == 0, outcome
    found = json.loads(file.read_text())
    assert absent not in found
    assert absent not in outcome.output
    assert there in found["per_video"][0]
    assert found[protocol]["per_video_minmax"] is True
    assert "per-video min-max" in outcome.output


def test_frames_without_a_score_are_told(evaluate, folders, tmp_path: Path):
    (folders[0] / "01.npy").unlink()
    np.savez(folders[0] / "01.npz", raw=np.arange(41.0), frame_index=np.arange(4, 45))
    outcome = evaluate("--json", tmp_path / "figures.json")
    assert "4 labeled frames have no score and were left out" in outcome.output
    assert json.loads((tmp_path / "figures.json").read_text())["frames_without_score"] == 4


def test_the_help_says_what_the_files_are(command):
    outcome = command("evaluate", "--help")
    assert outcome.code == 0
    for word in ("--scores DIR", "--per-video-minmax", "frame_index", "docs/evaluation.md"):
        assert word in outcome.output


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--sigma", "-1"), "smoothing sigma -1.0: give a number of frames"),
        (("--sigma", "nan"), "smoothing sigma nan"),
        (("--range", 39), "--range 39: give an even number"),
        (("--range", 0), "--range 0: give an even number"),
        (("--mu", 0), "official mu 0.0: give a standard deviation"),
        (("--protocol", "paper"), "invalid choice: 'paper'"),
        (("--sigmas", 3), "unrecognized arguments: --sigmas"),
    ],
)
def test_wrong_usage(evaluate, arguments, part: str):
    assert_refused(evaluate(*arguments), 2, part)


def test_scores_are_required(command):
    assert_refused(command("evaluate", "--labels", "x"), 2, "required: --scores")


def test_a_folder_that_is_not_there(command, folders, tmp_path: Path):
    outcome = command("evaluate", "--scores", tmp_path / "nowhere", "--labels", folders[1])
    assert_refused(outcome, 1, "nowhere does not exist; give a folder")


def test_files_that_do_not_fit_are_all_named(evaluate, folders, tmp_path: Path):
    np.save(folders[0] / "03.npy", np.zeros(5))
    np.save(folders[1] / "01.npy", np.zeros(44))
    outcome = evaluate("--json", tmp_path / "figures.json")
    assert_refused(outcome, 1, "2 problems", "03.npy: no labels of that name", "01.npy: 45 scores for 44 labels")
    assert not (tmp_path / "figures.json").exists()


@pytest.mark.parametrize("protocol", ["standard", "official", "both"])
def test_labels_that_are_masks(evaluate, folders, protocol: str):
    np.save(folders[1] / "01.npy", np.repeat([0, 255, 0], [20, 10, 15]))
    assert_refused(evaluate("--protocol", protocol), 1, "video '01'", "label", "255")


def test_scores_that_are_no_number(evaluate, folders):
    np.save(folders[0] / "02.npy", np.full(30, np.nan))
    assert_refused(evaluate(), 1, "video '02': the score of frame 0 is nan")
    assert evaluate("--protocol", "official").code == 0


def test_labels_of_one_class(evaluate, folders):
    np.save(folders[1] / "01.npy", np.zeros(45))
    assert_refused(evaluate(), 1, "all 75 frames have label 0")


def test_a_min_max_that_would_divide_by_zero(evaluate, folders):
    np.save(folders[0] / "02.npy", np.full(30, 0.5))
    assert_refused(evaluate("--per-video-minmax"), 1, "video '02': all smoothed scores are 0.5")


def test_scores_of_every_fifth_frame_are_smoothed_all_the_same(command, folders, tmp_path: Path):
    """As `score --stride 5` leaves them; sigma counts frames of the video."""
    import scipy.ndimage

    scores, labels = folders
    expected = []
    for name in ("01", "02"):
        every = np.load(scores / f"{name}.npy")[::5]
        (scores / f"{name}.npy").unlink()
        lines = [f"{5 * place},{value!r}" for place, value in enumerate(every.tolist())]
        (scores / f"{name}.csv").write_text("frame,raw\n" + "\n".join(lines) + "\n")
        expected.append(scipy.ndimage.gaussian_filter1d(every, 2.0))
    file = tmp_path / "figures.json"
    outcome = command("evaluate", "--scores", scores, "--labels", labels, "--sigma", 10, "--json", file)
    assert outcome.code == 0, outcome
    found = json.loads(file.read_text())["standard"]
    truth = np.concatenate([np.load(labels / f"{name}.npy")[::5] for name in ("01", "02")])
    assert found["stride"] == 5
    assert found["micro_auc"] == pytest.approx(roc_auc_score(truth, np.concatenate(expected)), abs=1e-12)


def test_a_gaussian_over_frames_of_which_none_are_neighbors_is_refused(command, folders):
    scores, labels = folders
    for name, stride in (("01", 2), ("02", 3)):
        every = np.load(scores / f"{name}.npy")[::stride]
        (scores / f"{name}.npy").unlink()
        lines = [f"{stride * place},{value!r}" for place, value in enumerate(every.tolist())]
        (scores / f"{name}.csv").write_text("frame,raw\n" + "\n".join(lines) + "\n")
    places = ("--scores", scores, "--labels", labels, "--protocol", "standard")
    assert_refused(command("evaluate", *places, "--sigma", 5), 2, "--sigma 5: no two scored frames of 01 are neighbors")
    assert command("evaluate", *places).code == 0
