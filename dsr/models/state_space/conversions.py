"""Conversions between the forms of one discrete linear system: state space, kernel, second-order sections, ARMA.

All is NumPy in double precision. A system is x_{k+1} = A x_k + B u_k, y_k = Re(C x_k) + D u_k, as in control and in
scipy.signal, so its impulse response is (D, CB, CAB, ...). State-space layers of deep learning read their output after
the update, y_k = C x_{k+1} + D u_k, with the kernel (CB, CAB, ...): `after_update` brings them into this form.

Which form holds what, in double precision (largest error of 4096 values of an impulse response, against its largest
value): kernel by powers 1e-15; second-order sections 1.5e-13 at any order, more for poles within some 0.005 of 1; one
ARMA quotient 1e-13 at order 2, 1e-10 at 4, 1e-7 at 6, useless from 8 on (HiPPO-LegS); a system recovered from a kernel
1e-10 or better inside the window it was recovered from, and nothing outside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ...errors import SpecError
from ..plrnn import require

LARGEST_ARMA = 6
WORST_CONDITION = 1e5  # of eigenvectors: what the modes lose in relative accuracy, times 1e-16


@dataclass(frozen=True, eq=False)
class StateSpace:
    """x_{k+1} = A x_k + B u_k, y_k = Re(C x_k) + D u_k.

    A : (N, N), or (N,) for a diagonal system, whose entries may be complex. Since only the real part is read, one of
    each conjugate pair is enough, with C twice as large. B (N, inputs), C (outputs, N), D (outputs, inputs); with one
    input and output also (N,), (N,) and a number. dt : time of one step.
    """

    A: np.ndarray
    B: np.ndarray
    C: np.ndarray
    D: np.ndarray
    dt: float = 1.0

    def __post_init__(self) -> None:
        a, b, c = (np.array(m, dtype=complex if np.iscomplexobj(m) else float) for m in (self.A, self.B, self.C))
        b, c = b[:, None] if b.ndim == 1 else b, c[None, :] if c.ndim == 1 else c
        d = np.array(self.D, dtype=float)
        d = d.reshape(1, 1) if d.size == 1 else d
        n = len(a)
        fits = (
            a.shape in ((n,), (n, n))
            and b.ndim == c.ndim == 2
            and (len(b), c.shape[1]) == (n, n)
            and d.shape == (len(c), b.shape[1])
        )
        require(
            fits,
            f"A, B, C, D of shapes {a.shape}, {b.shape}, {c.shape}, {d.shape}",
            "(N, N) or (N,), (N, inputs), (outputs, N), (outputs, inputs)",
        )
        require(self.dt > 0, f"dt = {self.dt}", "a positive number")
        for name, value in zip("ABCD", (a, b, c, d), strict=True):
            object.__setattr__(self, name, value)

    @property
    def diagonal(self) -> bool:
        return self.A.ndim == 1

    @property
    def order(self) -> int:
        """Number of poles, both of each conjugate pair counted."""
        return len(poles(self)) if self.diagonal else len(self.A)

    def pair(self, output: int, input: int) -> StateSpace:
        """The system from one input to one output."""
        return StateSpace(self.A, self.B[:, input], self.C[output], self.D[output, input], self.dt)

    def advance(self, x: np.ndarray) -> np.ndarray:
        """A x for x (N, ...)."""
        return (self.A * x.T).T if self.diagonal else self.A @ x


def after_update(A: Any, B: Any, C: Any, D: Any, dt: float = 1.0) -> StateSpace:
    """The same input and output as x_k = A x_{k-1} + B u_k, y_k = Re(C x_k) + D u_k, in the form read before the
    update: C A in place of C, and CB is added to D."""
    s = StateSpace(A, B, C, D, dt)
    read = s.C * s.A if s.diagonal else s.C @ s.A
    return StateSpace(s.A, s.B, read, s.D + (s.C @ s.B).real, dt)


def kernel_of(ss: StateSpace, length: int) -> np.ndarray:
    """Impulse response (length,), or (length, outputs, inputs) if there are several, by powers of A: the reference
    for every other form. Its first value is D."""
    require(length >= 1, f"length = {length}", "1 or more")
    kernel = np.empty((length, *ss.D.shape))
    kernel[0], x = ss.D, ss.B
    for k in range(1, length):
        kernel[k] = (ss.C @ x).real
        x = ss.advance(x)
    return kernel[:, 0, 0] if ss.D.size == 1 else kernel


def simulate(ss: StateSpace, u: np.ndarray, x0: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (time, outputs) for inputs u (time, inputs), and the state (N,) after them, from which the next stretch
    can be simulated. x0 : zero if None."""
    x = np.zeros(len(ss.A), dtype=np.result_type(ss.A, ss.B)) if x0 is None else np.asarray(x0)
    y = np.empty((len(u), len(ss.C)))
    for k, now in enumerate(np.asarray(u, dtype=float).reshape(len(u), -1)):
        y[k] = (ss.C @ x).real + ss.D @ now
        x = ss.advance(x) + ss.B @ now
    return y, x


