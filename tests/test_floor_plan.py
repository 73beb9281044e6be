"""The floor plan: imports go down, library floors are silent, nothing unpickles, `dsr --help` is light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("dsr", "systems", "analysis", "runs")
ROOMS = ("models", "training", "systems", "analysis", "runs")
ABOVE = {
    "ground": {"models", "training", "systems", "analysis", "runs"},
    "models": {"training", "systems", "analysis", "runs"},
    "training": {"systems", "analysis", "runs"},
    "systems": {"models", "training", "analysis", "runs"},
    "analysis": {"models", "training", "systems", "runs"},
    "runs": set(),
}
LIGHT = ("spec", "store", "compare", "cli")
HEAVY = ("torch", "matplotlib", "scipy", "pandas", "numba")
MAX_LINES = 400
WRITERS = {
    "write_text", "write_bytes", "mkdir", "savetxt", "savez", "savez_compressed", "savefig", "to_csv",
    "to_parquet", "save_file", "write_table", "savemat",
}  # fmt: skip

FILES = sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))
IDS = [str(p.relative_to(ROOT)) for p in FILES]


def module_of(path: Path) -> str:
    """The import name of a file: systems/base.py is dsr.systems.base."""
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] != "dsr":
        parts.insert(0, "dsr")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module: str) -> str:
    """The room a module of the package belongs to; the ground where it is in none."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in ROOMS else "ground"


def imports(tree: ast.AST, package: str) -> Iterator[tuple[int, str]]:
    """(line, full module name) of every import, at any depth; `from a import b` counts as a and as a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def wrong_imports(source: str, path: Path) -> list[str]:
    module = module_of(path)
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    here = room_of(module)
    return [
        f"line {line}: {here} imports {name}"
        for line, name in imports(ast.parse(source), package)
        if name.split(".")[0] in ("dsr", *FOLDERS) and (name.split(".")[0] != "dsr" or room_of(name) in ABOVE[here])
    ]


def forbidden_calls(source: str) -> list[str]:
    """Calls that can run code from a file or from text."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names}
            names |= {(getattr(node, "module", None) or "").split(".")[0]}
            found += [f"line {node.lineno}: {n}" for n in names & {"pickle", "cPickle", "dill", "shelve", "joblib"}]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in ("eval", "exec", "torch.load", "torch.save"):
            found.append(f"line {node.lineno}: {called}(")
        allowed = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if allowed.get("allow_pickle", "False") != "False":
            found.append(f"line {node.lineno}: allow_pickle")
    return found


