"""The benchmark: its yardstick is the same training, its ratios are paired, and the page says what was measured."""

from __future__ import annotations

import re
import types

import numpy as np
import pytest
import torch

from dsr.runs.bench import __main__ as command
from dsr.runs.bench import gpu, gradients, processes, sizes
from dsr.runs.bench.goals import Goal, Section
from dsr.runs.bench.gradients import size_errors
from dsr.runs.bench.page import page
from dsr.runs.bench.plain import PlainTraining, plain_model
from dsr.runs.bench.sizes import SIZES, Size, training_run
from dsr.runs.bench.timing import QUICK, Effort, Variant, measure, ratio, steps_within
from dsr.runs.markdown import table
from dsr.training.ensemble import Ensemble
from dsr.training.gradients.gradient import autograd_backend
from dsr.training.optimiser import Optimiser

TOY = {
    "S1": Size("S1", "alrnn", 3, 5, 2, 2, 6, 1.0, 4),
    "S2": Size("S2", "shplrnn", 3, 3, 4, 2, 6, 0.1, 1),
}
FORCINGS = {"none": (0.0, 1), "full": (1.0, 1), "sparse": (1.0, 3), "generalized": (0.2, 1)}
BRIEF = Effort(2, 0.0005, 500)


@pytest.fixture
def toy_sizes(monkeypatch):
    for name in list(SIZES):
        monkeypatch.delitem(SIZES, name)
    for name, size in TOY.items():
        monkeypatch.setitem(SIZES, name, size)


def silent(what: str) -> None:
    pass


