"""The compiled loop of a neural ODE under the classical Runge-Kutta rule; see `dsr.models.orbits`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..orbits import LARGEST, UNIT, Orbit, compiled, compiled_orbit
from .fields import ACTIVATIONS, SCALE, Field

KINDS = tuple(ACTIVATIONS)


def rk4_orbit(field: Field, substeps: int) -> Orbit:
    """The orbit function of the flow of `field`, in double precision, over one step of the data."""
    weights, biases = zip(*[(w.detach().numpy(), b.detach().numpy()) for w, b in field.affine_maps()], strict=True)
    dim, width = weights[-1].shape
    middle = np.zeros((len(weights) - 2, width, width))
    for k, weight in enumerate(weights[1:-1]):
        middle[k] = weight
    A: Any = np.zeros((dim, dim))
    gain: Any = np.full(dim, SCALE)
    if field.A is not None:
        A[:] = (field.A.diag() if field.A.ndim == 1 else field.A).detach().numpy()
    if field.bound is not None:
        A[:], gain[:] = -field.damping.diag().detach().numpy(), field.gain.detach().numpy()
    # innermost loops run over the hidden units, neighbours in memory
    net: Any = (
        np.ascontiguousarray(weights[0].T),
        middle,
        weights[-1].copy(),
        np.stack(biases[:-1]),
        biases[-1].copy(),
    )
    kind = KINDS.index(field.activation)
    helpers: Any = (compiled(evaluate), compiled(activate))
    return compiled_orbit(rk4_loop, dim, net, A, gain, field.bound is not None, kind, substeps, *helpers)


def rk4_loop(net, A, gain, bounded, kind, substeps, evaluate, activate, start, tangent, n, renormalise):
    """States and tangent vectors by the derivative of the very same rule."""
    batch, M = start.shape
    states, growth = np.empty((batch, n, M)), np.zeros(tangent.shape[0])
    follow = tangent.shape[0] > 0
    h = 1.0 / substeps
    work = np.empty((4, net[3].shape[1]))
    z, zs, k, total = np.empty(M), np.empty(M), np.empty(M), np.empty(M)
    v, vs, dk, dtotal = np.zeros(M), np.empty(M), np.empty(M), np.empty(M)
    for b in range(batch):
        for i in range(M):
            z[i] = start[b, i]
        if follow:
            for i in range(M):
                v[i] = tangent[b, i]
        for t in range(n):
            for _ in range(substeps):
                for i in range(M):
                    zs[i], vs[i] = z[i], v[i]
                total[:], dtotal[:] = 0.0, 0.0
                for stage in range(4):
                    evaluate(net, A, gain, bounded, kind, activate, zs, vs, k, dk, work, follow)
                    share = h / 6.0 if stage == 0 or stage == 3 else h / 3.0
                    ahead = h if stage == 2 else 0.5 * h
                    for i in range(M):
                        total[i] += share * k[i]
                        dtotal[i] += share * dk[i]
                        zs[i] = z[i] + ahead * k[i]
                        vs[i] = v[i] + ahead * dk[i]
                for i in range(M):
                    z[i] += total[i]
                    v[i] += dtotal[i]
            finite = True
            for i in range(M):
                finite = finite and abs(z[i]) <= LARGEST
            if not finite:
                states[b, t:] = np.nan
                if follow:
                    growth[b] = np.nan
                break
            for i in range(M):
                states[b, t, i] = z[i]
            if follow and ((t + 1) % UNIT == 0 or t == n - 1):
                growth[b] += renormalise(v)
        if follow:
            for i in range(M):
                tangent[b, i] = v[i]
    return states, tangent, growth


def evaluate(net, A, gain, bounded, kind, activate, z, v, k, dk, work, follow):
    """The field at z into k and, if `follow`, its Jacobian times v into dk."""
    first, middle, last, bias, shift = net
    M, width = first.shape
    x, dx, u, du = work[0], work[1], work[2], work[3]
    for j in range(width):
        x[j], dx[j] = bias[0, j], 0.0
    for i in range(M):
        for j in range(width):
            x[j] += first[i, j] * z[i]
            if follow:
                dx[j] += first[i, j] * v[i]
    activate(kind, x, dx)
    for layer in range(middle.shape[0]):
        matrix = middle[layer]
        for j in range(width):
            value, slope = bias[layer + 1, j], 0.0
            for i in range(width):
                value += matrix[j, i] * x[i]
            if follow:
                for i in range(width):
                    slope += matrix[j, i] * dx[i]
            u[j], du[j] = value, slope
        activate(kind, u, du)
        for j in range(width):
            x[j], dx[j] = u[j], du[j]
    for i in range(M):
        value, slope = shift[i], 0.0
        for j in range(width):
            value += last[i, j] * x[j]
            slope += last[i, j] * dx[j]
        if bounded:
            value = np.tanh(value)
            slope *= 1.0 - value * value
        k[i], dk[i] = gain[i] * value, gain[i] * slope
        for j in range(M):
            k[i] += A[i, j] * z[j]
            dk[i] += A[i, j] * v[j]


def activate(kind, u, du):
    """u to the activation of u, du to its derivative times du, in place. All but the ReLU come from one logistic
    function, whose exponential is spelt out, exact to 1e-14, so that the compiler can use vector units."""
    if kind == 3:
        for i in range(u.shape[0]):
            du[i] = 0.0 if u[i] <= 0.0 else du[i]
            u[i] = 0.0 if u[i] <= 0.0 else u[i]  # not "max": NaN stays NaN
        return
    cube = 0.044715 if kind == 2 else 0.0
    scale = 1.0 if kind == 1 else 2.0 if kind == 0 else 1.5957691216057308
    for i in range(u.shape[0]):
        x = u[i]
        inner = scale * (x + cube * x * x * x)
        y = abs(inner) * (-1.0 / 64.0)
        y = -0.625 if y < -0.625 else y
        e = 1.0 + y / 14.0
        e = 1.0 + e * y * (1.0 / 13.0)
        e = 1.0 + e * y * (1.0 / 12.0)
        e = 1.0 + e * y * (1.0 / 11.0)
        e = 1.0 + e * y * (1.0 / 10.0)
        e = 1.0 + e * y * (1.0 / 9.0)
        e = 1.0 + e * y * (1.0 / 8.0)
        e = 1.0 + e * y * (1.0 / 7.0)
        e = 1.0 + e * y * (1.0 / 6.0)
        e = 1.0 + e * y * (1.0 / 5.0)
        e = 1.0 + e * y * (1.0 / 4.0)
        e = 1.0 + e * y * (1.0 / 3.0)
        e = 1.0 + e * y * 0.5
        e = 1.0 + e * y
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        e *= e
        s = 1.0 / (1.0 + e)
        slope = scale * (1.0 + 3.0 * cube * x * x) * e * s * s
        s = s if inner >= 0.0 else e * s
        u[i] = 2.0 * s - 1.0 if kind == 0 else x * s
        du[i] *= 2.0 * slope if kind == 0 else s + x * slope
