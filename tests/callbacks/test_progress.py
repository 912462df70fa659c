import io
from unittest.mock import Mock

import lightning.pytorch as L
import torch
from rich.console import Console

from aed_lightning.callbacks.progress import EpochLines


def test_a_line_an_epoch_names_stage_epoch_figures_and_time_left():
    text = io.StringIO()
    lines = EpochLines(Console(file=text, width=300))
    stage = Mock(spec=L.LightningModule)
    stage.name = "teacher"
    metrics = {"val/score": torch.tensor(0.75), "train/teacher_loss": torch.tensor(0.5), "epoch": torch.tensor(1.0)}
    trainer = Mock(spec=L.Trainer, max_epochs=4, current_epoch=2, check_val_every_n_epoch=3, callback_metrics=metrics)
    lines.on_train_start(trainer, stage)
    lines.on_train_epoch_end(trainer, stage)
    assert text.getvalue().startswith("teacher epoch 3/4  train/teacher_loss 0.5000  val/score 0.7500  0.0 s/epoch")
    assert text.getvalue().endswith("0 s left\n")
    assert text.getvalue().count("\n") == 1


def test_an_epoch_without_validation_repeats_no_old_figure():
    text = io.StringIO()
    lines = EpochLines(Console(file=text, width=300))
    metrics = {"val/score": torch.tensor(0.75), "train/teacher_loss": torch.tensor(0.5)}
    trainer = Mock(spec=L.Trainer, max_epochs=4, current_epoch=2, check_val_every_n_epoch=4, callback_metrics=metrics)
    lines.on_train_start(trainer, Mock(spec=L.LightningModule))
    lines.on_train_epoch_end(trainer, Mock(spec=L.LightningModule))
    assert "val/score" not in text.getvalue()
