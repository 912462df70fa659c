import numpy as np
import pytest

from aed_lightning.anomalies.colors import draw_color, draw_difference, draw_palette
from aed_lightning.anomalies.textures import SIDE, TRAINING_TEXTURES, VALIDATION_TEXTURES, Texture, flat, shading
from aed_lightning.core import generator


@pytest.mark.parametrize("texture", [*TRAINING_TEXTURES, *VALIDATION_TEXTURES, shading])
def test_fields_stay_within_one_and_repeat_with_the_generator(texture: Texture) -> None:
    for seed in range(10):
        field = texture(generator(seed, "texture"))
        assert field.shape == (SIDE, SIDE)
        assert np.abs(field).max() <= 1
        np.testing.assert_array_equal(field, texture(generator(seed, "texture")))


@pytest.mark.parametrize("texture", [t for t in (*TRAINING_TEXTURES, *VALIDATION_TEXTURES) if t is not flat])
def test_patterns_have_both_dark_and_bright(texture: Texture) -> None:
    for seed in range(10):
        field = texture(generator(seed, "texture"))
        assert field.max() - field.min() > 0.7


def test_validation_patterns_are_finer_than_training_patterns() -> None:
    def changes(texture: Texture) -> float:
        signs = [np.sign(f - f.mean()) for f in (texture(generator(seed, "fine")) for seed in range(20))]
        return float(np.mean([np.mean(s[:, 1:] != s[:, :-1]) + np.mean(s[1:] != s[:-1]) for s in signs]))

    assert max(map(changes, TRAINING_TEXTURES)) < min(map(changes, VALIDATION_TEXTURES))


def test_colors_keep_their_brightness_and_range() -> None:
    for seed in range(60):
        numbers = generator(seed, "color")
        color = draw_color(numbers, 3, (40.0, 200.0))
        assert 40 <= color.mean() <= 200
        assert color.min() >= 0
        assert color.max() <= 255
        assert draw_palette(numbers, 1, (40.0, 200.0)).shape == (4, 1)


def test_a_difference_has_its_contrast_on_average() -> None:
    for channels in (1, 3):
        difference = draw_difference(generator(1, "difference"), channels, 30.0)
        assert difference.shape == (channels,)
        assert difference.mean() == pytest.approx(30.0)
