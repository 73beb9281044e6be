"""Published AL-RNN weights become a model file; files that do not fit are refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest

from dsr.errors import DataError
from dsr.runs.importing import import_weights
from dsr.runs.weights import load_model

PUBLISHED = Path(__file__).parent.parent.parent / "shared" / "data" / "alrnn_lorenz63_m20_p2.npz"


def made(sees_kinks=True, **changes):
    rng = np.random.default_rng(0)
    arrays = {"A": rng.uniform(0, 0.9, 5), "W": 0.1 * rng.normal(size=(5, 5)), "h": rng.normal(size=5)}
    arrays["h"][3:] = -abs(arrays["h"][3:]) if sees_kinks else 5.0
    arrays["B"] = rng.normal(size=(2, 5))
    states = [rng.normal(size=5)]
    for _ in range(30):
        z = states[-1]
        phi = np.concatenate([z[:3], np.maximum(z[3:], 0)])
        states.append(arrays["A"] * z + arrays["W"] @ phi + arrays["h"])
    arrays = {**arrays, "orbit": np.array(states), **changes}
    return {key: a for key, a in arrays.items() if a is not None}


@pytest.fixture
def write(tmp_path):
    def written(**changes):
        np.savez(tmp_path / "w.npz", **made(**changes))
        return tmp_path / "w.npz"

    return written


@pytest.mark.skipif(not PUBLISHED.exists(), reason="needs the published weights in ../shared/data")
def test_the_published_orbit_is_reproduced(tmp_path):
    found = import_weights(PUBLISHED, tmp_path / "m.safetensors", dt=0.01)
    assert (found.relu_units, found.compared) == (2, 200) and found.error < 1e-12
    with np.load(PUBLISHED, allow_pickle=False) as file:
        x0, orbit = file["x0"], file["orbit_first_200"]
    model = load_model(found.path)
    start = model.initial_state(x0[None, None])
    np.testing.assert_allclose(start[0].numpy(), orbit[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(model.free_run(start, 200).states[0], orbit[1:], rtol=0, atol=1e-9)
    assert float(model.dt) == 0.01


def test_the_orbit_tells_how_many_units_are_rectified(write, tmp_path):
    found = import_weights(write(), tmp_path / "m.safetensors")
    assert found.relu_units == 2 and "30 published steps" in found.sentence
    again = import_weights(write(orbit=None), tmp_path / "n.safetensors", relu_units=2)
    assert again.compared == 0 and again.path.read_bytes() == found.path.read_bytes()
    assert import_weights(write(orbit=None, P=np.array(3)), tmp_path / "p.safetensors").relu_units == 3


def test_an_orbit_that_never_meets_a_kink_does_not_tell(write, tmp_path):
    with pytest.raises(DataError, match=r"fits 0, 1, 2.*rectified units.*--relu-units"):
        import_weights(write(sees_kinks=False), tmp_path / "m.safetensors")
    assert import_weights(write(sees_kinks=False), tmp_path / "m.safetensors", relu_units=2).relu_units == 2


def test_a_diagonal_matrix_and_a_scaling_are_taken(write, tmp_path):
    diagonal = np.diag(made()["A"])
    path = write(A=diagonal, mean=np.array([1.0, 2.0]), std=np.array([3.0, 4.0]))
    model = load_model(import_weights(path, tmp_path / "m.safetensors").path)
    seen = model.free_run(made()["orbit"][:1], 1).observations[0, 0]
    np.testing.assert_allclose(seen, [1, 2] + np.array([3, 4]) * made()["orbit"][1, :2], rtol=1e-12)


BAD = {
    "missing": ({"W": None}, "no W among A, B, h, orbit"),
    "sizes": ({"h": np.ones(4)}, r"h of shape \(4,\)"),
    "observation": ({"B": np.ones((2, 4))}, r"B of shape \(2, 4\)"),
    "not finite": ({"h": np.full(5, np.nan)}, "not finite"),
    "another orbit": ({"orbit": np.ones((9, 5))}, "the weights miss by"),
    "flat orbit": ({"orbit": np.ones(9)}, r"an orbit of shape \(9,\)"),
    "no orbit": ({"orbit": None}, "neither an orbit nor P.*--relu-units"),
    "too many": ({"P": np.array(6)}, "6 rectified units"),
    "scaling": ({"std": np.zeros(2)}, "std of shape"),
    "pickle": ({"A": np.array([{}], dtype=object)}, "cannot be read as weights"),
}


@pytest.mark.parametrize(("changes", "said"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_one_sentence(write, tmp_path, changes, said):
    with pytest.raises(DataError, match=said) as problem:
        import_weights(write(**changes), tmp_path / "m.safetensors")
    assert "; accepted: " in str(problem.value) and not (tmp_path / "m.safetensors").exists()


def test_what_is_no_file_of_weights_is_refused(tmp_path):
    (tmp_path / "a.npz").write_text("no")
    np.save(tmp_path / "a.npy", np.ones(3))
    for name in ("a.npz", "a.npy", "absent.npz"):
        with pytest.raises(DataError, match="cannot be read as weights"):
            import_weights(tmp_path / name, tmp_path / "m.safetensors")
