import torch

from aed_lightning.model.grid import TokenGrid, patchify, unpatchify, visible_indices


def test_a_token_holds_its_pixels_row_by_row_with_the_channel_fastest():
    images = torch.randn(2, 4, 6, 9)
    tokens = patchify(images, 3)
    assert tokens.shape == (2, 2 * 3, 3 * 3 * 4)
    for clip in range(2):
        for row in range(6):
            for column in range(9):
                for channel in range(4):
                    token = (row // 3) * 3 + column // 3
                    value = ((row % 3) * 3 + column % 3) * 4 + channel
                    assert tokens[clip, token, value] == images[clip, channel, row, column]


def test_unpatchify_undoes_patchify():
    images = torch.randn(2, 4, 8, 12)
    assert torch.equal(unpatchify(patchify(images, 4), 4, rows=2), images)


def test_visible_indices_ascend_and_are_those_not_hidden():
    mask = torch.rand(5, 40).argsort(dim=1) < 25
    indices = visible_indices(mask, 15)
    for clip in range(5):
        assert indices[clip].tolist() == [token for token in range(40) if not mask[clip, token]]


def test_placed_tokens_are_taken_back_and_the_other_places_are_empty():
    mask = torch.rand(3, 12).argsort(dim=1) < 5
    grid, tokens = TokenGrid(3, 4, visible_indices(mask, 7)), torch.randn(3, 7, 2)
    full = grid.place(tokens, empty=9.0)
    assert torch.equal(grid.take(full), tokens)
    assert torch.equal(full[mask], torch.full((15, 2), 9.0))


def test_a_full_grid_leaves_tokens_as_they_are():
    tokens = torch.randn(2, 12, 3)
    assert TokenGrid(3, 4).place(tokens) is tokens
    assert TokenGrid(3, 4).take(tokens) is tokens
