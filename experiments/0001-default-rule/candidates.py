"""Validation AUC of candidate scores: python candidates.py --config CONFIG --run_dir RUN

Reads held-out training videos only, clean and with events of the validation source pasted in, with several draws of the
events; no test video. Motion weights are no candidate: where something is pasted they contain the answer.
"""

import sys
from collections.abc import Callable, Iterator

import numpy as np
import torch

from aed_lightning.cli.training import AedCLI
from aed_lightning.core import FrameScores
from aed_lightning.metrics import evaluate
from aed_lightning.model.weights import read_checkpoint
from aed_lightning.scoring.maps import predicted_map, student_difference, teacher_difference

DRAWS = 4
TOPS = (1, 2, 4, 8, 16, 32)
SIGMA = 5.0


def components(cli: AedCLI) -> Iterator[tuple[str, int, int, dict[str, float]]]:
    """Video, frame, label and every component of each validation frame."""
    stage = cli.build_stage("student").eval()
    patch, data = cli.network.patch_size, cli.datamodule
    data.batch_size = 32
    for draw in range(DRAWS):
        data.seed = draw
        for clips in data.val_dataloader():
            batch = data.finish(clips)
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                output = stage.reconstruct(batch, True, cli.rule.mask_ratio)
            error = teacher_difference(batch.inputs, output, patch).unflatten(2, (-1, 4))[..., :3].square().mean((2, 3))
            gap = student_difference(output).unflatten(2, (-1, 4)).abs().mean(2)
            maps = {
                "map": predicted_map(output),
                "error": error,
                "map_gap": gap[..., 3],
                "color_gap": gap[..., :3].mean(2),
                "gap": gap.mean(2),
            }
            columns = {"head": output.class_logit.float().sigmoid()}
            for name, tokens in maps.items():
                columns[f"{name}_mean"] = tokens.mean(1)
                columns |= {f"{name}_top{top}": tokens.topk(top, dim=1).values.mean(1) for top in TOPS}
            for row, video in enumerate(batch.video):
                values = {name: float(column[row]) for name, column in columns.items()}
                yield f"{video}#{draw}", int(batch.frame_index[row]), int(batch.label[row]), values


def auc(videos: dict[str, list], score: Callable[[dict[str, float]], float], sigma: float) -> float:
    """Micro AUC of a score made of components."""
    scores = [
        FrameScores(
            video,
            np.array([frame for frame, _, _ in frames]),
            np.array([score(values) for _, _, values in frames]),
            label=np.array([label for _, label, _ in frames]),
        )
        for video, frames in videos.items()
    ]
    return evaluate(scores, sigma_frames=sigma)["micro_auc"]


def main() -> None:
    cli = AedCLI(sys.argv[1:], "candidates")
    cli.datamodule.prepare_data()
    for name in ("teacher", "student"):
        if cli.paths.last_checkpoint(name).is_file():
            cli.network.load_state_dict(read_checkpoint(cli.paths.last_checkpoint(name))[1])
    videos: dict[str, list] = {}
    for video, frame, label, values in components(cli):
        videos.setdefault(video, []).append((frame, label, values))
    names = next(iter(videos.values()))[0][2]
    scores = {name: lambda values, name=name: values[name] for name in names}
    for top in TOPS:
        for head in (0.0, 0.25, 0.5, 1.0):
            for gap in (0.0, 0.5, 1.0):
                scores[f"map_top{top} + {head} head + {gap} gap"] = lambda v, t=top, h=head, g=gap: (
                    v[f"map_top{t}"] + h * v["head"] + g * v[f"gap_top{t}"]
                )
    results = {name: (auc(videos, score, 0.0), auc(videos, score, SIGMA)) for name, score in scores.items()}
    for name, (raw, smoothed) in sorted(results.items(), key=lambda item: -item[1][1]):
        print(f"{name:<40} raw {raw:.4f}  smoothed {smoothed:.4f}")


if __name__ == "__main__":
    main()
