"""Orbit diagrams: bifurcations where theory has them, exact exponents, escapes as rows, alone as in a batch."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from dsr.errors import SpecError
from dsr.runs.figures.orbit_diagram import orbit_diagram, symbol
from dsr.runs.figures.style import render
from dsr.runs.orbit_diagram import sweep, write
from dsr.runs.orbit_diagram.command import swept
from dsr.runs.orbit_diagram.verdict import period_of, verdict
from dsr.systems import from_toml, get_system

LOGISTIC, HENON, LORENZ = get_system("logistic"), get_system("henon"), get_system("lorenz63")


def rows(found):
    return list(zip(found.verdicts, found.periods.tolist(), strict=True))


def test_the_logistic_map_doubles_its_period_on_its_way_to_chaos():
    found = sweep(LOGISTIC, "r", [2.9, 3.2, 3.5, 3.55, 3.566, 3.5692, 3.5699, 3.5701, 4.0])
    cascade = [("fixed point", 1), *(("periodic", p) for p in (2, 4, 8, 16, 32))]
    assert rows(found)[:6] == cascade
    assert found.exponents[6, 0] < 0 < found.exponents[7, 0] and found.verdicts[7:] == ("chaotic", "chaotic")
    assert found.exponents[8, 0] == pytest.approx(math.log(2), abs=3 * found.stderr[8, 0])
    assert np.unique(found.points[1].round(6)).size == 2 and found.points[0] == pytest.approx(1 - 1 / 2.9)
    assert found.kaplan_yorke.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1]


def test_bifurcations_of_the_logistic_map_are_where_they_should_be():
    onset = {2: 3.0, 4: 1 + math.sqrt(6), 3: 1 + math.sqrt(8)}
    for period, r in onset.items():
        found = sweep(LOGISTIC, "r", [r - 2e-3, r + 2e-3])
        assert found.periods[0] != period and rows(found)[1] == ("periodic", period), r
    at = sweep(LOGISTIC, "r", [3.0, 1 + math.sqrt(6)], transient=20_000, duration=20_000)
    assert np.abs(at.exponents[:, 0]).max() < 3e-4
    r = np.array([2.7, 2.9, 3.1, 3.3, 3.4])
    exact = np.where(r < 3, np.log(np.abs(2 - r)), np.log(np.abs(4 + 2 * r - r**2)) / 2)
    found = sweep(LOGISTIC, "r", r)
    assert found.exponents[:, 0] == pytest.approx(exact, abs=1e-3)


def test_the_tent_map_has_the_logarithm_of_its_slope():
    slopes = np.array([1.1, 1.5, 1.9])
    found = sweep(get_system("tent"), "slope", slopes, duration=3000)
    assert found.exponents[:, 0] == pytest.approx(np.log(slopes), abs=1e-12)
    assert set(found.verdicts) == {"chaotic"}


def test_henons_map_doubles_where_theory_says_and_escapes_as_a_row():
    first, second = 3 * 0.7**2 / 4, 0.7**2 + 1.3**2 / 4  # b = 0.3
    values = [first - 5e-3, first + 5e-3, second - 5e-3, second + 5e-3, 1.45, 1.4]
    found = sweep(HENON, "a", values)
    assert rows(found)[:4] == [("fixed point", 1), ("periodic", 2), ("periodic", 2), ("periodic", 4)]
    assert found.verdicts[4:] == ("escapes", "chaotic") and found.reasons[4].startswith("became infinite")
    assert not found.points[4].size and np.isnan(found.exponents[4]).all()
    assert found.exponents[5, 0] == pytest.approx(0.41922, abs=3 * found.stderr[5, 0])
    assert found.kaplan_yorke[5] == pytest.approx(1.25827, abs=3 * found.kaplan_yorke_error[5])
    assert np.delete(found.exponents, 4, axis=0).sum(axis=1) == pytest.approx(math.log(0.3), abs=1e-9)


def test_lorenz_rests_then_is_chaotic_then_periodic():
    found = sweep(LORENZ, "rho", [0.5, 10.0, 20.0, 28.0, 100.5, 160.0], coordinate="z")
    names = ("fixed point", "fixed point", "fixed point", "chaotic", "periodic", "periodic")
    assert found.verdicts == names
    assert [p.size for p in found.points[:3]] == [1, 1, 1]
    assert np.concatenate(found.points[:3]) == pytest.approx([0.0, 9.0, 19.0], abs=1e-3)
    assert found.exponents[3, 0] == pytest.approx(0.9056, abs=3 * found.stderr[3, 0])
    assert found.kaplan_yorke[:3].tolist() == [0, 0, 0] and found.kaplan_yorke[4:].tolist() == [1, 1]
    assert found.kaplan_yorke[3] == pytest.approx(2.062, abs=0.005)
    assert found.exponents.sum(axis=1) == pytest.approx(-(10 + 1 + 8 / 3), abs=1e-3)  # constant divergence
    assert found.periods[4] > 0 and found.shown == "maxima of z"


def test_an_attractor_is_followed_until_it_loses_its_stability():
    slow = {"transient": 1500.0, "duration": 1500.0}  # near the bifurcation the spiral takes long to close
    up = sweep(LORENZ, "rho", [20.0, 22.0, 23.0, 24.0, 24.4], continued=True, **slow)
    down = sweep(LORENZ, "rho", [28.0, 26.0, 24.4], continued=True)
    assert up.verdicts[-1] == "fixed point" and down.verdicts[-1] == "chaotic"  # both attract from 24.06 to 24.74


def test_an_orbit_that_has_lost_its_stability_is_left():
    left = sweep(LORENZ, "rho", [0.5, 5.0], continued=True, transient=2000.0)  # rests at the origin to the last digit
    assert abs(left.points[1][-1]) == pytest.approx(math.sqrt(8 / 3 * 4), abs=1e-3)


def test_rosslers_period_doubles_with_c():
    found = sweep(get_system("rossler"), "c", [2.5, 3.5, 4.0, 5.7], exponents=3)
    assert rows(found) == [("periodic", 1), ("periodic", 2), ("periodic", 4), ("chaotic", 0)]
    assert found.exponents[3, 0] == pytest.approx(0.0714, abs=3 * found.stderr[3, 0])
    assert found.kaplan_yorke[:3].tolist() == [1, 1, 1] and found.kaplan_yorke[3] == pytest.approx(2.0132, abs=0.003)
    assert np.abs(found.exponents[:3, 0]).max() < 3e-3  # of a cycle: zero along the flow
    crossed = sweep(get_system("rossler"), "c", [2.5, 3.5], coordinate="x", section=("y", 0.0), exponents=1)
    assert rows(crossed) == [("periodic", 1), ("periodic", 2)] and (np.concatenate(crossed.points) > 0).all()


@pytest.mark.parametrize("continued", [False, True])
def test_a_delay_may_vary_and_its_state_with_it(continued):
    values = [10.0, 14.05, 23.0]
    found = sweep(get_system("mackey_glass"), "tau", values, exponents=2, duration=5000.0, continued=continued)
    assert rows(found) == [("periodic", 1), ("periodic", 2), ("chaotic", 0)]


def test_a_value_alone_is_the_value_in_a_batch():
    values = [1.0, 1.2, 1.45, 1.4]
    together = sweep(HENON, "a", values, duration=500, seed=3)
    for i, a in enumerate(values):
        alone = sweep(HENON, "a", [a], duration=500, seed=3)
        for name in ("exponents", "stderr", "kaplan_yorke"):
            assert np.array_equal(getattr(alone, name)[0], getattr(together, name)[i], equal_nan=True)
        assert np.array_equal(alone.points[0], together.points[i]) and rows(alone)[0] == rows(together)[i]
    assert together.settings["parameters"] == {"b": 0.3} and together.settings["seed"] == 3


def test_own_equations_escape_at_some_values_and_go_on_at_others(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('[system]\ntime = "map"\n[parameters]\nr = 3\n[equations]\nx = "r*x*(1 - x)"\n')
    found = sweep(from_toml(path), "r", [3.2, 4.1, 4.0])
    assert rows(found)[:2] == [("periodic", 2), ("escapes", 0)] and found.verdicts[2] == "chaotic"


def test_values_that_the_system_refuses_are_rows_unless_all_are():
    found = sweep(LOGISTIC, "r", [4.2, 3.2])
    assert found.verdicts == ("refused", "periodic") and "up to 4" in found.reasons[0]
    with pytest.raises(SpecError, match="up to 4"):
        sweep(LOGISTIC, "r", [4.2, 4.3])


def test_the_period_is_the_smallest_that_repeats_three_times():
    cycle = np.tile([[0.1], [0.5], [0.9], [0.5]], (5, 1))
    assert period_of(cycle, 1e-9) == 4 and period_of(cycle[:11], 1e-9) == 0
    assert period_of(cycle + 1e-3 * np.arange(20)[:, None], 1e-4) == 0
    assert period_of(np.ones((3, 2)), 0.0) == 1


@pytest.mark.parametrize(
    "flow, still, period, seen, exponents, expected",
    [
        (False, False, 2, 9, [-0.5], ("periodic", 2)),
        (False, False, 0, 9, [-0.5], ("periodic", 0)),
        (False, False, 0, 9, [0.001], ("undecided", 0)),
        (True, True, 1, 1, [-0.5, -0.5], ("fixed point", 0)),
        (True, False, 0, 9, [-0.5, -0.6], ("fixed point", 0)),
        (True, False, 0, 9, [0.001, -0.6], ("periodic", 0)),
        (True, False, 0, 0, [0.001, -0.6], ("undecided", 0)),
        (True, False, 0, 9, [0.001, -0.001], ("undecided", 0)),
        (True, False, 3, 9, [0.5, -0.001], ("chaotic", 0)),
        (True, False, 1, 9, [-0.5, -0.5], ("fixed point", 0)),
    ],
)
def test_the_verdict_weighs_exponents_and_periods(flow, still, period, seen, exponents, expected):
    rates = np.array(exponents)
    found = verdict(
        flow=flow, still=still, period=period, seen=seen, exponents=rates, stderr=0 * rates, duration=1000.0
    )
    assert found == expected


@pytest.mark.parametrize(
    "system, parameter, more, words",
    [
        ("logistic", "R2", {}, "no parameter of logistic named 'R2'.*'r'"),
        ("lorenz96", "dim", {}, "dim of lorenz96 is a whole number.*forcing=FIRST"),
        ("lorenz63", "rho", {"coordinate": "w"}, "no coordinate of lorenz63 named 'w'"),
        ("lorenz63", "rho", {"section": ("x", 0.0)}, "another coordinate than the one shown"),
        ("logistic", "r", {"section": ("x", 0.5)}, "of the map logistic"),
        ("logistic", "r", {"exponents": 2}, "^exponents = 2; accepted: 1 to 1"),
        ("lorenz63", "rho", {"duration": 1.0}, "^duration = 1; accepted: a time from"),
        ("logistic", "r", {"transient": 0.5}, "whole iterations"),
    ],
)
def test_what_cannot_be_swept_is_refused(system, parameter, more, words):
    with pytest.raises(SpecError, match=words):
        sweep(get_system(system), parameter, [1.0, 2.0], **more)


@pytest.mark.parametrize("text", [["r=3"], ["r=1..2", "a=1..2"], ["r=..4"], ["r=1..x"], ["r=2..2"], ["=1..2"]])
def test_a_malformed_range_is_refused(text):
    with pytest.raises(SpecError, match=r"FIRST\.\.LAST"):
        swept(text)
    assert swept(["b=0.2", "a=-1.5e-1 .. 2"]) == ("a", -0.15, 2.0, ["b=0.2"])


@pytest.fixture(scope="module")
def diagram():
    return sweep(HENON, "a", [0.2, 0.9, 1.2, 1.4, 1.5], duration=1000, points=50)


def test_tables_hold_what_was_found(diagram, tmp_path):
    import pandas
    import pyarrow.parquet

    written = [path for kind in ("csv", "parquet", "json") for path in write(diagram, tmp_path / f"d.{kind}")]
    assert [p.name for p in written] == ["d.csv", "d-points.csv", "d.parquet", "d-points.parquet", "d.json"]
    for table in (pandas.read_csv(tmp_path / "d.csv"), pandas.read_parquet(tmp_path / "d.parquet")):
        assert table["verdict"].tolist() == list(diagram.verdicts)
        assert np.allclose(table["lambda_1"], diagram.exponents[:, 0], rtol=1e-12, equal_nan=True)
    points = pandas.read_csv(tmp_path / "d-points.csv")
    assert len(points) == 4 * 50 and np.allclose(points[points["a"] == 0.9]["x"], diagram.points[1], rtol=1e-12)
    metadata = pyarrow.parquet.read_schema(tmp_path / "d.parquet").metadata
    tree = json.loads((tmp_path / "d.json").read_text())
    assert json.loads(metadata[b"settings"]) == tree["settings"] and tree["settings"]["points"] == 50
    assert tree["values"]["lambda_1"][4] is None and tree["points"][4] == []
    assert len(write(diagram, tmp_path / "folder")) == 5
    with pytest.raises(SpecError, match=r"orbit\.xls"):
        write(diagram, tmp_path / "orbit.xls")


def test_the_figure_shows_the_points_the_exponents_and_the_gap(diagram):
    figure = orbit_diagram(diagram)
    upper, lower = figure.axes
    drawn = np.concatenate([line.get_xydata() for line in upper.lines])
    assert len(drawn) == 200 and all(line.get_rasterized() for line in upper.lines)
    assert np.sort(drawn[drawn[:, 0] == 1.2, 1]) == pytest.approx(np.sort(diagram.points[2]))
    curve = lower.lines[1].get_ydata()
    assert curve[:4] == pytest.approx(diagram.exponents[:4, 0]) and np.isnan(curve[4])
    grey = [patch for patch in upper.patches if patch.get_x() == pytest.approx(1.45)]
    assert len(grey) == 1 and grey[0].get_width() == pytest.approx(0.05)
    assert lower.get_xlabel() == "$a$" and upper.get_ylabel() == "x" and "per iteration" in lower.get_ylabel()
    assert symbol("rho") == r"$\rho$" and symbol("forcing") == "forcing"
    assert render(figure, "svg") == render(orbit_diagram(diagram), "svg")


def test_a_figure_without_any_orbit_says_so():
    lost = sweep(HENON, "a", [1.6, 1.7])
    assert any("stays bounded" in text.get_text() for axes in orbit_diagram(lost).axes for text in axes.texts)


def test_the_command_writes_files_and_says_what_it_found(capsys, monkeypatch, tmp_path):
    from dsr.runs import cli

    def dsr(*arguments):
        monkeypatch.setattr("sys.argv", ["dsr", "orbit-diagram", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return end.value.code, capsys.readouterr()

    out = tmp_path / "d.pdf"
    code, said = dsr("henon", "a=0.2..1.6", "b=0.3", "--points", "4", "--duration", "500", "-o", str(out))
    assert not code and out.stat().st_size > 5000 and "escapes" in said.out and said.err == ""
    assert dsr("henon", "c=0..1", "-o", str(out))[0] == 2
    code, said = dsr("henon", "a=0..1", "-o", "d.doc")
    assert code == 2 and "d.doc" in said.err and "Traceback" not in said.err
