"""What there is to choose from, read off the registries: for `dsr systems`, `dsr models` and `dsr measures`."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Mapping
from typing import Any

from dsr.registry import Registry, options_of

DYSTS_KINDS = {"flows": "continuous_no_delay", "maps": "discrete", "delay equations": "delay"}


def systems() -> dict[str, Any]:
    """Own systems in one line each, the names of those of dysts, and which of all are not chaotic as they come."""
    from ..systems import dysts_names, get_system, system_names, table

    own = {}
    for name in system_names():
        system = get_system(name)
        own[name] = f"{system.time}, {system.dim} dimensions: {system.description}"
    others = {f"dysts {kind} (dysts:NAME)": list(dysts_names(key)) for kind, key in DYSTS_KINDS.items()}
    regular = [label for label, entry in table().items() if entry["verdict"] not in ("chaotic", "failed")]
    return {"systems": own, **others, "not found chaotic at their defaults": regular}


def system(name: str) -> dict[str, Any]:
    """Everything known about one system: what is published, and what was computed by `dsr systems verify`."""
    from ..systems import get_system, ground_truth
    from .ground_truth.compare import compared

    found = get_system(name)
    truth = ground_truth(found)
    entry = {
        "description": found.description,
        "citation": found.citation,
        "kind": f"{found.time}, {found.dim} dimensions" + (f" ({', '.join(found.names)})" if found.names else ""),
        "dt": found.dt,
        "period": found.period,
        "parameters": dict(found.parameters),
        "published": {key: _published(p) for key, p in found.reference.items()},
        "computed": compared(found, truth.entry, None) if truth else {},
        "remark": found.remark,
        "warning": found.warning,
    }
    return {found.name: {k: v for k, v in entry.items() if v not in ("", {})}}


def model(name: str) -> dict[str, Any]:
    """Everything about one model family: equations, what its parameters mean, when to use it, settings, sources."""
    from dsr.models import MODELS

    found = MODELS[name]
    kind = "in continuous time" if found.family.time == "flow" else "a map"
    fitted = "solved in closed form" if found.family.closed_form else "trained by gradients"
    entry = {
        "description": _first_line(found),
        "equations": found.equations,
        "kind": f"{kind}, {fitted}",
        "when to use it": found.when_to_use,
        "parameters": dict(found.symbols),
        "settings": _keys(found),
        "recommended": "" if found.family.closed_form else _recommended(found)["recommended"],
        "searched": ", ".join(found.search_space),
        "references": "; ".join(found.references),
    }
    return {name: {key: value for key, value in entry.items() if value}}


def models() -> dict[str, Any]:
    """Model families in one line each, forcing schemes with their keys; training and analysis keys."""
    from dsr.models import MODELS
    from dsr.training import FORCINGS

    from .resolve import RunTraining
    from .spec import AnalysisSpec, FileData, SystemData

    sections = {
        "[data] of a system": SystemData,
        "[data] of a file": FileData,
        "[training]": RunTraining,
        "[analysis]": AnalysisSpec,
    }
    return {
        "[model] name (dsr models NAME shows one in full)": {name: _first_line(MODELS[name]) for name in MODELS},
        "[forcing] name": _entries(FORCINGS),
        **{title: _keys(cls) for title, cls in sections.items()},
    }


def measures() -> dict[str, Any]:
    """Name and definition in one line of each measure: those in the table of a run, and all others."""
    from .. import analysis
    from .tuning.objective import in_the_table

    functions = {
        "D_stsp": analysis.state_space_divergence,
        "D_stsp by Gaussian mixtures": analysis.state_space_divergence_gmm,
        "D_JS": analysis.state_space_jensen_shannon,
        "state-space Hellinger distance": analysis.state_space_hellinger,
        "sliced Wasserstein": analysis.sliced_wasserstein,
        "energy distance": analysis.energy_distance,
        "MMD^2": analysis.maximum_mean_discrepancy,
        "Sinkhorn divergence": analysis.sinkhorn_divergence,
        "Hausdorff distance": analysis.hausdorff_distance,
        "support overlap": analysis.support_overlap,
        "persistence distance": analysis.persistence_distance,
        "return-map distance": analysis.return_map_distance,
        "D_H": analysis.power_spectrum_error,
        "cross-prediction error": analysis.cross_prediction_error,
        "partition divergence": analysis.partition_divergence,
        "n-word divergence": analysis.word_divergence,
        "prediction error": analysis.prediction_error,
        "valid prediction time": analysis.valid_prediction_time,
        "error growth": analysis.error_growth,
        "forecast metrics": analysis.forecast_metrics,
        "lambda_1, lambda_2, ...": analysis.lyapunov_spectrum,
        "local exponents": analysis.local_exponents,
        "covariant Lyapunov vectors": analysis.covariant_vectors,
        "conditional exponents": analysis.conditional_exponents,
        "sum of exponents": analysis.LyapunovSpectrum.sum,
        "lambda_1 from data": analysis.max_lyapunov_from_data,
        "Kaplan-Yorke dimension": analysis.kaplan_yorke_dimension,
        "Pesin entropy": analysis.pesin_entropy,
        "D2": analysis.correlation_dimension,
        "D_q": analysis.generalised_dimensions,
        "recurrence quantification": analysis.recurrence_quantification,
        "0-1 test K": analysis.zero_one_test,
        "sample entropy": analysis.sample_entropy,
        "permutation entropy": analysis.permutation_entropy,
        "entropy rate": analysis.entropy_rate,
        "topological entropy": analysis.topological_entropy,
    }
    own = {name for name in functions if name.partition(", ")[0] in in_the_table()}
    return {
        "in the table of a run": {name: _first_line(f) for name, f in functions.items() if name in own},
        "in no such table, functions of dsr.analysis": {
            name: _first_line(f) for name, f in functions.items() if name not in own
        },
    }


def lines(tree: Mapping[str, Any], indent: int = 0) -> list[str]:
    """A nested mapping as indented text, values aligned within a level, lists with commas."""
    width = max((len(str(k)) for k, v in tree.items() if not isinstance(v, Mapping)), default=0)
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            found += [f"{' ' * indent}{key}", *lines(value, indent + 2)]
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            found.append(f"{' ' * indent}{key:<{width}}  {text}")
    return found


def _entries(registry: Registry[Any]) -> dict[str, Any]:
    return {name: {"description": _first_line(registry[name]), **_keys(registry[name])} for name in registry}


def _recommended(cls: Any) -> dict[str, str]:
    """What a model family sets where a spec says nothing."""
    training = [f"training.{key}={value}" for key, value in cls.recommended_training.items()]
    return {"recommended": ", ".join([f"forcing={cls.recommended_forcing}", *training])}


def _keys(cls: type) -> dict[str, str]:
    return {
        key: f"{help} ({kind}{'' if default in (None, dataclasses.MISSING, '') else f', default {default}'})"
        for key, kind, default, help in options_of(cls)
    }


def _published(entry: Any) -> str:
    values, errors = (v if isinstance(v, tuple) else (v,) for v in (entry.value, entry.uncertainty))
    numbers = [
        f"{v:.6g}" + (f" ± {e:g}" if math.isfinite(e) and e > 0 else "") for v, e in zip(values, errors, strict=True)
    ]
    return f"{', '.join(numbers)}  ({entry.source})"


def _first_line(thing: Any) -> str:
    return (inspect.getdoc(thing) or "").split("\n\n")[0].replace("\n", " ")
