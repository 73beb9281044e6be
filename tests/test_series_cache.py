"""Generated series on disk: the same as without, and never a reason for a run to fail."""

import errno
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from dsr.errors import SpecError
from dsr.runs import series_cache
from dsr.runs.dataset import prepare
from dsr.runs.doctor import examine
from dsr.runs.series_cache import NO_CACHE, SeriesCache
from dsr.runs.simulate import simulate_to_file
from dsr.runs.spec import parse
from dsr.runs.store import RunStore
from dsr.systems import get_system

HENON = get_system("henon")
SETTINGS = {"n": 400, "dt": 1.0, "transient": 10.0, "seed": 3, "noise": 0.1}
SPEC = {"data": {"system": "henon", "train": 90, "validation": 80, "test": 70, "floor_trajectories": 3, "noise": 0.1}}


def simulated(system=HENON, settings=SETTINGS):
    return [system.simulate(**settings)]


def refuse():
    raise AssertionError("a series was computed again")


def same(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b, strict=True):
        assert one.values.tobytes() == other.values.tobytes() and dict(one.origin) == dict(other.origin)
        assert (one.dt, one.time_unit, one.names) == (other.dt, other.time_unit, other.names)


@pytest.fixture(autouse=True)
def everything_is_worth_keeping(monkeypatch):
    monkeypatch.setattr(series_cache, "WORTHWHILE", -1e9)
    for name in ("DSR_CACHE", "DSR_CACHE_SIZE", "DSR_STORE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def cache(tmp_path):
    return SeriesCache(tmp_path / "series", 10**7)


def names(cache):
    return sorted(path.name for path in cache.root.iterdir())


def test_a_run_has_the_same_data_with_and_without_the_cache(cache, monkeypatch):
    plain, first = prepare(parse(SPEC)), prepare(parse(SPEC), cache)
    assert len(names(cache)) == 6
    monkeypatch.setattr("dsr.runs.dataset.independent_sets", refuse)
    second = prepare(parse(SPEC), cache)
    for data in (first, second):
        for field in ("train", "validation", "independent"):
            same(getattr(data, field), getattr(plain, field))
        same([data.test], [plain.test])


@pytest.mark.parametrize("name", ["lorenz63", "kuramoto_sivashinsky", "mackey_glass", "dysts:Rossler"])
def test_every_kind_of_system_comes_back_bit_for_bit(cache, name):
    system = get_system(name)
    settings = {"n": 100, "dt": None, "transient": system.period, "seed": 1, "noise": 0.0}
    same(cache.series(system, settings, lambda: simulated(system, settings)), simulated(system, settings))
    same(cache.series(system, settings, refuse), simulated(system, settings))


def test_what_is_quick_to_compute_is_not_kept(cache, monkeypatch):
    monkeypatch.setattr(series_cache, "WORTHWHILE", 0.2)
    same(cache.series(HENON, SETTINGS, simulated), simulated())
    assert not cache.root.exists()


@pytest.mark.parametrize("change", [{"n": 401}, {"seed": 4}, {"transient": 11.0}, {"noise": 0.2}])
def test_other_settings_are_another_series(cache, change):
    cache.series(HENON, SETTINGS, simulated)
    other = {**SETTINGS, **change}
    same(cache.series(HENON, other, lambda: simulated(HENON, other)), simulated(HENON, other))
    assert len(names(cache)) == 2


def test_other_parameters_versions_and_formats_are_another_series(cache, monkeypatch):
    keys = [cache._key(HENON, SETTINGS), cache._key(get_system("henon", a=1.39), SETTINGS)]
    monkeypatch.setattr("dsr.systems.base.__version__", "0.0.0")
    keys.append(cache._key(HENON, SETTINGS))
    monkeypatch.setattr(series_cache, "FORMAT", -1)
    keys.append(cache._key(HENON, SETTINGS))
    assert len(set(keys)) == 4


def test_other_code_behind_the_same_name_is_another_series(cache, monkeypatch):
    """The provenance is the same; the rows of the pilot are not."""
    key = cache._key(HENON, SETTINGS)
    orbit = type(HENON)._orbit
    monkeypatch.setattr(type(HENON), "_orbit", lambda *given: orbit(*given) * (1 + 1e-15))
    assert cache._key(HENON, SETTINGS) != key


def damages():
    rng = np.random.default_rng(0)
    yield "empty", lambda content: b""
    yield "text", lambda content: b"not an archive"
    yield "half", lambda content: content[: len(content) // 2]
    yield "without its end", lambda content: content[:-1]
    for place in rng.random(40):
        yield f"bit at {place:.3f}", lambda content, place=place: flipped(content, int(place * len(content)))


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(("damage", "change"), list(damages()), ids=[name for name, _ in damages()])
def test_a_damaged_file_is_replaced(cache, damage, change):
    cache.series(HENON, SETTINGS, simulated)
    (file,) = cache.root.iterdir()
    whole = file.read_bytes()
    file.write_bytes(change(whole))
    same(cache.series(HENON, SETTINGS, simulated), simulated())
    same(cache.series(HENON, SETTINGS, refuse), simulated())
    assert names(cache) == [file.name]


def test_a_whole_archive_with_other_values_is_not_taken(cache):
    cache.series(HENON, SETTINGS, simulated)
    (file,) = cache.root.iterdir()
    with np.load(file, allow_pickle=False) as archive:
        arrays = dict(archive)
    arrays["values"][7, 0] += 1e-9
    np.savez(file, **arrays)
    same(cache.series(HENON, SETTINGS, simulated), simulated())


def test_a_file_under_the_name_of_another_is_not_taken(cache):
    other = {**SETTINGS, "seed": 4}
    cache.series(HENON, SETTINGS, simulated)
    (first,) = cache.root.iterdir()
    cache.series(HENON, other, lambda: simulated(HENON, other))
    (second,) = set(cache.root.iterdir()) - {first}
    os.replace(second, first)
    same(cache.series(HENON, SETTINGS, simulated), simulated())


def test_one_missing_member_makes_all_again(cache):
    def both():
        return [*simulated(), *simulated(HENON, {**SETTINGS, "seed": 9})]

    cache.series(HENON, SETTINGS, both)
    (cache.root / names(cache)[1]).unlink()
    same(cache.series(HENON, SETTINGS, both), both())
    same(cache.series(HENON, SETTINGS, refuse), both())


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_full_disk_costs_one_line(cache, monkeypatch, capsys, call):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    same(prepare(parse(SPEC), cache).train, prepare(parse(SPEC)).train)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "not kept" in err and "No space left" in err
    assert names(cache) == []


def test_a_folder_that_cannot_be_made_costs_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    same(SeriesCache(tmp_path / "file" / "series", 10**7).series(HENON, SETTINGS, simulated), simulated())
    assert capsys.readouterr().err.count("\n") == 1


def test_a_folder_that_may_only_be_read_still_serves(cache, monkeypatch):
    cache.series(HENON, SETTINGS, simulated)

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "utime", denied)
    same(cache.series(HENON, SETTINGS, refuse), simulated())


LIMITED = """
import resource, sys
from pathlib import Path
from dsr.runs import series_cache
from dsr.systems import get_system
series_cache.WORTHWHILE = -1e9
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
cache, henon = series_cache.SeriesCache(Path(sys.argv[1]), 10**7), get_system("henon")
asked = dict(dt=1.0, transient=0.0, seed=0)
(found,) = cache.series(henon, asked, lambda: [henon.simulate(400, **asked)])
print(len(found), len(list(cache.root.iterdir())))
"""


def test_a_write_that_the_system_cuts_short_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == ["400", "0"], done.stderr
    assert done.stderr.count("\n") == 1 and "File too large" in done.stderr


CONTENDING = """
import sys
from pathlib import Path
from dsr.runs import series_cache
from dsr.systems import get_system
series_cache.WORTHWHILE = -1e9
cache, henon = series_cache.SeriesCache(Path(sys.argv[1]), int(sys.argv[2])), get_system("henon")
for seed in list(range(6)) * 10:
    asked = dict(n=400, dt=1.0, transient=10.0, seed=seed)
    (found,) = cache.series(henon, asked, lambda: [henon.simulate(**asked)])
    print(seed, found.values.tobytes().hex())
"""


@pytest.mark.parametrize("limit", [10**7, 25_000])
def test_writers_of_the_same_keys_do_no_harm(tmp_path, limit):
    """Three processes ask for the same six series in a row; with the small limit they also evict each other's files."""
    command = [sys.executable, "-c", CONTENDING, tmp_path, str(limit)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    asked = {"n": 400, "dt": 1.0, "transient": 10.0}
    true = [f"{seed} {HENON.simulate(**asked, seed=seed).values.tobytes().hex()}" for seed in range(6)]
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert (worker.returncode, err) == (0, "") and out.splitlines() == true * 10
    left = [path.name for path in tmp_path.iterdir()]
    assert left and all(name.endswith("-0.npz") and not name.startswith(".") for name in left)
    if limit == 10**7:
        assert len(left) == 6


def ask(cache, seed):
    asked = {**SETTINGS, "seed": seed}
    cache.series(HENON, asked, lambda: simulated(HENON, asked))
    return f"{cache._key(HENON, asked)[:32]}-0.npz"


def test_the_least_recently_used_goes_first(cache):
    first, second = ask(cache, 0), ask(cache, 1)
    size = sum(stat.st_size for stat in cache.files().values())
    cache.limit = size + size // 4
    assert ask(cache, 0) == first  # used again, so the second is older now
    third = ask(cache, 2)
    assert set(names(cache)) == {first, third} and second not in names(cache)


def test_what_a_dead_process_left_is_removed(cache):
    kept = ask(cache, 0)
    old, new = cache.root / ".a-0.npz.x1", cache.root / ".b-0.npz.x2"
    for path in (old, new):
        path.write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    later = ask(cache, 1)
    assert names(cache) == sorted([new.name, kept, later])


def test_series_larger_than_the_limit_are_not_kept(cache):
    kept = ask(cache, 0)
    cache.limit = 6400
    ask(cache, 1)
    assert names(cache) == [kept]


def test_place_and_size_are_those_of_the_environment(tmp_path, monkeypatch):
    store = RunStore(tmp_path)
    assert SeriesCache.of(store) == SeriesCache(tmp_path / ".series", 2 * 10**9)
    monkeypatch.setenv("DSR_CACHE", str(tmp_path / "elsewhere"))
    for text, limit in (("500MB", 5 * 10**8), ("1.5 gb", 15 * 10**8), ("0", 0), ("1000", 1000)):
        monkeypatch.setenv("DSR_CACHE_SIZE", text)
        assert SeriesCache.of(store) == SeriesCache(tmp_path / "elsewhere", limit)
    monkeypatch.setenv("DSR_CACHE_SIZE", "plenty")
    with pytest.raises(SpecError, match="500MB"):
        SeriesCache.of(store)


def test_a_size_of_zero_turns_it_off(cache):
    same(NO_CACHE.series(HENON, SETTINGS, simulated), simulated())
    cache.limit = 0
    cache.series(HENON, SETTINGS, simulated)
    assert not cache.root.exists()


def test_a_simulated_file_is_the_same_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = {"n": 300, "dt": None, "transient": None, "noise": 0.05, "seed": 0, "parameters": ["a=1.39"]}
    simulate_to_file("henon", "plain.npy", **asked)
    assert [path.name for path in tmp_path.iterdir()] == ["plain.npy"]
    monkeypatch.setenv("DSR_CACHE", str(tmp_path / "series"))
    for name in ("first.npy", "second.npy"):
        simulate_to_file("henon", name, **asked)
        assert (tmp_path / name).read_bytes() == (tmp_path / "plain.npy").read_bytes()
    assert len(list((tmp_path / "series").iterdir())) == 1
    kept = examine(None)["series"]
    assert kept["folder"] == str(tmp_path / "series") and kept["bytes"] > 4800


def test_too_much_is_refused_before_a_row_is_computed(cache, monkeypatch):
    monkeypatch.setattr("dsr.systems.System.simulate", lambda *_, **__: refuse())
    asked = {"data": {"system": "lorenz63", "dt": 1e9}}
    with pytest.raises(SpecError, match="1e\\+11 steps at most"):
        prepare(parse(asked), cache)
