"""Every measure of the symbols room, on any input: its sentence or its named result, never a silent number."""

import math
import warnings
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dsr.analysis import (
    as_symbol_sequence,
    block_entropies,
    critical_point,
    dwell_times,
    embedded_chain,
    fit_partition,
    forbidden_words,
    gate_elbow,
    kneading_sequence,
    markov_state_model,
    maxima_symbols,
    occupancy_curve,
    partition_divergence,
    region_symbols,
    side_symbols,
    topological_entropy,
    transition_matrix,
    word_counts,
    word_divergence,
)
from dsr.errors import DsrError
from dsr.measure import Measure

OF_SYMBOLS = {
    "block_entropies": lambda s: block_entropies(s, blocks=4),
    "dwell_times": dwell_times,
    "embedded_chain": lambda s: embedded_chain(s, blocks=None),
    "forbidden_words": lambda s: forbidden_words(s, 3),
    "kneading_sequence": lambda s: kneading_sequence(s, 4),
    "markov_state_model": lambda s: markov_state_model(as_symbol_sequence(s), 1, blocks=4),
    "occupancy_curve": occupancy_curve,
    "topological_entropy": topological_entropy,
    "transition_matrix": lambda s: transition_matrix(s, blocks=4),
    "word_counts": lambda s: word_counts(s, 3),
    "word_divergence": lambda s: word_divergence(s, s, 2, blocks=4),
}
OF_POINTS = {
    "critical_point": critical_point,
    "maxima_symbols": maxima_symbols,
    "side_symbols": side_symbols,
    "voronoi": lambda x: fit_partition(x, 5).symbols(x),
    "quantile": lambda x: fit_partition(x, 4, kind="quantile").symbols(x),
    "markov_state_model": lambda x: markov_state_model(x, 2, cells=4, blocks=4),
    "partition_divergence": lambda x: partition_divergence(x, x, cells=4, partitions=2, lag=3),
    "region_symbols": region_symbols,
    "gate_elbow": lambda x: gate_elbow(enumerate(np.ravel(x))),
}


def check(measure, x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            named(measure(x))
        except DsrError as problem:
            assert problem.got and problem.accepted and problem.next_step


def named(result):
    """NaN only with a note, everywhere in a result."""
    if isinstance(result, Measure):
        assert math.isfinite(result.value) or result.note
    elif isinstance(result, np.ndarray):
        assert not np.isnan(result).any()
    elif isinstance(result, float):
        assert math.isfinite(result)
    elif is_dataclass(result):
        for f in fields(result):
            if f.name not in ("error", "errors", "periods", "time_scales", "spectral"):  # documented NaN and inf
                named(getattr(result, f.name))


symbol_input = st.one_of(
    arrays(np.int64, st.integers(0, 60), elements=st.integers(-(2**62), 2**62)),
    arrays(np.int64, st.integers(0, 200), elements=st.integers(0, 2)),
    arrays(np.bool_, st.integers(0, 60)),
    arrays(np.float64, 30),
    st.text("LR", max_size=80),
    st.text(max_size=20),
)
point_input = st.one_of(
    arrays(np.float64, st.integers(0, 80)),
    arrays(np.float64, st.tuples(st.integers(0, 60), st.integers(0, 3))),
    arrays(np.float64, st.tuples(st.integers(20, 60), st.integers(1, 3)), elements=st.floats(-1e150, 1e150)),
    arrays(np.float64, (60, 2), elements=st.sampled_from([0.0, 1.0])),
    arrays(np.float64, (60, 2), elements=st.just(3.0)),
    arrays(np.bool_, (40, 3)),
)


@pytest.mark.parametrize("name", OF_SYMBOLS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(x=symbol_input)
def test_symbols(name, x):
    check(OF_SYMBOLS[name], x)


@pytest.mark.parametrize("name", OF_POINTS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(x=point_input)
def test_points(name, x):
    check(OF_POINTS[name], x)


@pytest.mark.parametrize("x", [
    np.full((100, 2), 7.0), np.tile([[0.0, 1.0], [1.0, 0.0]], (50, 1)), np.ones((1, 2)), np.full((100, 2), np.nan),
    1e150 * np.random.default_rng(0).normal(size=(100, 2)), 1e-320 * np.arange(200.0).reshape(100, 2),
])  # fmt: skip
@pytest.mark.parametrize("name", OF_POINTS)
def test_named_hard_cases(name, x):
    check(OF_POINTS[name], x)
    check(OF_POINTS[name], x[:, 0])
