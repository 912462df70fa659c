"""A network that only infers: the same outputs, less work."""

from copy import deepcopy

import torch
from einops import rearrange
from torch import nn

from .autoencoder import AutoEncoder
from .blocks import ConvolutionalProjection
from .grid import patchify_planes


def for_inference(network: AutoEncoder, *, bfloat16: bool = False) -> AutoEncoder:
    """A copy in evaluation mode without gradients, its BatchNorms part of the convolutions before them, its patches cut
    in the order in which they lie in memory.

    bfloat16: weights of linear layers and convolutions are kept so, for use under autocast, which would else convert
    them at every call.
    """
    copy = deepcopy(network).eval().requires_grad_(False)
    for module in copy.modules():
        if isinstance(module, ConvolutionalProjection):
            _fold(module)
    embedding, patch = copy.encoder.embedding, copy.encoder.patch
    embedding.weight.copy_(rearrange(embedding.weight, "d (p q c) -> d (c p q)", p=patch, q=patch))
    copy.encoder.cut = patchify_planes
    if bfloat16:
        for module in copy.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                module.to(torch.bfloat16)
    return copy


def _fold(projection: ConvolutionalProjection) -> None:
    """Let the convolution do what the norm behind it does to its outputs."""
    norm, convolution = projection.norm, projection.convolution
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    convolution.weight.mul_(scale[:, None, None, None])
    convolution.bias = nn.Parameter(norm.bias - norm.running_mean * scale, requires_grad=False)
    projection.norm = nn.Identity()  # type: ignore[assignment]
