import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from aed_lightning.model import AutoEncoder, random_masks
from aed_lightning.model.blocks import ConvolutionalProjection, CvtBlock
from aed_lightning.model.grid import TokenGrid, visible_indices

ROWS, COLUMNS, DIM, HEADS, CLIPS = 4, 6, 16, 4, 3
EXACT = {"rtol": 0.0, "atol": 1e-12}


def randomized(module):
    """Weights and statistics that hide no mistake behind a zero or a one."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=draw) + 0.5)
                if not name.endswith("running_var"):
                    value.sub_(1)
    return module.double()


def random_tokens(count):
    return torch.randn(CLIPS, count, DIM, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def half_hidden():
    names, numbers = tuple("abc"), torch.arange(CLIPS)
    mask = random_masks(names, numbers, numbers, tokens=ROWS * COLUMNS, visible=ROWS * COLUMNS // 2, seed=0)
    return TokenGrid(ROWS, COLUMNS, visible_indices(mask, ROWS * COLUMNS // 2))


def copied_norm(norm, part):
    plain = nn.BatchNorm2d(DIM).double().train(norm.training)
    own = slice(part * DIM, (part + 1) * DIM)
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(plain, name).data.copy_(getattr(norm, name)[own])
    return plain


def plain_sources(convolved, patches):
    sources = []
    for part in range(3):
        convolution = nn.Conv2d(DIM, DIM, 3, padding=1, groups=DIM, bias=False).double()
        convolution.weight.data.copy_(convolved.convolution.weight[part * DIM : (part + 1) * DIM])
        maps = patches.permute(0, 2, 1).reshape(CLIPS, DIM, ROWS, COLUMNS)
        maps = copied_norm(convolved.norm, part)(convolution(maps))
        sources.append(maps.reshape(CLIPS, DIM, -1).permute(0, 2, 1))
    return sources


def looped_sources(convolved, patches, visible):
    sources = []
    for part in range(3):
        weight = convolved.convolution.weight[part * DIM : (part + 1) * DIM, 0]
        convolution = torch.zeros_like(patches)
        for clip in range(CLIPS):
            places = {divmod(int(place), COLUMNS): number for number, place in enumerate(visible[clip])}
            for (row, column), number in places.items():
                for down, right in itertools.product((-1, 0, 1), repeat=2):
                    neighbor = places.get((row + down, column + right))
                    if neighbor is not None:
                        convolution[clip, number] += weight[:, down + 1, right + 1] * patches[clip, neighbor]
        norm = copied_norm(convolved.norm, part)
        mean, variance = norm.running_mean, norm.running_var
        if norm.training:
            seen = convolution.reshape(-1, DIM)
            mean, variance = seen.mean(dim=0), seen.var(dim=0, unbiased=False)
        sources.append((convolution - mean) / (variance + 1e-5).sqrt() * norm.weight + norm.bias)
    return sources


def plain_block(block, tokens, sources_of):
    attention = block.attention
    normed = functional.layer_norm(tokens, (DIM,), block.norm1.weight, block.norm1.bias, 1e-6)
    sources = sources_of(attention.convolved, normed[:, 1:])
    query, key, value = (
        layer(torch.cat([normed[:, :1], source], dim=1)).reshape(CLIPS, -1, HEADS, DIM // HEADS)
        for layer, source in zip((attention.query, attention.key, attention.value), sources, strict=True)
    )
    products = torch.einsum("bqhd,bkhd->bhqk", query, key) * attention.scale
    mixed = torch.einsum("bhqk,bkhd->bqhd", products.softmax(dim=-1), value)
    tokens = tokens + attention.output(mixed.reshape(CLIPS, -1, DIM))
    normed = functional.layer_norm(tokens, (DIM,), block.norm2.weight, block.norm2.bias, 1e-6)
    hidden = functional.gelu(normed[:, 1:] @ block.mlp.fc1.weight.T + block.mlp.fc1.bias)
    return tokens + torch.cat([normed[:, :1], hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias], dim=1)


@pytest.mark.parametrize("training", [True, False])
def test_with_nothing_hidden_the_encoders_block_is_a_plain_cvt_block(training):
    network = AutoEncoder(
        frame_size=(8 * ROWS, 8 * COLUMNS), patch_size=8, mask_ratio=0.0, encoder_dim=DIM, decoder_dim=8, dropout=0.0
    )
    block = randomized(network.encoder.blocks[0]).train(training)
    mask = torch.zeros(CLIPS, ROWS * COLUMNS, dtype=torch.bool)
    grid = TokenGrid(ROWS, COLUMNS, visible_indices(mask, network.visible_tokens(network.mask_ratio)))
    tokens = random_tokens(1 + ROWS * COLUMNS)
    expected = plain_block(block, tokens, plain_sources)
    torch.testing.assert_close(block(tokens, grid), expected, **EXACT)
    torch.testing.assert_close(block(tokens, TokenGrid(ROWS, COLUMNS)), expected, **EXACT)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scale", ["dim", "head"])
def test_with_half_hidden_a_block_equals_a_loop_over_visible_neighbors(training, scale):
    block = randomized(CvtBlock(DIM, HEADS, dropout=0.0, scale=scale)).train(training)
    grid = half_hidden()
    tokens = random_tokens(1 + ROWS * COLUMNS // 2)
    expected = plain_block(block, tokens, lambda *pieces: looped_sources(*pieces, grid.taken))
    torch.testing.assert_close(block(tokens, grid), expected, **EXACT)


@pytest.mark.parametrize(("scale", "divisor"), [("dim", 16**0.5), ("head", 2.0)])
def test_attention_is_divided_by_the_root_of_the_width_or_of_a_heads_width(scale, divisor):
    assert CvtBlock(DIM, HEADS, scale=scale).attention.scale == pytest.approx(1 / divisor)


def test_batch_norm_counts_visible_tokens_only():
    convolved, grid = ConvolutionalProjection(DIM).double().train(), half_hidden()
    patches = random_tokens(ROWS * COLUMNS // 2)
    unnormed = ConvolutionalProjection(DIM).double().train()
    unnormed.load_state_dict(convolved.state_dict())
    unnormed.norm = nn.Identity()
    seen = unnormed(patches, grid).reshape(-1, 3 * DIM)
    convolved(patches, grid)
    assert len(seen) == CLIPS * ROWS * COLUMNS // 2
    torch.testing.assert_close(convolved.norm.running_mean, 0.1 * seen.mean(dim=0), **EXACT)
    torch.testing.assert_close(convolved.norm.running_var, 0.9 + 0.1 * seen.var(dim=0), **EXACT)


def test_the_class_token_passes_neither_convolution_nor_perceptron():
    block, grid, tokens = randomized(CvtBlock(DIM, HEADS)).eval(), half_hidden(), random_tokens(13)
    seen = {}
    for name in ("attention.convolved", "mlp"):
        block.get_submodule(name).register_forward_pre_hook(
            lambda module, arguments, name=name: seen.update({name: arguments[0]})
        )
    middle = tokens + block.attention(block.norm1(tokens), grid)
    block(tokens, grid)
    torch.testing.assert_close(seen["attention.convolved"], block.norm1(tokens)[:, 1:], **EXACT)
    torch.testing.assert_close(seen["mlp"], block.norm2(middle)[:, 1:], **EXACT)


def test_the_second_half_of_a_block_adds_the_class_tokens_normalized_self():
    block, grid, tokens = randomized(CvtBlock(DIM, HEADS)).eval(), half_hidden(), random_tokens(13)
    nn.init.zeros_(block.attention.output.weight)
    nn.init.zeros_(block.attention.output.bias)
    classes = tokens[:, 0]
    spread = (classes.var(dim=1, unbiased=False, keepdim=True) + 1e-6).sqrt()
    normed = (classes - classes.mean(dim=1, keepdim=True)) / spread * block.norm2.weight + block.norm2.bias
    torch.testing.assert_close(block(tokens, grid)[:, 0], classes + normed, **EXACT)
