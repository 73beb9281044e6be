"""D_stsp as published code computes it, against a dense grid; the scores on our own cells, against a dense grid."""

import numpy as np
import pytest

from dsr.analysis import state_space_divergence, state_space_hellinger, state_space_jensen_shannon
from dsr.errors import DataError, SpecError

BINS = {1: 30, 2: 12, 3: 7, 4: 5, 5: 4}


def pair(dim, rows=3000, spread=1.2):
    rng = np.random.default_rng(dim)
    mixing = rng.standard_normal((dim, dim))
    true = rng.standard_normal((rows, dim)) @ mixing
    return true / true.std(0, ddof=1), spread * rng.standard_normal((rows + 500, dim))


def dense_published(true, gen, bins, low, high, lowest):
    """KL over all bins ** dim cells; rows with an index below `lowest` or from `bins` on are dropped."""
    grids = []
    for x in (true, gen):
        index = np.floor((x - low) * bins / (high - low)).astype(int)
        index = index[((index >= lowest) & (index < bins)).all(1)]
        grid = np.zeros((bins,) * true.shape[1])
        np.add.at(grid, tuple(index.T), 1)
        grids.append((grid + 1e-5) / (grid.sum() + 1e-5 * grid.size))
    p, q = grids
    return float(np.sum(p * np.log(p / q)))


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("preset", ["alrnn", "gtf", "gtf-legacy", "dendplrnn"])
def test_presets_are_the_published_numbers(preset, dim):
    true, gen = pair(dim)
    sd, bins = true.std(0, ddof=1), BINS[dim]
    box = {
        "alrnn": (true.min(0), true.max(0), 1),
        "gtf": (true.min(0) - 0.1 * sd, true.max(0) + 0.1 * sd, 0),
        "gtf-legacy": (-2 * sd, 2 * sd, 0),
        "dendplrnn": (-2 * sd, 2 * sd, 1),
    }[preset]
    measure = state_space_divergence(true, gen, bins=bins, preset=preset)
    assert measure.value == pytest.approx(dense_published(true, gen, bins, *box), abs=1e-6, rel=1e-6)
    assert measure.settings["preset"] == preset and 0 < measure.settings["outside_fraction"] < 1


def test_presets_drop_what_leaves_the_attractor_and_ours_does_not():
    true, gen = pair(3)
    left = np.concatenate([gen, gen + 1e3])
    for preset in ("alrnn", "gtf", "dendplrnn"):
        stayed, went = (state_space_divergence(true, g, bins=7, preset=preset) for g in (gen, left))
        assert went.value == stayed.value
        assert went.settings["outside_fraction"] == pytest.approx(0.5 + stayed.settings["outside_fraction"] / 2)
    assert state_space_divergence(true, left, bins=7).value > state_space_divergence(true, gen, bins=7).value + 0.6


def test_the_lowest_layer_is_lost_in_python_code_and_kept_in_julia_code():
    x = np.linspace(0.0, 1.0, 1001)[:, None]  # uniform: a fifth of it in the lowest of five cells
    shares = {p: state_space_divergence(x, x, bins=5, preset=p).settings["outside_fraction"] for p in ("alrnn", "gtf")}
    assert shares["alrnn"] == pytest.approx(0.2, abs=2e-3) and shares["gtf"] == 0.0


def test_a_run_that_never_enters_a_published_box_is_refused():
    true, gen = pair(2)
    with pytest.raises(DataError, match="no generated row"):
        state_space_divergence(true, gen + 1e6, preset="gtf")
    with pytest.raises(DataError, match="no true row"):  # the box about zero needs standardised data
        state_space_divergence(true + 1e6, gen, preset="dendplrnn")
    with pytest.raises(SpecError, match="did you mean 'gtf'"):
        state_space_divergence(true, gen, preset="gft")


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5])
def test_scores_on_sparse_cells_are_those_of_the_dense_grid(dim):
    true, gen = pair(dim)
    bins = BINS[dim]
    margin = 0.1 * true.std(0, ddof=1)
    edges = [
        np.concatenate([[-np.inf], np.linspace(a, b, bins + 1), [np.inf]])
        for a, b in zip(true.min(0) - margin, true.max(0) + margin, strict=True)
    ]
    counts = [np.histogramdd(x, edges)[0] for x in (true, gen)]
    p, q = (c / c.sum() for c in counts)
    smooth_p, smooth_q = ((c + 1e-5) / (c.sum() + 1e-5 * c.size) for c in counts)
    m = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        js = 0.5 * sum(np.nansum(a * np.log2(a / m)) for a in (p, q))
    expected = {
        state_space_divergence: np.sum(smooth_p * np.log(smooth_p / smooth_q)),
        state_space_jensen_shannon: js,
        state_space_hellinger: np.sqrt(1 - np.sum(np.sqrt(p * q))),
    }
    for score, value in expected.items():
        assert score(true, gen, bins=bins).value == pytest.approx(value, rel=1e-9)


def test_bounded_scores_reach_their_bounds():
    x = np.random.default_rng(0).standard_normal((2000, 3))
    for score in (state_space_jensen_shannon, state_space_hellinger):
        assert score(x, x[::-1]).value == 0.0
        assert score(x, x + 100.0).value == pytest.approx(1.0, abs=1e-12)
    half = np.concatenate([x, x + 100.0])
    expected = 0.5 * (np.log2(1 / 0.75) + 0.5 * np.log2(0.5 / 0.75) + 0.5)  # all against half of the mass
    assert state_space_jensen_shannon(x, half).value == pytest.approx(expected, abs=1e-12)
