"""A run in Weights & Biases, beside the files of the run directory and never instead of them.

wandb is imported where a run begins, since most runs have none.
"""

import io
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as L
from lightning.fabric.loggers.logger import rank_zero_experiment
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.loggers.logger import DummyLogger
from lightning.pytorch.utilities import rank_zero_only, rank_zero_warn
from PIL import Image

from ..core import Interrupted, RunPaths, write_text
from ..report.figures import score_figure, score_limits
from ..report.page import write_report
from ..report.run_files import FIGURES, Run, read_run
from ..report.svg import drawing
from ..report.worst import worst_frames

FINISH_SECONDS = 600.0
"""How long the end of a training waits for uploads; what is left goes with `wandb sync`."""


class WandbRun(WandbLogger):
    """Lightning's WandbLogger for one run directory: one W&B run for both stages and for all that goes on from it.

    Its files are in `RUN/wandb`, its name is the directory's, its id, of WANDB_RUN_ID or new, is kept in
    `RUN/wandb/run_id`. Without an API key it is offline, unless WANDB_MODE says otherwise. Whatever fails in W&B is one
    warning, and the training goes on.
    configuration: of the run, shown beside what `config` has. The other arguments are those of WandbLogger.
    first_step: is added to the steps of the trainer, so that the student's follow the teacher's.
    """

    def __init__(
        self,
        paths: RunPaths,
        configuration: Mapping[str, Any],
        *,
        name: str | None = None,
        save_dir: str | Path | None = None,
        offline: bool = False,
        config: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        # Never Lightning's own `offline`: it leaves WANDB_MODE in the environment, for all that come after.
        super().__init__(
            name=name or paths.root.resolve().name,
            save_dir=Path(save_dir or paths.root).resolve(),
            config={**configuration, **(config or {})},
            **settings,
        )
        self.paths, self.first_step = paths, 0
        self._only_offline = offline
        self._failed = False

    @property
    @rank_zero_experiment
    def experiment(self) -> Any:
        """The run of wandb, begun at the first call; something that ignores every call once W&B has failed."""
        try:
            if self._experiment is None and not self._failed:
                self._begin()
        except Interrupted:
            raise
        except Exception as error:
            self._give_up(error)
        return DummyLogger().experiment if self._failed else self._experiment

    @rank_zero_only
    def attempt(self, action: Callable[[Any], object]) -> None:
        """Do something with the run of wandb on the first process; if it fails, warn and do no more of it."""
        if self._failed:
            return
        try:
            action(self.experiment)
        except Interrupted:
            raise
        except Exception as error:
            self._give_up(error)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        parent = super().log_metrics
        self.attempt(lambda _: parent(metrics, None if step is None else step + self.first_step))

    def log_hyperparams(self, params: Any, *_: Any) -> None:
        parent = super().log_hyperparams
        self.attempt(lambda _: parent(params))

    def finish(self, completed: bool) -> None:
        """End the run, and wait for its uploads; nothing where it never began."""
        if self._experiment is not None:
            self.attempt(lambda run: run.finish(exit_code=0 if completed else 1))
            self._experiment = None

    def _begin(self) -> None:
        # Read by the process that wandb starts, which else reports its errors to the makers, offline too.
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        begin = self._wandb_init
        # Where the folder cannot be made, wandb would silently take one outside the run directory.
        Path(begin["dir"], "wandb").mkdir(parents=True, exist_ok=True)
        begin.pop("anonymous", None)  # without effect in this wandb, which warns of it
        begin["mode"] = begin.get("mode") or _mode(self._only_offline)
        begin["settings"] = begin.get("settings") or wandb.Settings(finish_timeout=FINISH_SECONDS)
        kept = self.paths.wandb / "run_id"
        if begin["id"] is None:
            new = os.environ.get("WANDB_RUN_ID") or uuid.uuid4().hex[:8]
            begin["id"] = kept.read_text(encoding="utf-8").strip() if kept.is_file() else new
        self._experiment = super().experiment
        write_text(kept, f"{self._experiment.id}\n")  # under wandb's agent it is what that says

    def _give_up(self, error: Exception) -> None:
        self._failed = True
        told = str(error).strip().splitlines() or [""]
        rank_zero_warn(
            f"Weights & Biases failed ({type(error).__name__}: {told[0]}); the training goes on without it, and its "
            f"files are in {self.paths.root} as always"
        )


def _mode(only_offline: bool) -> str:
    """What `mode` of wandb.init is to be. Asks for no key: a training that waits for an answer does not train."""
    import wandb

    if only_offline:
        return "offline"
    return os.environ.get("WANDB_MODE") or ("online" if wandb.login(prompt=False, verify=False) else "offline")


class WandbResults(L.Callback):
    """After the test: figures, the worst frames with their maps, score curves and the report, into every `WandbRun`.

    Reads what `Evaluation` has written to the run directory, and writes `RUN/report.html`.
    """

    def __init__(self, paths: RunPaths) -> None:
        self.paths = paths

    def on_test_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, WandbRun):
                logger.attempt(self._log)

    def _log(self, experiment: Any) -> None:
        run = read_run(self.paths.root)
        experiment.summary.update(_figures(run.metrics or {}))
        experiment.log({**_worst_frames(run), **_score_curves(run)})
        self._log_report(experiment)

    def _log_report(self, experiment: Any) -> None:
        import wandb

        write_report(self.paths.root, self.paths.report)
        # A copy among wandb's files: `wandb sync` reads it later, when report.html may be another.
        copy = Path(experiment.dir, "report.html")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(self.paths.report.read_bytes())
        artifact = wandb.Artifact(f"report-{experiment.id}", type="report")
        artifact.add_file(str(copy), policy="immutable", skip_cache=True)
        experiment.log_artifact(artifact)


def _figures(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What metrics.json says of the model's scores, `PROTOCOL/FIGURE`."""
    return {
        f"{protocol}/{name}": value
        for protocol in ("standard", "official", "causal", "raw")
        for name, value in metrics.get(protocol, {}).items()
        if name in FIGURES
    }


def _worst_frames(run: Run) -> dict[str, Any]:
    """Each mistake's frames beside their anomaly maps, worst first."""
    import wandb

    found = {}
    for mistake, frames in worst_frames(run.videos).items():
        pictures = [
            wandb.Image(Image.open(io.BytesIO(png)), caption=f"{worst.video}, frame {worst.frame}: {worst.score:.4f}")
            for worst in frames
            if (png := run.pictures.get((worst.video, worst.frame))) is not None
        ]
        if pictures:
            found[f"worst/{mistake}"] = pictures
    return found


def _score_curves(run: Run) -> dict[str, Any]:
    """The scores of each test video over its frames, a picture each."""
    import wandb

    limits, found = score_limits(run.videos), {}
    for video in run.videos:
        drawn = io.BytesIO()
        with drawing():
            score_figure(video, limits).savefig(drawn, format="png", dpi=120, facecolor="white")
        found[f"scores/{video.video}"] = wandb.Image(Image.open(drawn), caption=video.video)
    return found
