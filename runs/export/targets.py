"""The languages a reconstruction can be written in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dsr.errors import SpecError, StoreError, unknown
from dsr.models import Model

from ..manifest import require_whole
from ..store import RunFolder
from ..weights import WEIGHTS, load_model
from .expression import Equations
from .families import equations_of
from .files import Files, Reference, csv
from .graph import step_bytes
from .julia_source import julia_files
from .latex_source import latex_files
from .matlab_source import matlab_files
from .python_source import dysts_files, numpy_files
from .reference_orbit import known_rows, orbit_of
from .sympy_source import sympy_files


@dataclass(frozen=True)
class Target:
    """suffix : of the main file. write : makes the files from equations; None for the graph of a step."""

    suffix: str
    write: Callable[[Equations, Reference, str], Files] | None = None


TARGETS: Mapping[str, Target] = {
    "numpy": Target(".py", numpy_files),
    "sympy": Target(".py", sympy_files),
    "latex": Target(".tex", latex_files),
    "julia": Target(".jl", julia_files),
    "matlab": Target(".m", matlab_files),
    "dysts": Target(".py", dysts_files),
    "onnx": Target(".onnx"),
    "torch": Target(".pt2"),
}
BY_SUFFIX = {".onnx": "onnx", ".pt2": "torch", ".tex": "latex", ".jl": "julia", ".m": "matlab", ".py": "numpy"}

GRAPH_CHECK = '''"""Compares {main} with the reference orbit: python {check} (needs numpy and onnxruntime)."""

import numpy as np
import onnxruntime

orbit = np.loadtxt("{orbit}", delimiter=",", skiprows=1)
z, x = orbit[:, :{states}], orbit[:, {states}:]
following, seen = onnxruntime.InferenceSession("{main}").run(["next_state", "observation"], {{"state": z[:-1]}})
error = max(np.abs(following - z[1:]).max() / np.abs(z).max(), np.abs(seen - x[1:]).max() / np.abs(x).max())
print("largest relative error against the reference orbit:", error)
# the runtime approximates functions such as tanh
raise SystemExit(0 if error < 1e-6 else 1)
'''


def export(source: str | Path, to: str | None = None, out: str | Path | None = None) -> list[Path]:
    """Write the reconstruction in a run folder or model file for another program; returns the files, the main one
    first.

    to : a name of `TARGETS`; by the suffix of `out` if not given. out : the main file; NAME_TARGET in the working
    directory if not given. Beside it lie a reference orbit, and parameters too many to write down.

    Raises `SpecError` for an unknown target or suffix, and for a family whose equations are not short; `StoreError`
    for a run without a model.
    """
    kind = _kind(to, out)
    target = TARGETS[kind]
    stem = _identifier(Path(out).stem if out is not None else f"{Path(source).stem}_{kind}")
    if out is not None and target.write is not None and stem != Path(out).stem:
        raise SpecError(
            f"the file name '{out}'",
            "letters, digits and _, for it also names the program",
            f"-o {stem}{target.suffix}",
        )
    folder = RunFolder(Path(out).absolute().parent if out is not None else Path.cwd())
    main = Path(out).name if out is not None else stem + target.suffix
    _require_model(RunFolder(Path(source)))
    model = load_model(source)
    rows, names = known_rows(source)
    files = _files(model, kind, rows, names, main, stem)
    return [folder.write(name, content) for name, content in files.items()]


def _files(model: Model, kind: str, rows: object, names: tuple[str, ...], main: str, stem: str) -> Files:
    target = TARGETS[kind]
    if target.write is not None:
        equations = equations_of(model, names)
        states, seen = orbit_of(model, rows)  # type: ignore[arg-type]
        return target.write(equations, Reference(equations.offset + equations.scale * states, seen), stem)
    content = step_bytes(model, target.suffix)
    if kind != "onnx":
        return {main: content}
    import numpy as np

    states, seen = orbit_of(model, rows)  # type: ignore[arg-type]
    head = [f"z{i + 1}" for i in range(states.shape[1])] + [f"observed_{i + 1}" for i in range(seen.shape[1])]
    orbit, check = f"{stem}_orbit.csv", f"{stem}_check.py"
    text = GRAPH_CHECK.format(main=main, check=check, orbit=orbit, states=states.shape[1])
    return {main: content, orbit: csv(head, np.concatenate([states, seen], axis=1)), check: text.encode()}


def _require_model(run: RunFolder) -> None:
    """Raises `StoreError` for a run that ended before it had a model, with its state and why, and for one with another
    free run than was computed; a finished run whose weights are gone is damaged, which loading them says."""
    require_whole(run, ("generated.npz",))
    if (run / WEIGHTS).exists() or (found := run.status)["state"] in ("absent", "finished"):
        return
    reason = f": {found['reason'].partition('; accepted: ')[0]}" if found.get("reason") else ""
    raise StoreError(
        f"the run '{run.path}' has no model, its state is {found['state']}{reason}", "a finished run",
        f"finish it: dsr run {run / 'spec.toml'}",
    )  # fmt: skip


def _kind(to: str | None, out: str | Path | None) -> str:
    if to is not None:
        if to not in TARGETS:
            raise unknown("export target", to, TARGETS)
        if out is not None and Path(out).suffix != TARGETS[to].suffix:
            suffix = TARGETS[to].suffix
            raise SpecError(
                f"the file '{out}' for --to {to}", f"a name that ends in {suffix}", f"give -o model{suffix}"
            )
        return to
    if out is None:
        raise SpecError("neither --to nor -o", f"--to {', '.join(TARGETS)}", "give for example --to numpy")
    if Path(out).suffix not in BY_SUFFIX:
        raise SpecError(
            f"the file '{out}'",
            f"a name that ends in {', '.join(BY_SUFFIX)}, or --to with one of {', '.join(TARGETS)}",
            "give -o model.onnx, or --to numpy",
        )
    return BY_SUFFIX[Path(out).suffix]


def _identifier(text: str) -> str:
    """Letters, digits and _, beginning with a letter: what MATLAB, Julia and Python take as a name."""
    found = re.sub(r"\W+", "_", text, flags=re.ASCII)
    return found if found[:1].isalpha() else f"model_{found}"
