"""The table of Newton iterations counts what it says."""

import torch

from dsr.models import ALRNN
from dsr.runs.bench.parallel_in_time import iteration_row
from dsr.systems import get_system


def test_a_linear_model_is_solved_by_one_iteration_whatever_the_forcing():
    series = get_system("henon").simulate(400, transient=100, seed=0)
    model = ALRNN(2, 3, relu_units=0).double()
    before = [p.clone() for p in model.parameters()]
    for alpha, tau in ((0.0, 1), (0.3, 1), (1.0, 7)):
        row = iteration_row("linear", model, series, 30, alpha, tau)
        assert (row["median_iterations"], row["max_iterations"], row["converged"]) == (1.0, 1, 1.0)
        assert (row["T"], row["alpha"], row["tau"]) == (30, alpha, tau)
        assert row["ratio"] > 0
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_an_expanding_free_run_is_reported_as_not_converged():
    series = get_system("henon").simulate(400, transient=100, seed=0)
    model = ALRNN(2, 2, relu_units=1)
    with torch.no_grad():
        model.A.fill_(1e12)
    row = iteration_row("expanding", model, series, 60, 0.0, 1)
    assert row["converged"] == 0.0 and row["max_iterations"] == 0
    assert iteration_row("expanding", model, series, 60, 1.0, 1)["converged"] == 1.0
