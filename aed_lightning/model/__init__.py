"""The network and its losses: pure torch, no Lightning."""

from .autoencoder import AutoEncoder
from .losses import head_loss, map_loss, student_loss, teacher_loss, token_loss
from .masking import random_masks, several_masks
from .reconstruct import reconstruct

__all__ = [
    "AutoEncoder",
    "head_loss",
    "map_loss",
    "random_masks",
    "reconstruct",
    "several_masks",
    "student_loss",
    "teacher_loss",
    "token_loss",
]
