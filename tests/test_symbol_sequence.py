import numpy as np
import pytest

from dsr.analysis import (
    SymbolSequence,
    dwell_times,
    embedded_chain,
    region_codes,
    region_symbols,
    topological_entropy,
    transition_matrix,
    word_counts,
)
from dsr.errors import DataError


def published_alrnn_orbit(folder, steps):
    """States of the published AL-RNN by its formula, z' = A z + W phi(z) + h with ReLU on the last two units."""
    path = folder / "alrnn_lorenz63_m20_p2.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    d = np.load(path, allow_pickle=False)
    z = d["orbit_first_200"][0].astype(np.float64)
    A, W, h = (d[k].astype(np.float64) for k in "AWh")
    states = np.empty((steps, z.size))
    for t in range(steps):
        phi = z.copy()
        phi[-2:] = np.maximum(phi[-2:], 0.0)
        z = A * z + W @ phi + h
        states[t] = z
    return states


def test_codes_are_the_bits_as_a_binary_number():
    rng = np.random.default_rng(0)
    for P in (1, 8, 9, 62, 63):
        bits = rng.random((200, P)) < 0.5
        assert region_codes(bits).tolist() == [sum(2**i for i in range(P) if row[i]) for row in bits]
    assert region_codes(np.ones((1, 63), dtype=bool))[0] == 2**63 - 1


def test_more_than_63_bits_get_consecutive_labels():
    rng = np.random.default_rng(0)
    distinct = rng.random((40, 200)) < 0.5
    which = rng.integers(0, 40, 1000)
    codes = region_codes(distinct[which])
    assert sorted(set(codes)) == list(range(len(set(which))))
    pairs = set(zip(codes.tolist(), which.tolist(), strict=True))
    assert len(pairs) == len(set(which))  # one label per region


def test_bits_from_a_function_are_the_bits_themselves():
    z = np.random.default_rng(0).normal(size=(70_000, 3))  # more than one piece
    by_function = region_symbols(lambda rows: rows[:, 1:] > 0, z, dt=0.5)
    by_array = region_symbols(z[:, 1:] > 0, dt=0.5)
    assert by_function.alphabet == by_array.alphabet == ("00", "10", "01", "11")
    assert (by_function.symbols == by_array.symbols).all() and by_function.times[-1] == 0.5 * 69_999
    with pytest.raises(DataError, match="not the states"):
        region_symbols(z)
    with pytest.raises(DataError, match="one row of bits per state"):
        region_symbols(lambda rows: rows[:, 0] > 0, z)


def test_run_compression_keeps_order_and_times():
    runs = SymbolSequence(np.array([1, 1, 0, 0, 0, 2]), ("a", "b", "c"), np.arange(6) * 0.1).run_compressed()
    assert str(runs) == "bac"
    np.testing.assert_allclose(runs.times, [0.0, 0.2, 0.5])


def test_the_published_alrnn_speaks_the_two_letter_language_of_lorenz(shared_data):
    states = published_alrnn_orbit(shared_data, 30_000)[1000:]
    regions = region_symbols(states[:, -2:] > 0)
    assert len(regions.alphabet) == 3  # of four
    assert len(transition_matrix(regions).counts) == 7
    itinerary = regions.run_compressed()
    assert [len(word_counts(itinerary, n).counts) for n in range(1, 9)] == [3, 4, 6, 8, 12, 16, 24, 32]
    # separator and free choice: the full two-shift at two symbols per letter
    assert topological_entropy(itinerary, 7).spectral == pytest.approx(np.full(7, 0.5), abs=1e-12)
    assert {(e.source, e.target) for e in embedded_chain(itinerary).edges} == {
        ("11", "01"), ("11", "10"), ("01", "11"), ("10", "11"),
    }  # fmt: skip
    assert sum(dwell_times(regions).of(name).size for name in regions.alphabet) == len(itinerary) - 2


def test_sequences_that_are_none_are_refused():
    with pytest.raises(DataError, match="positions in the alphabet"):
        SymbolSequence(np.array([0, 3]), ("a", "b"), np.arange(2))
    with pytest.raises(DataError, match="one name twice"):
        SymbolSequence(np.array([0, 1]), ("a", "a"), np.arange(2))
    with pytest.raises(DataError, match="times"):
        SymbolSequence(np.array([0, 1]), ("a", "b"), np.array([0.0, 0.0]))
    with pytest.raises(DataError, match="whole numbers"):
        word_counts(np.array([0.0, 1.5]), 1)
