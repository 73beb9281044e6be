"""Topologically minimal reconstructions: words, regions and fixed points on systems whose symbols are known exactly."""

import copy
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from dsr.analysis import side_symbols, transition_matrix, word_counts, word_divergence
from dsr.errors import SpecError, StoreError
from dsr.fate import DIVERGED, FIXED_POINT
from dsr.models import ALRNN
from dsr.runs.drawing.truth_points import rates_of
from dsr.runs.execute import execute
from dsr.runs.spec import SystemData, parse
from dsr.runs.store import RunFolder, RunStore
from dsr.runs.validation.minimal import collect as collecting
from dsr.runs.validation.minimal import published, table
from dsr.runs.validation.minimal import truth as true_side
from dsr.runs.validation.minimal.criteria import met, succeeds
from dsr.runs.validation.minimal.figure import minimal_figure
from dsr.runs.validation.minimal.points import beside_truth, model_points
from dsr.runs.validation.minimal.published import FILE, published_record
from dsr.runs.validation.minimal.record import free_run, itinerary
from dsr.runs.validation.minimal.regions import markov_rate, region_record
from dsr.runs.validation.minimal.section import blocks
from dsr.runs.validation.minimal.words import coin_tosses, entropies, lacking
from dsr.runs.weights import load_model

GOLDEN = (1 + math.sqrt(5)) / 2
FULL = 1.9999  # slope 2 itself ends on a fixed point in binary arithmetic


def tent_network(slope):
    """x' = s x + 0.3 - 2 s relu(x): the tent map of slope s with its peak at 0."""
    return ALRNN.from_weights(
        torch.tensor([slope]), torch.tensor([[-2 * slope]]), torch.tensor([0.3]), torch.eye(1), relu_units=1
    )


def letters(slope, steps=20_000):
    run = tent_network(slope).free_run(np.array([[0.1]]), steps + 100)
    return side_symbols(run.observations[0, 100:])


@pytest.fixture
def short_truth(monkeypatch):
    """Truths of a second or two."""
    for name, value in (("REFERENCE", 200_000), ("RUN", 60_000), ("OTHERS", 6)):
        monkeypatch.setattr(true_side, name, value)
    true_side._truth.cache_clear()
    yield true_side.truth_of
    true_side._truth.cache_clear()


@pytest.fixture
def lorenz(short_truth):
    return short_truth(SystemData(system="lorenz63", dt=0.01))


@pytest.fixture
def rossler(short_truth):
    return short_truth(SystemData(system="rossler", dt=0.08))


def test_a_full_tent_map_has_every_word_and_one_of_golden_slope_lacks_two_left_in_a_row():
    full, golden = letters(FULL), letters(GOLDEN)
    assert len(word_counts(full, 8).counts) == 2**8
    assert lacking([full], [golden], 8) == ["LL"] and lacking([golden], [full], 8) == []
    assert len(word_counts(golden, 8).counts) == 55  # a Fibonacci number


def test_a_word_too_rare_to_be_expected_is_not_called_absent():
    golden, short = letters(GOLDEN), letters(FULL, 30)
    assert lacking([letters(FULL)], [golden], 2) == ["LL"]
    assert lacking([short], [golden], 2, expected=1e6) == []
    assert "LLLLLL" not in lacking([letters(FULL)], [short], 6)  # half an occurrence was to be expected


@pytest.mark.parametrize("slope", [GOLDEN, FULL])
def test_both_entropies_of_a_tent_map_are_the_logarithm_of_its_slope(slope):
    found = entropies(letters(slope))
    assert found["return_time"] == 1.0
    assert found["entropy_rate"] == pytest.approx(math.log(slope), rel=0.01)
    assert found["topological_entropy"] == pytest.approx(math.log(slope), rel=0.01)