def frequency_response(ss: StateSpace, w: np.ndarray) -> np.ndarray:
    """H(exp(i w dt)) (frequencies, outputs, inputs), complex, at angular frequencies w per unit of time. What lies
    above pi / dt is an alias."""

    def read(z: np.ndarray) -> np.ndarray:
        if ss.diagonal:
            return np.einsum("on,fn,ni->foi", ss.C, 1 / (z[:, None] - ss.A), ss.B)
        eye = np.eye(len(ss.A))
        return np.stack([ss.C @ np.linalg.solve(point * eye - ss.A, ss.B) for point in z])

    z = np.exp(1j * np.atleast_1d(np.asarray(w, dtype=float)) * ss.dt)
    # the response of the real part is the mean of the system's own and its mirror image
    return ss.D + (read(z) + read(z.conj()).conj()) / 2


def modes(ss: StateSpace) -> tuple[np.ndarray, np.ndarray]:
    """Poles p (n,) in the closed upper half-plane and residues (n, outputs, inputs), so that the kernel from 1 on is
    Re sum_n residue_n p_n^{k-1}; equal poles, and conjugate ones, are joined.

    Raises `SpecError` when the eigenvectors of a dense A have a condition number above 1e5, as those of the HiPPO
    matrices have (1e5 at order 8, 1e18 at 32): the residues would be large and cancel.
    """
    if ss.diagonal:
        p, left, right = ss.A.astype(complex), ss.C, ss.B
    else:
        p, vectors = np.linalg.eig(ss.A)
        condition = np.linalg.cond(vectors)
        if not condition <= WORST_CONDITION:
            raise SpecError(
                f"a matrix A whose eigenvectors have a condition number of {condition:.0e}",
                f"{WORST_CONDITION:.0e} or less: modes of such a matrix cancel each other",
                "use its kernel (kernel_of), or start from a diagonal system",
            )
        left, right = ss.C @ vectors, np.linalg.solve(vectors, ss.B.astype(complex))
    residues = left.T[:, :, None] * right[:, None, :]
    below = p.imag < 0
    p, residues = np.where(below, p.conj(), p), np.where(below[:, None, None], residues.conj(), residues)
    p, place = np.unique(p, return_inverse=True)
    joined = np.zeros((len(p), *ss.D.shape), dtype=complex)
    np.add.at(joined, place, residues)
    joined.imag[p.imag == 0] = 0.0
    return p.astype(complex), joined


def poles(ss: StateSpace) -> np.ndarray:
    """Eigenvalues of A, both of each conjugate pair. Those of a strongly non-normal A, a HiPPO matrix above all, are
    wrong in double precision already at order 16."""
    if not ss.diagonal:
        return np.linalg.eigvals(ss.A).astype(complex)
    p = modes(ss)[0]
    return np.concatenate([p, p[p.imag > 0].conj()])


