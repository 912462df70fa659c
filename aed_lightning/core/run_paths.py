"""Where a run keeps its files; other programs read them (docs/architecture.md)."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunPaths:
    """The files of one run below `root` (`runs/NAME`)."""

    root: Path

    @property
    def config(self) -> Path:
        """The resolved configuration."""
        return self.root / "config.yaml"

    @property
    def environment(self) -> Path:
        """Versions, device, commit, command and seed."""
        return self.root / "environment.json"

    @property
    def weights(self) -> Path:
        """The weights of the last finished stage."""
        return self.root / "model.safetensors"

    @property
    def model(self) -> Path:
        """What is needed to use the weights: architecture, stage, rule, smoothing."""
        return self.root / "model.json"

    @property
    def metrics(self) -> Path:
        """The figures of the last evaluation."""
        return self.root / "metrics.json"

    @property
    def scores(self) -> Path:
        """The folder of frame scores, one `VIDEO.npz` a video."""
        return self.root / "scores"

    @property
    def regions(self) -> Path:
        """The folder of detected boxes, one `VIDEO.csv` a video."""
        return self.root / "regions"

    @property
    def pictures(self) -> Path:
        """The folder of the worst frames beside their anomaly maps, listed in `index.json`."""
        return self.root / "pictures"

    @property
    def logs(self) -> Path:
        """The folder of what was logged while training, `STAGE/metrics.csv`."""
        return self.root / "logs"

    @property
    def wandb(self) -> Path:
        """The folder of Weights & Biases, with the id of the run in `run_id`."""
        return self.root / "wandb"

    @property
    def report(self) -> Path:
        """The page of the run."""
        return self.root / "report.html"

    def checkpoints(self, stage: str) -> Path:
        """The folder of a stage's checkpoints."""
        return self.root / "checkpoints" / stage

    def last_checkpoint(self, stage: str) -> Path:
        """The newest checkpoint of a stage."""
        return self.checkpoints(stage) / "last.ckpt"
