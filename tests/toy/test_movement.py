import math

import numpy as np
import pytest

from aed_lightning.toy.actors import Dancer, Faller, Mover, Span, UmbrellaBearer
from aed_lightning.toy.camera import Camera
from aed_lightning.toy.people import running, walking
from aed_lightning.toy.trajectory import FPS, Pause, follow, way_length


def test_a_straight_way_is_walked_at_its_speed():
    way = follow([(-5.0, 12.0), (5.0, 12.0)], 1.5, 0.0, 60)
    steps = np.hypot(*np.diff(way.position, axis=0).T)
    np.testing.assert_allclose(steps[8:-8], 1.5 / FPS, rtol=0.02)


def test_the_middle_of_the_way_is_reached_when_planned():
    waypoints = [(-5.0, 12.0), (5.0, 12.0)]
    way = follow(waypoints, 2.0, 10.0, 100)
    frame = round(10.0 + way_length(waypoints) / 2.0 * FPS / 2)
    assert way.at(frame) == pytest.approx((0.0, 12.0), abs=0.15)


def test_a_pause_stands_still_and_then_goes_on():
    way = follow([(-5.0, 12.0), (5.0, 12.0)], 1.2, 0.0, 100, (Pause(30, 20),))
    assert way.position[48, 0] - way.position[34, 0] < 0.02
    assert way.pace[40] < 0.05
    assert way.pace[70] > 0.95


def test_legs_and_arms_swing_against_each_other():
    pose = walking(math.pi / 2, 1.0)
    assert pose.thighs[0] > 0 > pose.thighs[1]
    assert pose.arms[0] < 0 < pose.arms[1]


def test_who_stands_swings_nothing():
    pose = walking(1.0, 0.0)
    assert pose.thighs == pytest.approx((0.0, 0.0))
    assert pose.arms == pytest.approx((0.0, 0.0))


def test_a_runner_takes_longer_steps_than_a_walker():
    assert running(math.pi / 2).thighs[0] > 1.5 * walking(math.pi / 2, 1.0).thighs[0]


def spread(actor, frame: int) -> tuple[float, float]:
    outlines, _ = actor.figure(Camera((180, 320)), frame).outlines((0.0, 0.0))
    corners = np.concatenate(outlines) / 16
    width, height = corners.max(0) - corners.min(0)
    return float(width), float(height)


WAY = follow([(-6.0, 13.0), (6.0, 13.0)], 1.0, 0.0, 200, (Pause(60, 60),))


def test_a_fallen_person_is_wider_than_tall():
    faller = Faller(WAY, when=Span(62, 118))
    standing_width, standing_height = spread(faller, 58)
    width, height = spread(faller, 90)
    assert standing_height > 1.5 * standing_width
    assert width > 1.5 * height


def test_a_dancer_is_wider_than_a_walker():
    dancer = Dancer(WAY, when=Span(62, 118))
    assert max(spread(dancer, frame)[0] for frame in range(80, 100)) > 1.4 * spread(Mover(WAY), 90)[0]


def test_an_umbrella_widens_its_bearer_only_while_open():
    bearer = UmbrellaBearer(WAY, when=Span(62, 118))
    assert spread(bearer, 90)[0] > 2 * spread(bearer, 130)[0]
    assert [bearer.anomalous(frame) for frame in (61, 62, 117, 118)] == [False, True, True, False]


def test_nobody_is_drawn_far_outside_the_picture():
    assert Mover(follow([(-30.0, 12.0), (30.0, 12.0)], 1.0, 0.0, 10)).figure(Camera(), 0) is None
