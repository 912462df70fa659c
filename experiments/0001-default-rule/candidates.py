"""Validation AUC of candidate scores, for weights of one run: python candidates.py RUN_CONFIG --run_dir RUN

Reads held-out training videos only, with and without pasted anomalies of the validation source; no test video.
"""

import sys
from collections.abc import Iterator

import numpy as np
import torch

from aed_lightning.cli.training import AedCLI
from aed_lightning.core import FrameScores
from aed_lightning.metrics import evaluate
from aed_lightning.model.weights import read_checkpoint
from aed_lightning.scoring.maps import predicted_map, student_difference, teacher_difference


def frame_components(cli: AedCLI) -> Iterator[tuple[str, int, int, dict[str, float]]]:
    """Video, frame, label and every candidate component of each validation frame."""
    stage = cli.build_stage("student").eval()
    patch = cli.network.patch_size
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        for clips in cli.datamodule.val_dataloader():
            batch = cli.datamodule.finish(clips)
            output = stage.reconstruct(batch, with_student=True)
            error = teacher_difference(batch, output, patch).unflatten(2, (-1, 4)).square().mean(2)
            gap = student_difference(output).unflatten(2, (-1, 4)).abs().mean(2)
            color, map_gap, color_gap = error[..., :3].mean(2), gap[..., 3], gap[..., :3].mean(2)
            maps = {"map": predicted_map(output), "error": color, "map_gap": map_gap, "color_gap": color_gap}
            columns = {"head": output.class_logit.float().sigmoid(), "head_logit": output.class_logit.float()}
            for name, tokens in maps.items():
                columns[f"{name}_mean"] = tokens.mean(1)
                columns[f"{name}_motion"] = (tokens * batch.token_weights).sum(1)
                for top in (1, 2, 4, 8, 16):
                    columns[f"{name}_top{top}"] = tokens.topk(top, dim=1).values.mean(1)
            for row, (video, frame, label) in enumerate(zip(batch.video, batch.frame_index, batch.label)):
                yield video, int(frame), int(label), {name: float(column[row]) for name, column in columns.items()}


def main() -> None:
    cli = AedCLI(sys.argv[1:], "candidates")
    cli.datamodule.prepare_data()
    for name in ("teacher", "student"):
        if cli.paths.last_checkpoint(name).is_file():
            cli.network.load_state_dict(read_checkpoint(cli.paths.last_checkpoint(name))[1])
    rows = list(frame_components(cli))
    videos = {}
    for video, frame, label, values in rows:
        videos.setdefault(video, []).append((frame, label, values))
    names = list(rows[0][3])

    def auc(score) -> tuple[float, float]:
        scores = []
        for video, frames in videos.items():
            raw = np.array([score(values) for _, _, values in frames])
            index, label = (np.array(column) for column in list(zip(*frames))[:2])
            scores.append(FrameScores(video, index, raw, label=label))
        return tuple(evaluate(scores, sigma_frames=sigma)["micro_auc"] for sigma in (0.0, 5.0))

    results = {name: auc(lambda values, name=name: values[name]) for name in names}
    for head in (0.0, 0.25, 0.5, 1.0):
        for gap in (0.0, 0.5, 1.0):
            for top in (1, 4, 8):
                results[f"map_top{top} + {head} head + {gap} map_gap"] = auc(
                    lambda v, t=top, h=head, g=gap: v[f"map_top{t}"] + h * v["head"] + g * v[f"map_gap_top{t}"]
                )
    for name, (raw, smoothed) in sorted(results.items(), key=lambda item: -item[1][1]):
        print(f"{name:<40} raw {raw:.4f}  smoothed {smoothed:.4f}")


if __name__ == "__main__":
    main()
