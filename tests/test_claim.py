"""Claims on run folders: one living owner at a time, and the dead own nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from run_folders import write_run

from dsr.runs import claim
from dsr.runs.claim import CLAIM, RunClaimed, claimant, claimed
from dsr.runs.compare.command import list_runs
from dsr.runs.store import RunStore


def written(folder, **changes):
    """A claim file with parts of it changed."""
    with claimed(folder):
        owner = json.loads((folder / CLAIM).read_text())
    (folder / CLAIM).write_text(json.dumps(owner | changes))


def test_a_claim_excludes_others_and_is_given_back(tmp_path):
    with claimed(tmp_path):
        assert claimant(tmp_path)["pid"] == os.getpid()
        with pytest.raises(RunClaimed, match=f"computed by process {os.getpid()}"), claimed(tmp_path):
            pytest.fail("claimed twice")
    assert claimant(tmp_path) is None and not list(tmp_path.iterdir())


def test_a_claim_is_given_back_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), claimed(tmp_path):
        raise RuntimeError
    assert claimant(tmp_path) is None


def test_of_many_only_one_has_the_claim(tmp_path):
    inside, seen, refused = threading.Semaphore(0), [], []

    def take():
        try:
            with claimed(tmp_path):
                seen.append(threading.get_ident())
                inside.acquire()
        except RunClaimed:
            refused.append(1)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(refused) < 7:
        time.sleep(0.01)
    assert len(seen) == 1
    inside.release()
    for thread in threads:
        thread.join()


def test_the_claim_of_a_killed_process_is_taken_over_at_once(tmp_path):
    code = "import sys, time, pathlib; from dsr.runs.claim import claimed\n"
    code += "with claimed(pathlib.Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    assert claimant(tmp_path)["pid"] == holder.pid
    holder.kill()
    holder.wait()
    assert (tmp_path / CLAIM).exists() and claimant(tmp_path) is None
    with claimed(tmp_path):
        assert claimant(tmp_path)["pid"] == os.getpid()


def test_a_number_that_another_process_has_got_since_is_not_the_owner(tmp_path):
    written(tmp_path, since_boot="another boot 12")
    assert claimant(tmp_path) is None
    written(tmp_path, since_boot="", started=12.0)
    assert claimant(tmp_path) is None


def test_a_claim_without_the_time_since_boot_is_understood(tmp_path):
    with claimed(tmp_path):
        owner = json.loads((tmp_path / CLAIM).read_text())
        owner.pop("since_boot", None)
        (tmp_path / CLAIM).write_text(json.dumps(owner))
        assert claimant(tmp_path)["pid"] == os.getpid()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="there is no /proc")
def test_a_step_of_the_clock_takes_no_claim_away(tmp_path, monkeypatch):
    with claimed(tmp_path):
        started = claim._started
        monkeypatch.setattr(claim, "_started", lambda pid: started(pid) + 5.0)
        assert claimant(tmp_path)["pid"] == os.getpid()


def test_on_another_machine_the_heartbeat_decides(tmp_path):
    written(tmp_path, host="elsewhere", pid=1)
    assert claimant(tmp_path)["host"] == "elsewhere"
    old = time.time() - claim.STALE_SECONDS - 1
    os.utime(tmp_path / CLAIM, (old, old))
    assert claimant(tmp_path) is None
    (tmp_path / CLAIM).write_text('{"host": "els')
    assert claimant(tmp_path) == {}, "cut short, but only just written"
    os.utime(tmp_path / CLAIM, (old, old))
    assert claimant(tmp_path) is None


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(claim, "BEAT_SECONDS", 0.01)
    with claimed(tmp_path):
        os.utime(tmp_path / CLAIM, (1.0, 1.0))
        until = time.monotonic() + 20
        while (tmp_path / CLAIM).stat().st_mtime < 2 and time.monotonic() < until:
            time.sleep(0.01)
        assert (tmp_path / CLAIM).stat().st_mtime > 2


def test_a_run_whose_process_is_dead_is_listed_as_interrupted(tmp_path):
    store = RunStore(tmp_path)
    alive, _ = (write_run(store, "a", "esn", seed, {}, state="running") for seed in (0, 1))
    with claimed(alive.path):
        for _ in "ab":  # the index keeps what it has read
            entries = json.loads(list_runs(str(tmp_path), [], {}, as_json=True))
            assert [e["state"] for e in entries] == ["running", "interrupted"]
        (dead,) = json.loads(list_runs(str(tmp_path), ["state=interrupted"], {}, as_json=True))
        assert dead["seed"] == 1
