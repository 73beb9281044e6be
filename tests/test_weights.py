"""Model files: both directions, all families, versions, damage."""

import json
import struct

import numpy as np
import pytest
import torch

from dsr.errors import DsrError
from dsr.models import MODELS, Model, ShallowPLRNN
from dsr.runs.weights import load_model, save_model, to_bytes


def header_of(path):
    blob = path.read_bytes()
    (size,) = struct.unpack("<Q", blob[:8])
    return json.loads(json.loads(blob[8 : 8 + size])["__metadata__"]["dsr"])


def test_a_file_gives_the_same_model_back(tmp_path):
    model = ShallowPLRNN(2, hidden_dim=7, clipped=True, seed=3)
    model.data_mean.copy_(torch.tensor([5.0, -1.0]))
    model.dt.fill_(0.25)
    again = load_model(save_model(model, tmp_path / "m.safetensors"))
    start = np.array([[0.3, -0.2]])
    np.testing.assert_array_equal(model.free_run(start, 50).observations, again.free_run(start, 50).observations)
    assert float(again.dt) == 0.25 and again.arguments["hidden_dim"] == 7
    second = save_model(again, tmp_path / "n.safetensors")
    assert second.read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_precision_and_external_inputs_survive(tmp_path):
    model = ShallowPLRNN(2, hidden_dim=3).double().add_inputs(2, seed=1)
    again = load_model(save_model(model, tmp_path / "m.safetensors"))
    assert again.dtype == torch.float64 and torch.equal(again.input_matrix, model.input_matrix)


def test_a_file_of_format_1_still_loads(tmp_path):
    """Written out by hand, so that a change of what is written cannot hide."""
    tensors = {
        "A": torch.tensor([0.5]), "W1": torch.tensor([[1.0, -2.0]]), "W2": torch.tensor([[1.0], [3.0]]),
        "h1": torch.tensor([0.25]), "h2": torch.tensor([0.0, 1.0]),
        "observation.lift": torch.zeros((0, 1)),
        "dt": torch.tensor(0.1, dtype=torch.float64),
        "data_mean": torch.zeros(1, dtype=torch.float64), "data_std": torch.ones(1, dtype=torch.float64),
    }  # fmt: skip
    settings = {
        "name": "shplrnn", "latent_dim": None, "hidden_dim": 2, "clipped": False, "observation": "identity"
    }  # fmt: skip
    header = {
        "format": 1, "version": "0.1.0", "model": settings, "obs_dim": 1, "input_dim": 0,
        "dtype": "float32",
    }  # fmt: skip
    path = tmp_path / "old.safetensors"
    path.write_bytes(to_bytes(tensors, header))
    z = torch.tensor([[2.0]])
    assert load_model(path).step(z).item() == 0.5 * 2 + 1 * 2 - 2 * 7 + 0.25


def test_files_that_cannot_be_read_are_refused_in_a_sentence(tmp_path):
    path = save_model(ShallowPLRNN(1, hidden_dim=2), tmp_path / "m.safetensors")
    assert header_of(path)["format"] == 1
    newer = to_bytes({"A": torch.zeros(1)}, {"format": 2, "version": "9.0"})
    for name, blob, match in (
        ("newer", newer, "the format 2 .dsr 9.0"),
        ("cut", path.read_bytes()[:200], "damaged"),
        ("bare", to_bytes({"A": torch.zeros(1)}), "format unknown"),
    ):
        (tmp_path / name).write_bytes(blob)
        with pytest.raises(DsrError, match=match):
            load_model(tmp_path / name)
    with pytest.raises(DsrError, match="missing"):
        load_model(tmp_path / "absent")


def test_a_family_that_is_not_registered_is_refused(tmp_path):
    class Own(ShallowPLRNN):
        pass

    with pytest.raises(DsrError, match="class Own"):
        save_model(Own(1, hidden_dim=2), tmp_path / "m.safetensors")


def test_a_file_of_a_family_that_is_not_imported_says_to_import_it(tmp_path, monkeypatch):
    path = save_model(ShallowPLRNN(1, hidden_dim=2), tmp_path / "m.safetensors")
    monkeypatch.delitem(MODELS._entries, "shplrnn")
    with pytest.raises(
        DsrError, match=r"'shplrnn', which is not registered.*import the module that registers 'shplrnn'"
    ):
        load_model(path)


def test_every_registered_name_is_one_class():
    families = [MODELS[name].family for name in MODELS]
    assert len(set(families)) == len(families) and all(issubclass(f, Model) for f in families)
