"""What tells a finished run from remains: checksums, and what is done about those that disagree."""

from __future__ import annotations

import pytest

from dsr.runs.manifest import damage, empty, seal, state
from dsr.runs.store import RunStore


@pytest.fixture
def sealed(tmp_path):
    folder = RunStore(tmp_path).create("e", "r")
    folder.write("weights.safetensors", b"0123456789")
    folder.write("measures.json", "{}")
    folder.write("figures/a.png", b"drawn")
    folder.write("report.html", "<p>")
    folder.log("resumed")
    seal(folder, steps=3, failures=0)
    return folder


def test_a_sealed_run_is_finished_and_tells_its_status(sealed):
    assert state(sealed) == "finished" and sealed.status["steps"] == 3


def test_a_truncated_a_changed_and_a_missing_file_are_named(sealed):
    weights = sealed / "weights.safetensors"
    weights.write_bytes(b"01234")
    assert damage(sealed) == ["weights.safetensors"] and state(sealed) == "damaged"
    weights.write_bytes(b"0123456780")
    assert damage(sealed) == ["weights.safetensors"], "of the right size, but not what was written"
    weights.unlink()
    assert damage(sealed) == ["weights.safetensors"]


def test_a_manifest_or_status_that_was_tampered_with_is_damage(sealed):
    manifest = sealed / "manifest.json"
    text = manifest.read_text()
    manifest.write_text(text.replace("10", "11"))
    assert damage(sealed) == ["manifest.json"]
    manifest.unlink()
    assert damage(sealed) == ["manifest.json"]
    manifest.write_text(text)
    assert damage(sealed) == []
    (sealed / "status.json").write_text('{"state": "fin')
    assert damage(sealed) == ["status.json"] and state(sealed) == "damaged"


def test_what_is_drawn_may_be_drawn_again(sealed):
    sealed.write("report.html", "<p>another")
    sealed.write("figures/a.png", b"in other colours")
    sealed.log("drawn again")
    assert state(sealed) == "finished"


def test_a_run_without_a_manifest_is_asked_for_its_results(tmp_path):
    folder = RunStore(tmp_path).create("e", "r")
    folder.write("measures.json", "{}")
    folder.set_status("finished")
    assert damage(folder) == ["table.txt"]
    folder.write("table.txt", "")
    assert state(folder) == "finished"


def test_an_unfinished_run_has_the_state_it_says(tmp_path):
    folder = RunStore(tmp_path).create("e", "r")
    assert state(folder) == "absent"
    folder.set_status("running")
    assert state(folder) == "running"
    folder.set_failed("RuntimeError: a", "Traceback")
    folder.set_failed("RuntimeError: b", "Traceback")
    assert state(folder) == "failed" and folder.failures == 2 and folder.status["reason"] == "RuntimeError: b"


def test_emptying_leaves_only_what_happened(sealed):
    empty(sealed)
    assert sorted(p.name for p in sealed.path.iterdir()) == ["log.txt", "status.json"]
