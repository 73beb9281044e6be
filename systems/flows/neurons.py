"""Neurons: Hindmarsh and Rose's, a driven FitzHugh-Nagumo neuron, and a bursting neuron with conductances."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dsr.registry import option

from ..base import SYSTEMS
from ..equations import Equations
from ..phases import Rotating


def hindmarsh_rose_field(x, out, current, r, s, rest):
    v = x[0]
    out[0] = x[1] - v * v * v + 3.0 * v * v - x[2] + current
    out[1] = 1.0 - 5.0 * v * v - x[1]
    out[2] = r * (s * (v - rest) - x[2])


def hindmarsh_rose_derivative(x, J, current, r, s, rest):
    J[0, 0] = -3.0 * x[0] * x[0] + 6.0 * x[0]
    J[0, 1] = 1.0
    J[0, 2] = -1.0
    J[1, 0] = -10.0 * x[0]
    J[1, 1] = -1.0
    J[2, 0] = r * s
    J[2, 2] = -r


def fitzhugh_nagumo_field(x, out, a, b, rate, current, amplitude, frequency):
    v = x[0]
    out[0] = v - v * v * v / 3.0 - x[1] + current + amplitude * np.cos(x[2])
    out[1] = rate * (v + a - b * x[1])
    out[2] = frequency


def fitzhugh_nagumo_derivative(x, J, a, b, rate, current, amplitude, frequency):
    J[0, 0] = 1.0 - x[0] * x[0]
    J[0, 1] = -1.0
    J[0, 2] = -amplitude * np.sin(x[2])
    J[1, 0] = rate
    J[1, 1] = -rate * b


def bursting_field(x, out, nmda, slow, capacitance, tau_n, tau_h):
    v = x[0]
    sodium = 1.0 / (1.0 + np.exp((-20.0 - v) / 15.0))
    open_n = 1.0 / (1.0 + np.exp((-25.0 - v) / 5.0))
    open_h = 1.0 / (1.0 + np.exp((-15.0 - v) / 5.0))
    unblocked = 1.0 / (1.0 + 0.33 * np.exp(-0.0625 * v))
    leak = 8.0 * (v + 80.0) + 20.0 * sodium * (v - 60.0)
    potassium = (10.0 * x[1] + slow * x[2]) * (v + 90.0)
    out[0] = -(leak + potassium + nmda * unblocked * v) / capacitance
    out[1] = (open_n - x[1]) / tau_n
    out[2] = (open_h - x[2]) / tau_h


def bursting_derivative(x, J, nmda, slow, capacitance, tau_n, tau_h):
    v = x[0]
    sodium = 1.0 / (1.0 + np.exp((-20.0 - v) / 15.0))
    open_n = 1.0 / (1.0 + np.exp((-25.0 - v) / 5.0))
    open_h = 1.0 / (1.0 + np.exp((-15.0 - v) / 5.0))
    unblocked = 1.0 / (1.0 + 0.33 * np.exp(-0.0625 * v))
    leak = 8.0 + 20.0 * sodium * (1.0 + (1.0 - sodium) * (v - 60.0) / 15.0)
    synapse = nmda * unblocked * (1.0 + 0.0625 * (1.0 - unblocked) * v)
    J[0, 0] = -(leak + 10.0 * x[1] + slow * x[2] + synapse) / capacitance
    J[0, 1] = -10.0 * (v + 90.0) / capacitance
    J[0, 2] = -slow * (v + 90.0) / capacitance
    J[1, 0] = open_n * (1.0 - open_n) / (5.0 * tau_n)
    J[1, 1] = -1.0 / tau_n
    J[2, 0] = open_h * (1.0 - open_h) / (5.0 * tau_h)
    J[2, 2] = -1.0 / tau_h


@SYSTEMS.register("hindmarsh_rose")
@dataclass(frozen=True)
class HindmarshRose:
    """x' = y - x^3 + 3 x^2 - z + I, y' = 1 - 5 x^2 - y, z' = r (s (x - x_rest) - z): bursts of spikes x, ended by the
    slow adaptation z; two widely different time scales.
    """

    current: float = option(3.25, "I, injected current")
    r: float = option(0.006, "rate of the adaptation")
    s: float = option(4.0, "strength of the adaptation")
    rest: float = option(-1.6, "x at which the adaptation rests")

    def build(self) -> Equations:
        return Equations(
            name="hindmarsh_rose",
            time="flow",
            dim=3,
            dt=0.25,
            period=114.0,
            parameters=asdict(self),
            default_state=np.array([-1.0, -3.9, 3.3]),
            names=("x", "y", "z"),
            description="neuron that fires irregular bursts of spikes",
            citation="J. L. Hindmarsh, R. M. Rose, Proc. R. Soc. B 221, 87 (1984), doi:10.1098/rspb.1984.0024",
            field=hindmarsh_rose_field,
            derivative=hindmarsh_rose_derivative,
            numbers=(self.current, self.r, self.s, self.rest),
            scale=(0.49, 1.62, 0.107),
            max_step=0.01,
        )


@SYSTEMS.register("fitzhugh_nagumo")
@dataclass(frozen=True)
class FitzHughNagumo:
    """v' = v - v^3/3 - w + I + amplitude cos(phase), w' = rate (v + a - b w), phase' = frequency: an excitable
    membrane under a periodic current. v and w are observed, the phase of the drive is not.
    """

    a: float = option(0.7, "excitability")
    b: float = option(0.8, "decay of the recovery")
    rate: float = option(0.1, "rate of the recovery")
    current: float = option(0.0, "I, constant current")
    amplitude: float = option(0.74, "amplitude of the periodic current; periodic for most, chaotic for few")
    frequency: float = option(1.0, "angular frequency of the periodic current")

    def build(self) -> Rotating:
        return Rotating(
            name="fitzhugh_nagumo",
            time="flow",
            dim=3,
            dt=0.1,
            period=2 * np.pi,
            parameters=asdict(self),
            default_state=np.array([-1.0, -0.5, 0.0]),
            names=("v", "w"),
            observed=2,
            description="excitable membrane driven periodically",
            citation="S. Rajasekar, M. Lakshmanan, Physica D 32, 146 (1988), doi:10.1016/0167-2789(88)90091-7",
            field=fitzhugh_nagumo_field,
            derivative=fitzhugh_nagumo_derivative,
            numbers=(self.a, self.b, self.rate, self.current, self.amplitude, self.frequency),
            scale=(0.56, 0.088, 1.81),
            max_step=0.01,
            angles=(2,),
        )


@SYSTEMS.register("bursting_neuron")
@dataclass(frozen=True)
class BurstingNeuron:
    """Membrane potential V (mV), activation n of fast and h of slow potassium channels; time in ms. A persistent
    sodium and an NMDA current excite, the slow potassium current ends each burst. A limit cycle of two time scales.
    """

    nmda: float = option(9.5, "conductance of the NMDA synapse; tonic spikes instead of bursts from about 10.02 on")
    slow: float = option(25.0, "conductance of the slow potassium current")
    capacitance: float = option(6.0, "capacitance of the membrane")
    tau_n: float = option(1.0, "time constant of n, ms")
    tau_h: float = option(200.0, "time constant of h, ms")

    def build(self) -> Equations:
        return Equations(
            name="bursting_neuron",
            time="flow",
            dim=3,
            dt=0.5,
            period=147.0,
            parameters=asdict(self),
            default_state=np.array([-66.0, 0.0, 0.052]),
            names=("V", "n", "h"),
            description="neuron with conductances that fires bursts of spikes",
            warning="periodic, not chaotic: no positive exponent found for conductances nmda from 8.5 to 10.3",
            citation="D. Durstewitz, Neural Netw. 22, 1189 (2009), doi:10.1016/j.neunet.2009.07.016",
            field=bursting_field,
            derivative=bursting_derivative,
            numbers=(self.nmda, self.slow, self.capacitance, self.tau_n, self.tau_h),
            scale=(16.9, 0.19, 0.0057),
            max_step=0.02,
        )