def time_constants(ss: StateSpace) -> np.ndarray:
    """Time in which each mode decays to 1/e, in the order of `poles`: -dt / ln|p|; 0 for a pole at zero, infinite on
    the unit circle, negative for a mode that grows."""
    with np.errstate(divide="ignore"):
        rate = np.log(np.abs(poles(ss))) / ss.dt
        return np.where(rate == 0, np.inf, -1 / rate)


@dataclass(frozen=True, eq=False)
class Sections:
    """Second-order sections side by side: their outputs add up, with `direct` times the input.

    coefficients : (sections, 6), rows b0 b1 b2 1 a1 a2 as in scipy.signal.sosfilt, which would chain them instead.
    """

    coefficients: np.ndarray
    direct: float
    dt: float = 1.0

    def run(self, u: np.ndarray) -> np.ndarray:
        """Outputs (time,) for inputs (time,), from rest."""
        from scipy.signal import lfilter

        y = self.direct * np.asarray(u, dtype=float)
        for row in self.coefficients:
            y = y + lfilter(row[:3], row[3:], u)
        return y


def to_second_order_sections(ss: StateSpace) -> Sections:
    """One real section for each conjugate pair or real pole, of a system with one input and one output.

    The transfer-function form that holds at any order: 5e-14 to 1.5e-13 at order 64 for S4D poles at a step of 0.01.
    A pair of poles close to 1 is told by the last digits of a1 and a2: at a step of 0.001 the error is 1e-13 to 3e-12,
    and grows as the inverse square of the distance. Raises `SpecError` where the modes cannot be had (see `modes`).
    """
    _require_single(ss)
    p, residues = modes(ss)
    r = residues[:, 0, 0]
    zero = np.zeros(len(p))
    pair = p.imag > 0
    rows = [
        zero,
        r.real,
        np.where(pair, -(r * p.conj()).real, 0.0),
        zero + 1,
        np.where(pair, -2 * p.real, -p.real),
        np.where(pair, np.abs(p) ** 2, 0.0),
    ]
    return Sections(np.stack(rows, axis=1), float(ss.D[0, 0]), ss.dt)


def from_second_order_sections(sections: Sections) -> StateSpace:
    """The real system of block-diagonal A with two states for each section."""
    count = len(sections.coefficients)
    a, b, c = np.zeros((2 * count, 2 * count)), np.zeros(2 * count), np.zeros(2 * count)
    direct = sections.direct
    for i, row in enumerate(sections.coefficients):
        block = slice(2 * i, 2 * i + 2)
        a[block, block], b[block], c[block], d = _controllable(row[:3] / row[3], row[3:] / row[3])
        direct += d
    return StateSpace(a, b, c, np.array(direct), sections.dt)


