"""One thread in runs: the same bytes, whatever the linear algebra of this process is allowed."""

from __future__ import annotations

from threadpoolctl import threadpool_info, threadpool_limits

from dsr.runs.execute import execute
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.runs.threads import one_thread

SPEC = {
    "data": {"system": "lorenz63", "train": 4000, "validation": 500, "test": 1000, "floor_trajectories": 2},
    "model": {"name": "ngrc"},
    "analysis": {"starts": 3, "lyapunov_steps": 50, "lyapunov_members": 2},
}


def allowed():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_linear_algebra_has_one_thread_and_gets_its_own_back():
    with threadpool_limits(2):
        before = allowed()
        with one_thread():
            assert allowed() == {1}
        assert allowed() == before == {2}


def test_a_run_has_the_same_bytes_whatever_threads_the_process_has(tmp_path):
    """Least squares over 4000 rows is split by a threaded library, and sums in another order."""
    files, found = ("weights.safetensors", "generated.npz", "measures.json"), []
    for threads in (1, 2):
        with threadpool_limits(threads):
            folder = execute(parse(SPEC), RunStore(tmp_path / str(threads)), report=False).folder
        found.append([(folder / name).read_bytes() for name in files])
    assert found[0] == found[1]
