import contextlib
import warnings

import lightning.pytorch as L
import torch
from torch.utils.data import DataLoader

from aed_lightning.model import AutoEncoder
from aed_lightning.scoring.rules import OfficialRule

NARROW = {"frame_size": (32, 64), "patch_size": 8, "encoder_dim": 32, "decoder_dim": 16}


def narrow_network(seed=0, **options):
    torch.manual_seed(seed)
    return AutoEncoder(**NARROW | options)


def stage_of(kind, network, options, rule=None, **more):
    return kind(network, rule or OfficialRule(), options, **more)


def plain_trainer(steps=-1, **options):
    return L.Trainer(
        accelerator="cpu",
        max_epochs=-1,
        max_steps=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )


def fit(stage, batches, steps):
    """Train on batches, again and again, with nothing but Lightning's own Trainer; give back the losses."""
    losses = []

    class Losses(L.Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, *_):
            losses.append(outputs["loss"].item())

    trainer = plain_trainer(steps)
    trainer.callbacks.append(Losses())
    with silenced_loader(batches) as loader:
        trainer.fit(stage, loader)
    return losses


def predict(stage, batches):
    """Raw values of every frame of the batches."""
    with silenced_loader(batches) as loader:
        return torch.cat([found["values"] for found in plain_trainer().predict(stage, loader)])


@contextlib.contextmanager
def silenced_loader(batches):
    """A plain data loader of batches; Lightning may say that it has no workers, and torch what it will change."""
    with warnings.catch_warnings():
        for message in (r".*does not have many workers", r".*have no `val_dataloader`", r".*LeafSpec"):
            warnings.filterwarnings("ignore", message=message)
        yield DataLoader(batches, batch_size=None)


def copied(network):
    return {name: value.clone() for name, value in network.state_dict().items()}
