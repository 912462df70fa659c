"""The network and its losses: pure torch, no Lightning."""

from .autoencoder import AutoEncoder
from .losses import head_loss, student_loss, teacher_loss
from .masking import random_masks

__all__ = ["AutoEncoder", "head_loss", "random_masks", "student_loss", "teacher_loss"]