def test_the_regions_of_a_golden_tent_map_are_a_markov_partition():
    """So the chain of first order has the whole entropy; the peak splits time as 1 : golden."""
    model = tent_network(GOLDEN)
    states = model.free_run(np.array([[0.1]]), 40_000).states[0, 100:]
    symbols = itinerary(model, states, 0.5)
    found = region_record(symbols, period=2.0)
    assert found["visited"] == found["used"] == 2
    assert markov_rate(transition_matrix(symbols, blocks=None)) == pytest.approx(math.log(GOLDEN), rel=0.01)
    assert found["markov_rate"] == pytest.approx(math.log(GOLDEN) / 0.5, rel=0.01)
    assert found["entropy_rate"] == pytest.approx(math.log(GOLDEN) / 0.5, rel=0.01)
    assert {(source, target) for source, target, *_ in found["edges"]} == {("0", "1"), ("1", "0"), ("1", "1")}


def test_a_network_without_gates_has_one_region_and_no_surprises():
    linear = ALRNN.from_weights(torch.tensor([0.9]), torch.zeros(1, 1), torch.tensor([0.1]), torch.eye(1), relu_units=0)
    found = region_record(itinerary(linear, np.linspace(0, 1, 500)[:, None], 1.0), period=4.0)
    assert (found["visited"], found["used"], found["markov_rate"], found["entropy_rate"]) == (1, 1, 0.0, 0.0)
    (point,) = model_points(linear, [""], 1.0)
    assert point["real"] and point["point"] == pytest.approx([1.0]) and point["kind"] == "stable node"


def test_fixed_points_of_a_tent_network_are_where_they_must_be():
    """x = 0.3 / (1 + s) with multiplier -s on the right, x = 0.3 / (1 - s) with s on the left."""
    left, right = sorted(model_points(tent_network(1.7), ["0", "1"], 0.1), key=lambda p: p["region"])
    assert left["real"] and left["point"] == pytest.approx([-0.3 / 0.7], rel=1e-6)
    assert right["real"] and right["point"] == pytest.approx([0.3 / 2.7], rel=1e-6)
    assert left["rates"][0] == pytest.approx([math.log(1.7) / 0.1, 0.0], rel=1e-6)
    assert right["rates"][0] == pytest.approx([math.log(1.7) / 0.1, math.pi / 0.1], rel=1e-6)
    assert left["unstable"] == right["unstable"] == 1
    virtual = [p for p in model_points(tent_network(0.5), ["0", "1"], 0.1) if not p["real"]]
    assert [(p["region"], *p["point"]) for p in virtual] == [("0", pytest.approx(0.6, rel=1e-6))]


@pytest.mark.filterwarnings("error")
def test_an_annihilated_direction_has_the_rate_minus_infinity():
    assert rates_of([0.0, 0.5, 1j], 2.0).tolist() == [-np.inf, np.log(0.5) / 2, 0.25j * np.pi]


def test_a_fixed_point_counts_only_if_it_is_real_near_and_of_the_same_type():
    spiral = np.array([0.1 + 10j, 0.1 - 10j, -13.0])
    truth = [(np.array([[1.0, 2.0]]), "saddle focus", 2, spiral)]
    scale = np.array([1.0, 2.0])
    good = {"real": True, "point": [1.1, 2.1], "unstable": 2, "rates": [[0.2, 9.0], [0.2, -9.0], [-1.0, 0.0]]}

    def same(**changes):
        return beside_truth(truth, [{**good, **changes}], scale)[0]["same"]

    assert same() and not same(real=False) and not same(unstable=1) and not same(point=[1.5, 2.0])
    assert not same(rates=[[0.2, 0.0], [0.1, 0.0], [-1.0, 0.0]])  # it grows without turning
    assert not same(
        rates=[[0.2, 75.0], [0.2, -75.0], [-1.0, 9.0], [-1.0, -9.0]]
    )  # another oscillation than the truth's
    near, far = {**good, "real": False, "point": [1.0, 2.0]}, good
    (beside,) = beside_truth(truth, [near, far], scale)
    assert beside["match"] == 1 and beside["distance"] == pytest.approx(math.sqrt((0.1**2 + 0.05**2) / 2))
    assert beside_truth(truth, [], scale)[0]["match"] is None


