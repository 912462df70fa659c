import math

import numpy as np
import pytest

from aed_lightning.toy.actors import standing
from aed_lightning.toy.camera import Camera
from aed_lightning.toy.figure import Figure
from aed_lightning.toy.people import Look


def person_height(camera: Camera, y: float) -> float:
    outlines, _ = standing(camera, (0.0, y), 0.0, Look(height=1.75)).outlines((0.0, 0.0))
    rows = np.concatenate(outlines)[:, 1] / 16
    return float(rows.max() - rows.min())


def test_a_person_near_the_camera_is_taller_in_pixels():
    camera = Camera((180, 320))
    near, far = person_height(camera, 11.0), person_height(camera, 28.0)
    assert 36 < near < 52
    assert 14 < far < 24


def test_a_projected_point_is_where_a_rotation_matrix_puts_it():
    camera = Camera((180, 320))
    point = np.array([2.0, 17.0, 1.2])
    sine, cosine = math.sin(camera.pitch), math.cos(camera.pitch)
    rotation = np.array([[1, 0, 0], [0, -sine, -cosine], [0, cosine, -sine]])
    across, down, depth = rotation @ (point - [0, 0, camera.above])
    expected = [across / depth * 1.95 * 180 + 159.5, down / depth * 1.95 * 180 + 89.5]
    np.testing.assert_allclose(camera.project(point[None])[0], expected)


def test_pixels_looked_up_on_the_ground_project_back_to_themselves():
    camera = Camera((90, 160))
    x, y = camera.ground(1)
    places = [(80, 12), (60, 150), (40, 80)]
    points = np.array([[x[row, column], y[row, column], 0.0] for row, column in places])
    np.testing.assert_allclose(camera.project(points), [(column, row) for row, column in places], atol=1e-6)


def test_twice_the_frame_size_is_twice_the_pixels():
    assert person_height(Camera((360, 640)), 14.0) == pytest.approx(
        2 * person_height(Camera((180, 320)), 14.0), abs=0.2
    )


def test_the_edge_of_the_seen_ground_lies_on_the_edge_of_the_frame():
    camera = Camera((180, 320))
    pixel = camera.project(np.array([[camera.edge(14.0), 14.0, 0.0]]))[0]
    assert pixel[0] == pytest.approx(319.5)


def test_a_shadow_starts_at_the_foot_and_falls_where_the_sun_sends_it():
    camera = Camera((180, 320))
    figure = Figure(camera, (1.0, 15.0))
    figure.polygon(np.array([[0.0, 0.0], [0.0, 2.0], [0.1, 2.0]]), (0, 0, 0))
    shadow = figure.outlines((0.5, -0.25))[1][0] / 16
    expected = camera.project(np.array([[1.0, 15.0, 0.0], [1.0 + 2 * 0.5, 15.0 - 2 * 0.25, 0.0]]))
    np.testing.assert_allclose(shadow[:2], expected, atol=0.05)


def test_the_billboard_agrees_with_true_perspective_near_the_foot_point():
    camera, ground, heading = Camera((180, 320)), (2.0, 16.0), 0.7
    figure = Figure(camera, ground, heading)
    figure.face([(0.3, 0.1, 0.5), (-0.3, 0.2, 1.0), (0.1, -0.3, 1.5)], (0, 0, 0))
    forward, left = np.array([math.cos(heading), math.sin(heading)]), np.array([-math.sin(heading), math.cos(heading)])
    world = [
        [*(np.array(ground) + u * forward + v * left), z]
        for u, v, z in [(0.3, 0.1, 0.5), (-0.3, 0.2, 1.0), (0.1, -0.3, 1.5)]
    ]
    drawn = figure.outlines((0.0, 0.0))[0][0] / 16
    np.testing.assert_allclose(drawn, camera.project(np.array(world)), atol=0.8)
