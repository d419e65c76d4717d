"""How each framework writes its neurons into a NIR file: decay and input gain, read back.

The equations are those of snnTorch 1.0 (``snn.Leaky``), SpikingJelly 2.0 (``IFNode``,
``LIFNode``), Norse 1.1 (``IAFCell``, ``LIFBoxCell``), Sinabs 3.1 (``IAF``, ``LIF``), Rockpool
(``LIFTorch``) and NIR itself, and of their exporters.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..spec.errors import InvalidValue
from .graph import Node

__all__ = ["FRAMEWORKS", "Framework"]

DT = 1e-4  # Seconds: what snnTorch's and SpikingJelly's exporters take for one timestep.
NORSE_DT = 1e-3  # Seconds: Norse's default.


@dataclass(frozen=True, kw_only=True)
class Framework:
    """How a framework writes a neuron.

    ``charge(node, dt)`` gives every ``(decay, gain)`` that the node may stand for; ``current(node,
    dt)`` the ``(decay, gain)`` of a synaptic current, ``None`` for a framework without one.  A
    ``dt`` of ``None`` is the exporter's default; ``timesteps`` are others that a user may have
    told it.  ``lost`` says what no file of it has, with what to do then.
    """

    strict: bool
    resets: tuple[str, ...]
    charge: Callable[[Node, float | None], list[tuple[float, float]]]
    current: Callable[[Node, float | None], tuple[float, float]] | None = None
    bursts: bool = False
    delays: bool = False
    timesteps: tuple[float, ...] = ()
    lost: str = ""
    potentials: str = "zero"  # v_leak and v_reset: both "zero", "equal", or "any".
    floors: bool = False  # The membrane may have a lower bound, by default -threshold.


def _euler(node, dt):
    """Forward Euler: ``v + dt / tau (v_leak - v + r I)``; an IF adds ``dt r I``."""
    if node.kind == "IF":
        return [(1.0, dt * node.r)]
    if math.isinf(node.tau):
        return [(1.0, 1.0 if math.isinf(node.r) else 0.0)]
    return [(1.0 - dt / node.tau, dt / node.tau * node.r)]


def _default_euler(node, dt):
    """snnTorch's exporter: Euler with dt of 0.1 ms."""
    return _euler(node, dt or DT)


def _spikingjelly(node, dt):
    """The exporter's dt is in r, 1 / dt of an ``IFNode`` and ``tau / dt`` of ``CUBALIFNode``; of a
    ``LIFNode`` r is tau in timesteps, but 1 with ``decay_input``, so that dt is left open."""
    if dt is None and 0 < node.r < math.inf:
        if node.kind == "IF":
            return [(1.0, 1.0)]
        if node.r != 1:
            return [(1 - 1 / node.r, 1.0)]
    return _euler(node, dt or DT)


def _spikingjelly_current(node, dt):
    """``CUBALIFNode``: as snnTorch's, w_in is ``tau_syn / dt``."""
    return 1 - (dt / node.tau_syn if dt else 1 / node.w_in), 1.0


def _norse(node, dt):
    """``LIFBoxCell`` computes with ``dt / tau``, its exporter multiplies tau by dt once more."""
    if node.kind == "IF":
        return [(1.0, node.r)]
    dt = dt or NORSE_DT
    return [(1 - step, step * node.r) for step in (dt * dt / node.tau, dt / node.tau)]


def _sinabs(node, dt):
    """``LIF`` decays by ``exp(-1 / tau)``, tau in timesteps; ``norm_input`` scales the input by
    what the decay loses, and is not in the file."""
    if node.kind == "IF":
        return [(1.0, node.r)]
    decay = math.exp(-(dt or 1.0) / node.tau)
    return [(decay, (1 - decay) * node.r), (decay, node.r)]


def _rockpool(node, dt):
    """``LIFTorch`` decays by ``exp(-dt / tau)`` and writes ``r = tau / dt exp(-dt / tau)``, which
    gives dt.  Its input is not scaled."""
    if node.kind == "IF":
        return [(1.0, node.r)]
    ratio = dt / node.tau if dt else _solve_ratio(node.r)
    return [(math.exp(-ratio), 1.0)]


def _solve_ratio(r):
    """``x`` with ``exp(-x) / x = r``, which falls as x grows: by bisection."""
    low, high = 0.0, 64.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if math.exp(-middle) > r * middle else (low, middle)
    return (low + high) / 2


def _euler_current(node, dt):
    """``i + dt / tau_syn (w_in I - i)``, before the membrane of the same timestep takes it; at an
    infinite tau_syn nothing decays and the input counts once."""
    rate = (dt or DT) / node.tau_syn
    return 1 - rate, 1.0 if math.isinf(node.tau_syn) else rate * node.w_in


def _norse_current(node, dt):
    """``LIFCell``: the membrane takes ``i + I``, of which the next timestep keeps
    ``1 - dt / tau_syn``; the exporter multiplies tau_syn by dt once more, and has no w_in."""
    dt = dt or NORSE_DT
    return 1 - dt * dt / node.tau_syn, 1.0


def _rockpool_current(node, dt):
    """``LIFTorch``: the membrane takes ``exp(-dt / tau_syn) (i + I)``, which also stays."""
    ratio = dt / node.tau if dt else _solve_ratio(node.r)
    decay = math.exp(-ratio * node.tau / node.tau_syn)
    return decay, decay


def _nir(node, dt):
    """The equations of NIR itself, by forward Euler with the timestep that the user gives."""
    if dt is None:
        raise InvalidValue("A NIR file has no timestep, so reading it by NIR's own equations needs "
                           "--dt, in the unit of its time constants")
    return _euler(node, dt)


FRAMEWORKS = {
    "snntorch": Framework(strict=True, resets=("subtract", "zero", "none"), delays=True,
                          charge=_default_euler, current=_euler_current),
    "spikingjelly": Framework(strict=False, resets=("zero", "subtract"), potentials="equal",
                              timesteps=(1e-3, 1e-2, 1.0), charge=_spikingjelly,
                              current=_spikingjelly_current),
    "norse": Framework(strict=True, resets=("zero", "subtract"), potentials="any",
                       timesteps=(1e-4, 1e-2, 1.0), charge=_norse, current=_norse_current,
                       lost="Norse's file has no v_reset: --v-reset says it"),
    "sinabs": Framework(strict=False, resets=("subtract", "zero"), bursts=True, floors=True,
                        charge=_sinabs, lost="Sinabs' file has no min_v_mem: --floor says it; and "
                        "no tau_syn: qblif.from_torch takes the modules"),
    "rockpool": Framework(strict=False, resets=("subtract",), bursts=True, charge=_rockpool,
                          current=_rockpool_current, lost="Rockpool's file has neither the bias of "
                          "neurons nor w_rec: qblif.from_torch takes the modules"),
    "nir": Framework(strict=True, resets=("zero",), potentials="any", charge=_nir,
                     current=_euler_current),
}