def output_calls(source: str) -> list[str]:
    """Calls that print or write a file."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else called
        if called in ("print", "np.save", "numpy.save", "np.memmap") or name in WRITERS:
            found.append(f"line {node.lineno}: {called}(")
        if name == "open":
            place = 1 if called == "open" else 0
            arguments = [*node.args[place : place + 1], *(k.value for k in node.keywords if k.arg == "mode")]
            modes = [a.value if isinstance(a, ast.Constant) else "unknown" for a in arguments]
            if any(set(str(mode)) & set("wax+") or mode == "unknown" for mode in modes):
                found.append(f"line {node.lineno}: {called}(")
    return found


def unresolvable_imports(source: str, path: Path) -> list[str]:
    """Imports that no editor finds: the folders beside dsr/ reach into it by name, and one another relatively."""
    outside = path.relative_to(ROOT).parts[0] != "dsr"
    package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
    found = []
    for node in ast.walk(ast.parse(source)):
        if not outside or not isinstance(node, ast.ImportFrom):
            continue
        (_, name), *_ = imports(ast.Module([node], []), package)
        in_dsr = name == "dsr" or (name.startswith("dsr.") and room_of(name) not in FOLDERS)
        rooms = {a.name for a in node.names} if name == "dsr" else set()
        if (node.level > 0) == in_dsr and name.startswith("dsr") and not rooms & set(FOLDERS):
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_resolve_by_path(path: Path) -> None:
    assert unresolvable_imports(path.read_text(), path) == []


def test_unresolvable_imports_are_found() -> None:
    path = ROOT / "runs" / "spec.py"
    for line in ("from ..errors import SpecError", "from ..models import ALRNN", "from dsr.analysis import judge"):
        assert unresolvable_imports(line, path), line
    for line in ("from dsr.errors import SpecError", "from ..analysis import judge", "from .store import RunStore"):
        assert not unresolvable_imports(line, path), line


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_imports_only_go_down(path: Path) -> None:
    assert wrong_imports(path.read_text(), path) == []


def test_the_rooms_are_on_disk() -> None:
    assert [room for room in ROOMS if not any((ROOT / where / room).is_dir() for where in (".", "dsr"))] == []


def test_every_marker_names_a_target_of_the_makefile() -> None:
    markers = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    named = {target: name.split(":")[0] for name in markers for target in re.findall(r"`make (\w+)`", name)}
    makefile = (ROOT / "Makefile").read_text()
    for target, marker in named.items():
        recipe = re.search(rf"^{target}:.*\n\t(.*)$", makefile, re.MULTILINE)
        assert recipe and f"-m {marker} " in recipe[1], (marker, target)


BOTH_WAYS = {("figures", "orbit_diagram"), ("orbit_diagram", "figures")}  # a study that draws itself


@pytest.mark.parametrize("folder", ["analysis", "runs"])
def test_rooms_of_a_folder_import_one_another_in_one_direction(folder: str) -> None:
    edges = set()
    for path in (ROOT / folder).glob("*/**/*.py"):
        here = path.relative_to(ROOT / folder).parts[0]
        package = module_of(path) if path.name == "__init__.py" else module_of(path).rpartition(".")[0]
        named = [name.split(".") for _, name in imports(ast.parse(path.read_text()), package)]
        there = {parts[2] for parts in named if parts[:2] == ["dsr", folder] and len(parts) > 2} - {here}
        edges |= {(here, room) for room in there if (ROOT / folder / room).is_dir()}
    assert {(a, b) for a, b in edges if (b, a) in edges} - BOTH_WAYS == set()


def test_what_many_rooms_of_the_runs_use_lies_in_none_of_them() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in (ROOT / "runs").rglob("*.py")
        if "bench" not in path.parts
        for _, name in imports(ast.parse(path.read_text()), module_of(path).rpartition(".")[0])
        if name.startswith("dsr.runs.bench")
    ]
    assert found == []


# A signature of as many numbers as a system has, spelt out for the compiler from indices: no text of a user gets there.
EVALUATES = {"systems/from_dysts/fields.py": ["exec("]}


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_nothing_unpickles_or_evaluates_text(path: Path) -> None:
    found = forbidden_calls(path.read_text())
    assert [call.split()[-1] for call in found] == EVALUATES.get(str(path.relative_to(ROOT)), [])


@pytest.mark.parametrize("path", [p for p in FILES if p.parent != ROOT / "runs" and "runs" not in p.parts])
def test_library_floors_neither_print_nor_write(path: Path) -> None:
    assert output_calls(path.read_text()) == []


@pytest.mark.parametrize("path", FILES, ids=IDS)
def test_files_are_short_and_named_after_what_they_do(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("dsr/series.py", "from .models import ALRNN"),
        ("dsr/series.py", "def f():\n    import dsr.analysis"),
        ("dsr/models/alrnn.py", "from ..training import fit"),
        ("dsr/models/__init__.py", "from ..training.fit import fit"),
        ("dsr/training/fit.py", "from dsr.analysis import d_stsp"),
        ("dsr/training/fit.py", "from dsr import systems"),
        ("systems/base.py", "from ..analysis import d_stsp"),
        ("systems/__init__.py", "from .. import analysis"),
        ("analysis/judge.py", "import dsr.systems.lorenz63"),
        ("analysis/judge.py", "from dsr.models.contract import Model"),
        ("analysis/judge.py", "from systems import lorenz63"),
    ],
)
def test_the_check_sees_an_import_that_goes_up(where: str, source: str) -> None:
    assert wrong_imports(source, ROOT / where)


@pytest.mark.parametrize(
    ("where", "source"),
    [
        ("dsr/training/fit.py", "from ..models import ALRNN\nfrom ..series import TimeSeries\nimport torch"),
        (
            "systems/base.py",
            "from dsr.series import TimeSeries\nfrom . import lorenz63\nfrom .henon import step",
        ),
        ("runs/figures/bars.py", "from ...analysis import judge\nfrom ...models import ALRNN"),
    ],
)
def test_the_check_allows_what_goes_down(where: str, source: str) -> None:
    assert wrong_imports(source, ROOT / where) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "torch.load(p)",
        "eval('1')",
        "exec(s)",
        "np.load(p, allow_pickle=True)",
        "np.load(p, allow_pickle=flag)",
    ],
)
def test_the_check_sees_what_runs_code(source: str) -> None:
    assert forbidden_calls(source)
    assert not forbidden_calls("model.eval()\nnp.load(p, allow_pickle=False)")


@pytest.mark.parametrize(
    "source",
    [
        "print(1)",
        "open(p, 'w')",
        "open(p, mode='ab')",
        "path.open('r+')",
        "np.save(p, x)",
        "p.write_text('')",
    ],
)
def test_the_check_sees_what_prints_and_writes(source: str) -> None:
    assert output_calls(source)
    assert not output_calls("open(p)\nopen(p, 'rb')\npath.open()\npath.open('rb')\nlogger.info('w')")


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", LIGHT)
def test_what_the_command_line_needs_to_start_is_light(module: str, tmp_path: Path) -> None:
    code = f"import sys, dsr.runs.{module}; print(*(m for m in {HEAVY} if m in sys.modules))"
    done = run_python(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parametrize("module", ["dsr", "dsr.series", "dsr.reading", "dsr.systems", "dsr.analysis", "dsr.models"])
def test_an_import_has_no_side_effects(module: str, tmp_path: Path) -> None:
    code = f"""
import sys, threading
import numpy as np
before = np.random.get_state()[1].tobytes(), np.geterr(), threading.active_count()
import {module}
after = np.random.get_state()[1].tobytes(), np.geterr(), threading.active_count()
torch = sys.modules.get("torch")
if before != after or torch and (torch.get_default_dtype() != torch.float32 or not torch.is_grad_enabled()):
    sys.exit("global state was changed")
if "matplotlib.pyplot" in sys.modules:
    sys.exit("a drawing window was prepared")
"""
    done = run_python(code, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []
