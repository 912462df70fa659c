import numpy as np
import pytest

from aed_lightning.anomalies import AnomalySource, Mixed, MovingObject, ProceduralTraining, SelfCut
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.mixed import cutters
from aed_lightning.core import UsageError, generator
from aed_lightning.core.clip import Sprite

SIZE = (32, 64)


class Named:
    """Draws objects whose sprite is all of one gray level, by which a test knows the source."""

    def __init__(self, level: int) -> None:
        self.level = level

    def draw(self, generator: np.random.Generator, frame_size: tuple[int, int], channels: int) -> "Named":
        assert frame_size == SIZE
        self.channels, self.drawn = channels, float(generator.random())
        return self

    def sprite(self, offset: float) -> Sprite:
        return Sprite(np.full((self.channels, 1, 1), self.level, np.uint8), np.full((1, 1), 255, np.uint8), 0, 0)


def levels(mixed: Mixed, number: int = 1000, channels: int = 1) -> list[int]:
    drawn = [mixed.draw(generator(0, "mixed", frame=frame), SIZE, channels).sprite(0) for frame in range(number)]
    assert {sprite.image.shape[0] for sprite in drawn} == {channels}
    return [int(sprite.image[0, 0, 0]) for sprite in drawn]


@pytest.mark.parametrize("shares", [[0.6, 0.3, 0.1], [6.0, 3.0, 1.0]])
def test_each_source_draws_its_share(shares: list[float]):
    mixed = Mixed([Named(level) for level in (10, 20, 30)], shares)
    found = levels(mixed, channels=3)
    for level, share in ((10, 0.6), (20, 0.3), (30, 0.1)):
        assert abs(found.count(level) / 1000 - share) <= 4 * np.sqrt(share * (1 - share) / 1000)


def test_a_source_without_a_share_never_draws():
    assert set(levels(Mixed([Named(10), Named(20), Named(30)], [0.0, 2.0, 0.0]))) == {20}


def test_mixtures_can_be_mixed():
    inner = Mixed([Named(10), Named(20)], [1.0, 1.0])
    found = levels(Mixed([inner, Named(30)], [1.0, 1.0]))
    assert all(abs(found.count(level) / 1000 - share) < 0.06 for level, share in ((10, 0.25), (20, 0.25), (30, 0.5)))


def test_what_is_drawn_depends_on_the_generator_alone():
    def drawn(frame: int) -> tuple[int, float]:
        one = Mixed([Named(10), Named(20)], [1.0, 1.0]).draw(generator(0, "mixed", frame=frame), SIZE, 1)
        assert isinstance(one, Named)
        return one.level, one.drawn

    assert [drawn(frame) for frame in range(20)] == [drawn(frame) for frame in range(20)]
    assert len({drawn(frame) for frame in range(20)}) == 20


def test_a_mixture_keeps_the_protocols():
    mixed = Mixed([ProceduralTraining()], [1.0])
    assert isinstance(mixed, AnomalySource)
    assert isinstance(mixed.draw(generator(0, "mixed"), SIZE, 1), MovingObject)


@pytest.mark.parametrize(("sources", "shares"), [(0, []), (2, [1.0]), (1, [0.5, 0.5]), (0, [1.0])])
def test_each_source_needs_one_share(sources: int, shares: list[float]):
    with pytest.raises(UsageError, match=f"{sources} sources and {len(shares)} shares: give one"):
        Mixed([Named(10)] * sources, shares)


@pytest.mark.parametrize("shares", [[0.5, -0.1], [0.0, 0.0], [float("nan"), 1.0], [1.0, float("inf")]])
def test_shares_that_cannot_be_are_refused_with_their_values(shares: list[float]):
    with pytest.raises(UsageError, match="shares ") as raised:
        Mixed([Named(10), Named(20)], shares)
    assert str(shares) in str(raised.value)


def test_the_sources_that_need_a_bank_are_found_at_any_depth():
    first, second = SelfCut(), SelfCut(cutting=Cutting(shortest=5))
    deep = Mixed([ProceduralTraining(), Mixed([second, Named(10)], [1.0, 1.0]), first], [1.0, 1.0, 1.0])
    assert list(cutters(deep)) == [second, first]
    assert list(cutters(first)) == [first]
    assert list(cutters(ProceduralTraining())) == []