def to_arma(ss: StateSpace) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator (order + 1,) in powers of z^-1, for scipy.signal.lfilter: the ARMA form y_k =
    sum_j b_j u_{k-j} - sum_{j>0} a_j y_{k-j} of a system with one input and one output.

    Raises `SpecError` above order 6: the roots of a polynomial react too strongly to its coefficients.
    """
    _require_single(ss)
    if ss.order > LARGEST_ARMA:
        raise SpecError(
            f"an ARMA form of order {ss.order}",
            f"order {LARGEST_ARMA} or less, since rounded coefficients of a higher polynomial are those of another"
            " system (at order 16 the response of a HiPPO-LegS system comes out wrong by a factor of 1e19)",
            "use to_second_order_sections",
        )
    denominator = np.poly(poles(ss)).real
    # the product of the denominator and the kernel ends after `order`: that is the numerator
    return np.convolve(denominator, kernel_of(ss, ss.order + 1))[: ss.order + 1], denominator


def from_arma(numerator: np.ndarray, denominator: np.ndarray, dt: float = 1.0) -> StateSpace:
    """The controllable canonical form. The denominator must not begin with zero. It inherits the sensitivity of the
    coefficients; see `to_arma`."""
    num, den = np.atleast_1d(np.asarray(numerator, float)), np.atleast_1d(np.asarray(denominator, float))
    require(den[0] != 0, f"a denominator {den.tolist()}", "one that does not begin with zero")
    n = max(len(num), len(den), 2)
    num, den = np.pad(num, (0, n - len(num))) / den[0], np.pad(den, (0, n - len(den))) / den[0]
    a, b, c, d = _controllable(num, den)
    return StateSpace(a, b, c, np.array(d), dt)


@dataclass(frozen=True, eq=False)
class Realisation:
    """A system recovered from a kernel, valid within the window only.

    window : number of values of the kernel that it was made from. error : largest deviation of its own kernel from
    them, over their largest value. singular_values : of the Hankel matrix, all of them; those kept are the order of
    the system. Beyond the window nothing is known: modes that have not decayed in it are invisible, and the system may
    even be unstable (HiPPO-LegS of order 16 from 33 values: 4096 values are wrong by 5 to 20 %).
    """

    system: StateSpace
    window: int
    error: float
    singular_values: np.ndarray


def from_kernel(kernel: np.ndarray, dt: float = 1.0, tolerance: float = 1e-13) -> Realisation:
    """The smallest system with that impulse response (length,) or (length, outputs, inputs), by the Ho-Kalman
    algorithm: the Hankel matrix of the kernel from 1 on is factored by its singular value decomposition, cut where
    values fall below `tolerance` times the largest.

    An odd length is used whole; of an even one the last value is left out. With a noisy kernel, set the tolerance to
    the relative noise. Source: Ho & Kalman 1966, doi:10.1524/auto.1966.14.112.545; Kung 1978.
    """
    h = np.asarray(kernel, dtype=float)
    h = h[:, None, None] if h.ndim == 1 else h
    half = (len(h) - 1) // 2
    require(h.ndim == 3 and half >= 1, f"a kernel of shape {np.shape(kernel)}", "3 or more values in time")
    window = 2 * half + 1
    rows = np.arange(half)[:, None] + np.arange(half) + 1

    def hankel(shift: int) -> np.ndarray:
        blocks = h[rows + shift]  # (half, half, outputs, inputs)
        return blocks.transpose(0, 2, 1, 3).reshape(half * h.shape[1], half * h.shape[2])

    left, s, right = np.linalg.svd(hankel(0), full_matrices=False)
    n = max(1, int((s > tolerance * s[0]).sum()))
    root = np.sqrt(s[:n])
    inverse = np.divide(1.0, root, out=np.zeros(n), where=root > 0)
    a = inverse[:, None] * (left[:, :n].T @ hankel(1) @ right[:n].T) * inverse
    system = StateSpace(a, root[:, None] * right[:n, : h.shape[2]], left[: h.shape[1], :n] * root, h[0], dt)
    own = kernel_of(system, window).reshape(window, *h.shape[1:])
    scale = np.abs(h[:window]).max()
    error = float(np.abs(own - h[:window]).max() / scale) if scale > 0 else 0.0
    return Realisation(system, window, error, s)


def _controllable(num: np.ndarray, den: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A, B, C, D of num / den with equal numbers of coefficients and den[0] = 1."""
    n = len(den) - 1
    a = np.eye(n, k=-1)
    a[0] = -den[1:]
    return a, np.eye(n)[0], num[1:] - num[0] * den[1:], float(num[0])


def _require_single(ss: StateSpace) -> None:
    require(
        ss.D.size == 1,
        f"a system with {ss.D.shape[1]} inputs and {ss.D.shape[0]} outputs",
        "one of each: take ss.pair(output, input)",
    )