def test_words_of_lorenz_carry_its_exponent_and_truth_is_at_the_floor(lorenz):
    assert lorenz.entropies["entropy_rate"] == pytest.approx(0.9056, rel=0.03)
    assert lorenz.entropies["return_time"] == pytest.approx(0.751, rel=0.01)
    assert [p["required"] for p in lorenz.as_tree()["points"]] == [True, False, True]  # the origin lies below the box
    other = true_side._truth.__wrapped__("lorenz63", (), 0.01, 40.0).others[0]
    true = lorenz.beside(other)
    assert true["divergence"]["5"] < 2 * lorenz.floors[5].high and true["missing"] == true["foreign"] == []
    twice = side_symbols(np.repeat(other.symbols, 2), threshold=0.5)  # wings are never left after one turn
    wrong = lorenz.beside(twice)
    assert wrong["divergence"]["5"] > 4 * lorenz.floors[5].high and wrong["missing"][:2] == ["LRL", "RLR"]


def test_rossler_forbids_three_left_in_a_row_and_a_stronger_one_does_not(rossler):
    words = {n: set(word_counts(rossler.sequence, n).names) for n in (2, 3, 4)}
    assert "LL" in words[2] and "LLL" not in words[3] and "LLRR" not in words[4]
    stronger = true_side._truth.__wrapped__("rossler", (("c", 9.0),), 0.08, None).reference[:60_000]
    letters_of_it = rossler.partition.symbols(stronger * [5.7 / 9, 1, 1], 0.08)
    assert "LLL" in lacking([letters_of_it], [rossler.sequence, *rossler.others], 3)
    (inner, outer) = rossler.as_tree()["points"]
    coin = rossler.beside(coin_tosses(rossler.sequence, 0))
    assert coin["foreign"][0] == "LLL" and coin["divergence"]["5"] > 10 * rossler.floors[5].high
    assert coin["entropy_rate"] == pytest.approx(math.log(2) / rossler.sequence.step, rel=0.01)
    assert (outer["required"], inner["required"], inner["unstable"]) == (False, True, 2)


def test_a_dither_between_rows_makes_no_returns(lorenz):
    clean = lorenz.reference[:20_000]
    dithered = clean + 0.2 * (np.arange(len(clean)) % 2)[:, None]
    first, second = (lorenz.partition.symbols(x, 0.01) for x in (clean, dithered))
    assert str(first) == str(second)
    noisy = word_divergence(first, second, 5).value
    assert noisy == 0.0


def test_a_system_without_a_partition_is_refused():
    with pytest.raises(SpecError, match="lorenz63"):
        true_side.truth_of(SystemData(system="lorenz96"))


POINT = {"point": [0.0], "kind": "saddle", "unstable": 1, "rates": [[1.0, 0.0]], "required": True}
RECORD = {
    "run": "r", "system": "rossler", "seed": 0, "relu_units": 1, "outcome": "chaotic",
    "measures": {"lambda_1": [1.1, 1.0]},
    "truth": {"floors": {"5": [0.1, 0.2, 0.3], "8": [1, 1, 1]}, "points": [POINT, {**POINT, "required": False}],
              "entropies": {"entropy_rate": 1.0, "topological_entropy": 1.0}, "names": ["x"],
              "coin": {"divergence": {"5": 6.0, "8": 1.0}, "missing": [], "foreign": ["LLL"], "entropy_rate": 0.7,
                       "topological_entropy": 0.7}},
    "regions": {"used": 2, "visited": 3, "entropy_rate": 1.0}, "points": [],
    "words": {"divergence": {"5": 0.5, "8": 1.0}, "missing": ["LLLLLL"], "foreign": [], "entropy_rate": 1.0,
              "topological_entropy": 1.0},
    "beside": [{"match": None, "same": True}, {"match": None, "same": False}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "missed"),
    [
        (("outcome",), "diverged", "chaotic"),
        (("measures", "lambda_1"), [1.2, 1.0], "lambda_1"),
        (("words", "divergence", "5"), 0.61, "words"),
        (("words", "foreign"), ["LLLLL"], "grammar"),
        (("beside", 0, "same"), False, "fixed points"),
    ],
)
def test_each_criterion_can_be_missed_alone(path, value, missed):
    assert succeeds(RECORD)
    changed = copy.deepcopy(RECORD)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert [name for name, good in met(changed).items() if not good] == [missed]


