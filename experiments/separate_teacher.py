"""A student under a larger teacher: python separate_teacher.py --out DIR --config CONFIG [--KEY VALUE ...]

The other way to distill. DIR/large: a teacher of twice the width (`fit --stages teacher --resume auto`). DIR/pair: a
network of the size of CONFIG (encoder, shared blocks and student decoder) learns its output as the stage of the
student does, for `student.epochs`: it starts from nothing, so give it the epochs of both stages. Error, map and head
are the large teacher's, the discrepancy is of the two together. DIR/SCORE/metrics.json for every score below, and
frames/s of scoring for the pair and for a self-distilled network of that size, whose figures are those of `fit`.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from aed_lightning.cli import fit
from aed_lightning.cli.training import AedCLI
from aed_lightning.core import RunPaths
from aed_lightning.core.clip import Batch, Reconstruction
from aed_lightning.model import AutoEncoder, reconstruct
from aed_lightning.model.weights import load_weights
from aed_lightning.scoring.rules import DefaultRule, OfficialRule
from aed_lightning.stages import StudentStage
from aed_lightning.stages.stage import Stage

CLIPS, ROUNDS = 8, 20
LARGE = ("--model.encoder_dim=512", "--model.decoder_dim=256")


class SeparateStudentStage(StudentStage):
    """Trains all of the network that its student needs; `large` teaches it and does not change."""

    def __init__(self, large: AutoEncoder, *given: object, **options: object) -> None:
        super().__init__(*given, **options)  # type: ignore[arg-type]
        self.large = large.requires_grad_(False)

    def trained_parameters(self) -> Iterable[nn.Parameter]:
        network = self.network
        parts = (network.encoder, network.decoder_input, network.shared, network.student)
        return (parameter for part in parts for parameter in part.parameters())

    def train(self, mode: bool = True) -> "SeparateStudentStage":
        Stage.train(self, mode)  # here the encoder trains too
        self.large.eval()
        return self

    def reconstruct(
        self, batch: Batch, with_student: bool, mask_ratio: float | None = None, masks: int = 1
    ) -> Reconstruction:
        under = {"seed": self.seed, "mask_ratio": mask_ratio, "masks": masks}
        with torch.no_grad():
            taught = reconstruct(self.large, batch, with_student=False, **under)
        own = reconstruct(self.network, batch, with_student=True, **under)
        return replace(taught, student=own.student, levels=own.levels)


def frames_a_second(scoring: Callable[[], object]) -> float:
    scoring()
    start = time.perf_counter()
    for _ in range(ROUNDS):
        scoring()
    return CLIPS * ROUNDS / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    given, keys = parser.parse_known_args()
    cli = AedCLI([*keys, f"--run_dir={given.out / 'pair'}"], "separate_teacher")
    if not isinstance(cli.rule, DefaultRule):
        parser.error(f"scoring {cli.rule.name}: give the default rule; the released code's is scored beside it")
    scores = {
        "configured": cli.rule,
        "discrepancy": replace(cli.rule, map_weight=0.0, head_weight=0.0, discrepancy_weight=1.0),
        "mean-error": OfficialRule(discrepancy=False),
        "mean-error-and-discrepancy": OfficialRule(),
    }
    fit_large = ["fit", *keys, *LARGE, "--stages=teacher", "--resume=auto", f"--run_dir={given.out / 'large'}"]
    subprocess.run([sys.executable, "-m", "aed_lightning", *fit_large], check=True)
    large, _ = load_weights(given.out / "large")
    data = cli.datamodule
    data.prepare_data()
    data.cut_objects(None)
    epoch = cli.config_init.student.epochs - 1
    trainer = cli.build_trainer("student", cli.build_evaluation(cli.paths, epoch))
    steps = fit._steps(cli, "student")
    stage = SeparateStudentStage(
        large, cli.network, cli.rule, cli.config_init.student, seed=cli.seed, total_steps=steps
    )
    cli.write_run_files()
    trainer.fit(stage, data)
    for name, rule in scores.items():
        stage.rule = rule
        evaluation = cli.build_evaluation(RunPaths(given.out / name), epoch)
        cli.build_trainer("student", evaluation).test(stage, data, verbose=False)
        standard = evaluation.figures["standard"]
        print(f"{name}: micro AUC {standard['micro_auc']:.4f}, macro AUC {standard['macro_auc']:.4f}", flush=True)
    data.batch_size = CLIPS
    batch = data.finish(next(iter(data.test_dataloader())))
    stage.eval()
    with torch.inference_mode():
        pair = frames_a_second(lambda: stage.reconstruct_to_score(batch, True))
        own = frames_a_second(
            lambda: reconstruct(
                cli.network, batch, seed=0, with_student=True, mask_ratio=cli.rule.mask_ratio, masks=cli.rule.masks
            )
        )
    print(f"float32, {CLIPS} frames at once: large teacher and student {pair:.0f} frames/s, self-distilled {own:.0f}")


if __name__ == "__main__":
    main()