@pytest.mark.parametrize("alpha, tau", FORCINGS.values(), ids=FORCINGS)
@pytest.mark.parametrize("family, latent", [("alrnn", 6), ("alrnn", 3), ("shplrnn", 3), ("shplrnn", 5)])
def test_the_plain_loop_has_the_loss_and_gradient_of_the_backends(family, latent, alpha, tau):
    size = Size("toy", family, 3, latent, 3, 4, 11, alpha, tau)
    model = size.model(1).double()
    with torch.no_grad():
        model.A.add_(0.3)
    windows = torch.randn((12, 4, 3), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plain = plain_model(size, model)
    loss = torch.nn.functional.mse_loss(plain(windows), windows[1:])
    loss.backward()
    ensemble = Ensemble([model])
    strengths = alpha * (torch.arange(1, 12) % tau == 0).double()[:, None]
    expected = autograd_backend(ensemble, windows[:, None], strengths)
    torch.testing.assert_close(loss.detach(), expected[0], rtol=1e-13, atol=0)
    for name, gradient in ensemble.gradients.items():
        if gradient.numel():
            found = plain.get_parameter(name.rpartition(".")[2]).grad
            torch.testing.assert_close(found, gradient[0], rtol=1e-12, atol=1e-14)


def test_plain_training_is_radam_on_fresh_gradients_of_random_windows():
    size = TOY["S1"]
    training = PlainTraining(size)
    losses = training.run(2)
    rng, rows, span = torch.Generator().manual_seed(0), size.windows().rows, torch.arange(7)[:, None]
    ensemble = Ensemble([size.model(0)])
    start, optimiser = ensemble.flat.clone(), Optimiser(ensemble.flat)
    scale, eps = optimiser.scalars(2)
    strengths = torch.from_numpy(size.forcing.strengths(6))[:, None].float()
    for i in range(2):
        windows = rows[torch.randint(len(rows) - 6, (2,), generator=rng) + span]
        loss = autograd_backend(ensemble, windows[:, None], strengths)
        assert losses[i] == pytest.approx(float(loss), rel=1e-5)
        optimiser.step(ensemble.gradient, torch.full((1, 1), sizes.LEARNING_RATE), float(scale[i]), float(eps[i]))
    found = torch.cat(
        [
            training.model.get_parameter(n.rpartition(".")[2]).detach().reshape(-1)
            for n in (name for name, _ in size.model(0).named_parameters())
        ]
    )
    moved = (ensemble.flat - start).abs().max()
    assert (found - ensemble.flat[0]).abs().max() < 1e-2 * moved


def test_a_training_run_is_what_the_size_says():
    run = training_run(TOY["S2"], "torch", 3)
    job = run.job
    assert (job.ensemble.members, job.config.batch_size, job.windows.length, job.windows.noise) == (3, 2, 6, 0.0)
    assert job.config.clip_norm > 0 and job.ensemble.flat.dtype == torch.float32
    run.advance(7)
    assert run.state.step == 7 == job.optimiser.count
    torch.testing.assert_close(job.windows.rows.mean(0), torch.zeros(3), atol=1e-5, rtol=0)


def test_the_reference_sizes_are_those_of_the_goals():
    shapes = {n: (s.family, s.latent, s.inner, s.obs, s.batch, s.window, s.alpha, s.tau) for n, s in SIZES.items()}
    assert shapes == {
        "S1": ("alrnn", 20, 2, 3, 16, 200, 1.0, 16),
        "S2": ("shplrnn", 3, 50, 3, 16, 200, 0.1, 1),
        "L1": ("alrnn", 100, 20, 20, 64, 100, 1.0, 16),
        "L2": ("shplrnn", 100, 500, 64, 16, 200, 0.1, 1),
    }


def test_a_ratio_is_taken_within_rounds():
    base, other = np.array([10.0, 20.0, 12.0, 30.0, 10.0]), np.array([1.0, 2.0, 1.0, 3.0, 2.0])
    found = ratio(base, other)
    assert (found.median, found.low, found.high) == (10.0, 5.0, 12.0)
    assert str(found) == "**10** [5, 12]"
    assert found.median != np.median(base) / np.median(other)
    slow = np.array([1.0, 1.0, 7.0, 1.0, 1.0])  # the machine slows down for one round: no ratio changes
    assert ratio(base * slow, other * slow) == found


def test_each_round_runs_every_variant_once_in_random_order():
    now, calls = [0.0], []

    def runner(name: str, seconds: float):
        def run(steps: int) -> None:
            calls.append((name, steps))
            now[0] += seconds * steps

        return run

    costs = {"a": 0.25, "b": 0.001, "c": 0.004}
    variants = {n: Variant(runner(n, c), models=2 if n == "c" else 1) for n, c in costs.items()}
    found = measure(variants, Effort(8, 0.1, 1), silent, seed=1, clock=lambda: now[0])
    rounds = [calls[-24:][i : i + 3] for i in range(0, 24, 3)]
    assert all(sorted(name for name, _ in r) == ["a", "b", "c"] for r in rounds)
    assert len({tuple(name for name, _ in r) for r in rounds}) > 1
    assert {n: s for r in rounds for n, s in r} == {"a": 1, "b": 100, "c": 25}
    for name, per_model in {"a": 0.25, "b": 0.001, "c": 0.002}.items():
        np.testing.assert_allclose(found[name], [per_model] * 8)


def test_the_first_steps_do_not_count_towards_the_number_of_steps():
    now, first = [0.0], [True]

    def run(steps: int) -> None:
        now[0] += 60.0 if first[0] else 0.01 * steps
        first[0] = False

    assert steps_within(run, 0.5, clock=lambda: now[0]) == 50


def test_verdicts_are_computed():
    assert Goal("x", "S1", 3.0, 3.0).verdict == "met"
    assert Goal("x", "S1", 3.0, 2.0).verdict == "missed: 66.7 % of it"
    assert Goal("x", "S1", 100.0, 20.0).verdict == "missed: 20 % of it"
    assert Goal("x", "S1", 1e-5, 9e-6, most=True).verdict == "met"
    assert Goal("x", "S1", 1e-5, 3e-5, most=True).verdict == "missed by a factor of 3"
    assert Goal("x", "S1", 1e-5, float("inf"), most=True).verdict == "missed by a factor of inf"
    assert Goal("x", "S1", 1.0, float("nan")).verdict == "missed"
    assert Goal("x", "S1", 1024, -8, most=True).verdict == "met"
    assert Goal("x", "S1", 3.0, None, reason="no GPU").verdict == "not measured: no GPU"
    assert Goal("x", "S1", 3.0, 2.9876, unit="x").row() == ["x", "S1", ">= 3x", "2.988x", "missed: 99.6 % of it"]


def test_tables_and_pages_are_markdown():
    assert table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"
    assert table(("a", "b"), []) == ""
    section = Section("One", "words", [Goal("speed", "S1", 2.0, 3.0)])
    text = page([section], "the machine", Effort(5, 0.25, 1), rough=False)
    assert "in each of 5 rounds" in text and "about 0.25 s" in text and "Quick run" not in text
    assert "| speed | S1 | >= 2 | 3 | met |" in text
    assert re.findall("^#+ .*", text, re.M) == ["# Benchmarks", "## How it was measured", "## Goals", "## One"]
    assert "Quick run" in page([section], "the machine", QUICK, rough=True)
    assert "\n\n\n" not in text and text.endswith("words\n")


def test_gradient_errors_see_a_wrong_and_an_unfinished_gradient(monkeypatch):
    def wrong(ensemble, windows, strengths):
        loss = autograd_backend(ensemble, windows, strengths)
        ensemble.gradients["A"].mul_(1.001)
        return loss

    def unfinished(ensemble, windows, strengths):
        loss = autograd_backend(ensemble, windows, strengths)
        ensemble.gradients["A"][1] = torch.nan
        return loss

    found = {"right": (autograd_backend, "cpu"), "wrong": (wrong, "cpu"), "unfinished": (unfinished, "cpu")}
    monkeypatch.setattr(gradients, "backends", lambda: found)
    errors = size_errors(TOY["S1"])
    assert errors["right", "float64"] == 0.0 and errors["right", "float32"] < 1e-5
    assert errors["wrong", "float64"] == pytest.approx(1e-3, rel=1e-6)
    assert errors["unfinished", "float64"] == errors["unfinished", "float32"] == float("inf")
    assert errors["plain loop", "float64"] < 1e-13 and 0 < errors["plain loop", "float32"] < 1e-5


class FakeWorker:
    """A process on a machine with so many cores; the wall time of a step is one second."""

    cores, running = 2, 0

    def __init__(self, size, backend):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def start(self, steps):
        FakeWorker.running += 1
        self.steps = steps

    def wait(self):
        wall = self.steps * max(1.0, 2 / FakeWorker.cores)
        FakeWorker.running = 0
        return types.SimpleNamespace(wall=wall, cpu=float(self.steps))

    def run(self, steps):
        return types.SimpleNamespace(wall=float(steps), cpu=float(steps))


@pytest.mark.parametrize("cores", [1, 2])
def test_scaling_is_the_throughput_of_two_over_one(cores, monkeypatch):
    monkeypatch.setattr(processes, "Worker", FakeWorker)
    monkeypatch.setattr(processes, "_no_room", lambda busy: "")
    monkeypatch.setattr(processes, "steps_within", lambda run, seconds, clock: 10)
    monkeypatch.setattr(FakeWorker, "cores", cores)
    section = processes.scaling(BRIEF, silent)
    (goal,) = section.goals
    assert "leave out waiting for a core, **2** [2, 2]" in section.text
    assert goal.measured == cores
    assert goal.verdict == ("met" if cores == 2 else "missed: 55.6 % of it")


def test_scaling_is_not_measured_where_other_programs_run(monkeypatch):
    monkeypatch.setattr(processes, "load", lambda: 1000.0)
    section = processes.scaling(BRIEF, silent)
    assert section.goals[0].verdict.startswith("not measured: other programs are running (load average 1000.00")


def test_a_worker_trains_and_tells_its_memory(monkeypatch):
    monkeypatch.setattr(processes, "SMALL", TOY["S1"])
    monkeypatch.setattr(processes, "WARM_UP", 300)
    section = processes.memory(BRIEF, silent)
    (goal,) = section.goals
    assert "500" in goal.what and (goal.measured is None or abs(goal.measured) < 50_000)


def test_a_worker_that_died_is_named():
    with processes.Worker(TOY["S1"], "torch") as worker:
        worker._process.kill()
        with pytest.raises(RuntimeError, match="the worker ended with status -9"):
            worker.wait()


def test_a_fleet_counts_the_steps_of_every_model():
    effort = Effort(3, 0.01, 1)
    speeds = [gpu.fleet_speed(TOY["S2"], "torch", members, "cpu", effort, silent) for members in (1, 64)]
    assert speeds[1] > 5 * speeds[0]  # 64 models share the cost of launching


def test_a_quick_run_writes_the_page(toy_sizes, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(command, "QUICK", BRIEF)
    threads, output = torch.get_num_threads(), tmp_path / "B.md"
    torch.set_num_threads(2)
    names = "gradients, training,ensembles,forcing,optimiser,gpu"
    try:
        assert command.main(["--quick", "--sections", names, "-o", str(output)]) == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    captured = capsys.readouterr()
    assert captured.out == f"{output}\n" and captured.err == ""
    text = output.read_text()
    for line in ("# Benchmarks", "## Goals", "## One model", "## Ensembles on one core", "## Errors of gradients"):
        assert line in text.splitlines()
    assert "| gradient of torch, float64 | all sizes | <= 1e-12 |" in text
    assert "| threads of torch | 1 |" in text and "nan" not in text
    if not torch.cuda.is_available():
        assert "Not measured: no GPU in this machine." in text
    assert [p.name for p in tmp_path.iterdir()] == ["B.md"]


def test_what_goes_wrong_leaves_the_old_page_alone(monkeypatch, tmp_path, capsys):
    output = tmp_path / "B.md"
    output.write_text("old")

    def interrupted(effort, say):
        raise KeyboardInterrupt

    monkeypatch.setitem(command.SECTIONS, "memory", interrupted)
    assert command.main(["--sections", "memory", "-o", str(output)]) == 130
    assert command.main(["--sections", "traning", "-o", str(output)]) == 2
    assert command.main(["--sections", "", "-o", str(output)]) == 2
    assert command.main(["-o", str(tmp_path / "nowhere" / "B.md")]) == 2
    errors = capsys.readouterr().err
    assert "did you mean 'training'" in errors and "in a folder that exists" in errors
    assert [p.name for p in tmp_path.iterdir()] == ["B.md"] and output.read_text() == "old"