def test_a_lost_run_meets_nothing_and_counts():
    lost = {**RECORD, "outcome": "failed", "measures": {}, "truth": None, "regions": None, "words": None, "beside": []}
    assert not any(met(lost).values())
    assert "| 1 | 2 | 1 | 1 | 1 | 1 | 1 | 1 | 1 of 2 |" in table.counts([RECORD, lost])
    assert "| a fair coin |  |  |  | 20 | 1 | 0.7 | 0.7 |" in table.values([RECORD, lost])
    assert "| 1 | 1 of 2 |" in table.values([RECORD, lost])
    assert "| 3 | 0 of 1 |" in table.values([RECORD, {**lost, "outcome": "diverged", "relu_units": 3}])


def test_the_verdict_names_the_fewest_regions_with_which_one_and_most_runs_succeed():
    bad = {**RECORD, "outcome": "cycle"}
    more = {**RECORD, "relu_units": 2, "regions": {**RECORD["regions"], "used": 4}}
    text = table.verdict([RECORD, bad, bad, more, more])
    assert "3 of 5 runs succeed" in text and "are **2**" in text
    assert "from 2 rectified units on (2 of 2; 4 [4, 4] regions used)" in text
    assert table.best([more, RECORD, bad]) is RECORD
    assert table.best([bad, {**bad, "regions": {"used": 1}, "words": None}]) is bad  # few regions alone are no merit
    assert table.best([{**more, "outcome": "cycle"}, bad]) is bad  # but among those that miss as much, they are
    assert table.verdict([bad]) == "**The one run does not succeed.** It misses chaotic, and uses 2 regions."
    often = {**RECORD, "words": {**RECORD["words"], "divergence": {"5": 1e9, "8": 1e9}}}
    assert "words are right in 2, in 1 of them with 2 regions" in table.verdict(
        [often, {**often, "regions": {**RECORD["regions"], "used": 4}}, bad]
    )
    assert "right in" not in table.verdict([bad, bad]) and "right in" not in text
    some = table.verdict([RECORD, often, bad])
    assert "1 of 3 runs succeed" in some and "words are right in 2, in 2 of them with 2 regions" in some
    assert "**None of 2 runs succeeds.** Seed 0 with 1 rectified unit misses chaotic" in table.verdict([bad, bad])


@pytest.fixture
def store(tmp_path):
    """A store with one tiny run of an AL-RNN."""
    tree = {
        "experiment": "alrnn-rossler",
        "data": {"system": "rossler", "dt": 0.08, "train": 900, "validation": 500, "test": 600},
        "model": {"name": "alrnn", "latent_dim": 5, "relu_units": 1},
        "training": {"steps": 20, "members": 1, "checks": 1, "check_steps": 200, "window": 10},
        "analysis": {"starts": 2, "lyapunov_steps": 20, "lyapunov_members": 2},
    }  # fmt: skip
    store = RunStore(tmp_path)
    execute(parse(tree), store, report=False)
    return store


def test_records_are_kept_and_made_again_for_a_new_version_or_a_damaged_file(store, short_truth, monkeypatch, tmp_path):
    made, out = [], RunFolder(tmp_path / "page")
    compute = collecting.record_of

    def counted(run):
        made.append(run)
        return compute(run)

    monkeypatch.setattr(collecting, "record_of", counted)
    first = collecting.collect(store, out)
    assert list(first) == ["alrnn-rossler"] and len(made) == 1
    assert collecting.collect(store, out) == first and len(made) == 1
    (kept,) = (store.root / ".minimal").iterdir()
    before = kept.read_bytes()
    kept.write_text("{")
    assert collecting.collect(store, out) == first and len(made) == 2 and kept.read_bytes() == before
    monkeypatch.setattr(collecting, "VERSION", collecting.VERSION + 1)
    assert collecting.collect(store, out)["alrnn-rossler"][0]["version"] == collecting.VERSION and len(made) == 3
    text = "\n".join(blocks(first, "minimal.png"))
    assert "The one run does not succeed" in text and "minimal.png" in text
    record = {**first["alrnn-rossler"][0], "regions": {"used": 1, "visited": 1, "shares": {"0": 1.0}}}
    assert minimal_figure(out, {"alrnn-rossler": [record]}) is None
    assert blocks({}, None) == []


