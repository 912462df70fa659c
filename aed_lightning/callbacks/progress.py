"""One line an epoch, for logs; on a terminal Lightning's own bar stands beside it."""

import time

import lightning.pytorch as L
from rich.console import Console


class EpochLines(L.Callback):
    """Prints stage, epoch, losses, validation figures, speed and time left after each epoch."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._started = 0.0
        self._epochs = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._started, self._epochs = time.perf_counter(), 0

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._epochs += 1
        epochs = trainer.max_epochs or 0
        done = trainer.current_epoch + 1
        pace = (time.perf_counter() - self._started) / self._epochs
        validated = done % (trainer.check_val_every_n_epoch or 1) == 0
        figures = "  ".join(
            f"{name} {float(value):.4f}"
            for name, value in sorted(trainer.callback_metrics.items())
            if name.startswith("train/") or (validated and name.startswith("val/"))
        )
        name = getattr(pl_module, "name", "")
        left = pace * (epochs - done)
        self.console.print(f"{name} epoch {done}/{epochs}  {figures}  {pace:.1f} s/epoch, {left:.0f} s left")
