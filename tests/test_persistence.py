"""Persistence diagrams: loops that are there, the distance of diagrams in closed form, and a missing package."""

import sys

import numpy as np
import pytest

from dsr.analysis import diagram_distance, persistence_diagram, persistence_distance
from dsr.errors import DataError, SpecError


def circle(rows=600, turns=7.3):
    angle = 2 * np.pi * turns * np.arange(rows) / rows
    return np.sqrt(2) * np.column_stack([np.cos(angle), np.sin(angle)])


def figure_eight():
    left, right = circle(turns=7.0), circle(turns=7.0)
    centre = np.array([np.sqrt(2), 0])
    return np.concatenate([left - centre, right + centre])


def test_a_circle_has_one_loop_and_a_figure_eight_two():
    pytest.importorskip("ripser")
    one, two = (persistence_diagram(x, landmarks=80).pairs[1] for x in (circle(), figure_eight()))
    for pairs, count in ((one, 1), (two, 2)):
        lives = np.sort(np.diff(pairs, axis=1)[:, 0])[::-1]
        assert (lives > 0.5).sum() == count
    # the loop of a circle of radius r dies at about sqrt(3) r, the side of the inscribed triangle
    assert one[:, 1].max() == pytest.approx(np.sqrt(3) * np.sqrt(2), rel=0.05)
    assert persistence_diagram(circle(), landmarks=80).measure.value == pytest.approx(np.sqrt(6), rel=0.1)


def test_components_of_two_clusters_merge_at_their_distance():
    pytest.importorskip("ripser")
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(0, 1, (200, 2)), rng.uniform(0, 1, (200, 2)) + np.array([9.0, 0.0])])
    deaths = np.sort(persistence_diagram(x, landmarks=100, max_dimension=0).pairs[0][:, 1])
    gap = 8.0 / x[:, 0].std()
    assert gap <= deaths[-1] < gap * 1.1 and deaths[-2] < gap / 5


def test_a_lost_loop_is_seen():
    pytest.importorskip("ripser")
    truth, half = figure_eight(), figure_eight()[:600]
    assert persistence_distance(truth, truth[::-1]).value < 0.3
    assert persistence_distance(truth, half).value > 0.5


def test_distance_of_diagrams_in_closed_form():
    a, b = np.array([[0.0, 4.0], [1.0, 1.5]]), np.array([[0.5, 3.8]])
    # the long features match (0.5 apart), the short one goes to the diagonal (0.25)
    assert diagram_distance(a, b, order=1) == pytest.approx(0.75)
    assert diagram_distance(a, b) == pytest.approx(np.hypot(0.5, 0.25))
    assert diagram_distance(a, b, order=np.inf) == pytest.approx(0.5)
    assert diagram_distance(a, []) == pytest.approx(np.hypot(2.0, 0.25))
    assert diagram_distance(a, a[::-1]) == diagram_distance([], []) == 0.0


def test_distance_of_diagrams_is_a_metric():
    rng = np.random.default_rng(1)
    a, b, c = (np.sort(rng.uniform(0, 1, (n, 2)), axis=1) for n in (5, 8, 6))
    for order in (1.0, 2.0, np.inf):
        ab, ba, bc, ac = (diagram_distance(p, q, order=order) for p, q in ((a, b), (b, a), (b, c), (a, c)))
        assert ab == pytest.approx(ba) and ac <= ab + bc + 1e-12
    with pytest.raises(SpecError, match="order"):
        diagram_distance(a, b, order=0.5)
    with pytest.raises(DataError, match="never die"):
        diagram_distance([[0.0, np.inf]], b)


def test_without_ripser_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ripser", None)
    with pytest.raises(SpecError, match="pip install ripser"):
        persistence_diagram(circle())