def test_the_folder_of_the_page_stands_in_for_a_store(store, short_truth, tmp_path):
    """Records and the model of the best run: all that tables and figure need."""
    out, nothing = RunFolder(tmp_path / "page"), RunStore(tmp_path / "empty")
    first = collecting.collect(store, out)
    record = first["alrnn-rossler"][0]
    record |= {"regions": {"used": 2, "visited": 2, "shares": {"0": 0.5, "1": 0.5}, "entropy_rate": 0.1}}
    collecting.keep(store, out, first)
    assert collecting.collect(nothing, out) == first
    assert blocks(collecting.collect(nothing, out), None) == blocks(first, None)
    model = load_model(out / collecting.model_file("alrnn-rossler"))
    (run,) = store.runs()
    assert all(torch.equal(x, model.state_dict()[name]) for name, x in load_model(run.path).state_dict().items())
    collecting.keep(nothing, out, first)
    assert (out / collecting.model_file("alrnn-rossler")).exists()
    with pytest.raises(StoreError, match="missing or damaged"):
        minimal_figure(RunFolder(tmp_path / "elsewhere"), first)


def test_a_free_run_that_diverges_has_no_states(rossler):
    growing = ALRNN(3, 3, 0, seed=0).double()
    with torch.no_grad():
        growing.A.fill_(3.0)
    assert free_run(growing, rossler, 5_000)[0] is None


@pytest.mark.parametrize(("factor", "fate"), [(1.002, DIVERGED), (0.9, FIXED_POINT)])
def test_the_fate_of_a_free_run_is_that_of_a_scorecard(rossler, monkeypatch, factor, fate):
    """One run leaves for 100 000 standard deviations, all of them finite, the other one comes to rest."""
    linear = ALRNN(3, 3, 0, seed=0).double()
    with torch.no_grad():
        linear.A.fill_(factor)
        linear.W.zero_()
        linear.h.zero_()
        linear.data_mean.copy_(torch.from_numpy(rossler.reference.mean(0)))
        linear.data_std.copy_(torch.from_numpy(rossler.scale))
    states, seen = free_run(linear, rossler, 5_000)
    assert (states is None) == (fate == DIVERGED) and np.isfinite(seen).all()
    for name, value in (("MEMBERS", 2), ("STEPS", 500), ("ALIGNING", 50)):
        monkeypatch.setattr(published, name, value)
    assert published._exponents(linear, replace(rossler, run=5_000))[0] == fate


@pytest.mark.slow
def test_published_weights_have_three_regions_and_the_skeleton_of_lorenz(shared_data, short_truth):
    """Two foci and the saddle at the origin are real and of the right type; the words are not those of Lorenz."""
    record = published_record(shared_data / FILE)
    assert record["regions"]["used"] == record["regions"]["visited"] == 3 and record["outcome"] == "chaotic"
    matched = [record["points"][b["match"]] for b in record["beside"]]
    assert [p["unstable"] for p in matched] == [2, 1, 2] and all(p["real"] for p in matched)
    assert record["measures"]["lambda_1"][0] == pytest.approx(0.89, abs=0.04)
    criteria = met(record)
    assert criteria["lambda_1"] and not criteria["words"] and not criteria["fixed points"]
    text = "\n".join(blocks({collecting.PUBLISHED: [record]}, None))
    assert collecting.PUBLISHED in text and "misses: words" in text
