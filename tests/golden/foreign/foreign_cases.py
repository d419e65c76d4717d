"""What each framework computes, written from its own equations and apart from what is tested, and
the NIR file that its exporter writes of it."""

from dataclasses import dataclass

import numpy as np

DT = 1e-4
SIZES = (6, 5, 3)


def snntorch(v, current, *, beta, threshold, reset, delay):
    """``snn.Leaky``: the reset of the last timestep is looked up from the membrane again."""
    above = (v > threshold).astype(float)
    if reset == "zero":
        v = v * (1 - above)
    u = beta * v + current - (above * threshold if reset == "subtract" else 0)
    spike = (u > threshold).astype(float)
    if not delay and reset == "subtract":
        u = u - (spike - above) * threshold
    if not delay and reset == "zero":
        u = u - (spike - above) * u
    return spike, u


def spikingjelly(v, current, *, tau, threshold, hard, decay_input, rest=0.0):
    """``LIFNode``, and ``IFNode`` where tau is ``None``; ``v`` is above ``rest`` here."""
    v = v + rest
    if tau is None:
        u = v + current
    elif decay_input:
        u = v + (current - (v - rest)) / tau
    else:
        u = v - (v - rest) / tau + current
    spike = (u >= threshold).astype(float)
    u = np.where(spike > 0, rest, u) if hard else u - spike * threshold
    return spike, u - rest


def norse(v, current, *, rate, threshold, subtract, v_leak=0.0, v_reset=0.0):
    """``LIFBoxCell``, and ``IAFCell`` where the rate dt / tau is ``None``; ``v`` is above the
    first membrane here."""
    first = v_reset if rate is None else v_leak
    v = v + first
    u = v + current if rate is None else v + rate * (v_leak - v + current)
    spike = (u > threshold).astype(float)
    u = u - spike * threshold if subtract else u * (1 - spike) + spike * v_reset
    return spike, u - first


def sinabs(v, current, *, alpha, norm, threshold, most, subtract, floor=-np.inf):
    """``LIF`` or, with alpha 1, ``IAF``; ``most`` is 1 for SingleSpike, n for MaxSpike(n)."""
    u = alpha * v + (1 - alpha if norm else 1) * current
    spike = np.minimum(np.maximum(np.trunc(u / threshold), 0), most)
    u = u - spike * threshold if subtract else u * (spike == 0)
    return spike, np.maximum(u, floor)


def rockpool(v, current, *, alpha, threshold, most):
    """``LIFTorch``."""
    u = alpha * v + current
    spike = np.clip(np.floor(u / threshold), 0, most)
    return spike, u - spike * threshold


STEPS = {step.__name__: step for step in (snntorch, spikingjelly, norse, sinabs, rockpool)}


def node(nir, framework, size, *, threshold, beta=None, tau=None, decay_input=False, rate=None,
         alpha=1.0, norm=False, rest=0.0, v_leak=0.0, **_):
    """The neuron node, as the framework's exporter fills it in."""
    def full(value):
        return np.full(size, value, np.float32)
    common = {"v_threshold": full(threshold), "v_reset": full(rest)}
    if framework == "snntorch":
        tau = np.inf if beta == 1 else DT / (1 - beta)
        return nir.LIF(tau=full(tau), r=full(tau / DT), v_leak=full(0), **common)
    if framework == "spikingjelly" and tau is None:
        return nir.IF(r=full(1 / DT), **common)
    if framework == "spikingjelly":
        return nir.LIF(tau=full(tau * DT), r=full(1 if decay_input else tau), v_leak=full(rest),
                       **common)
    if framework == "norse" and rate is not None:
        return nir.LIF(tau=full(1e-3 * 1e-3 / rate), r=full(1), v_leak=full(v_leak), **common)
    if framework == "sinabs" and alpha != 1:
        return nir.LIF(tau=full(-1 / np.log(alpha)), r=full(1), v_leak=full(0), **common)
    if framework == "rockpool":
        tau = 0.02
        dt = -tau * np.log(alpha)
        return nir.LIF(tau=full(tau), r=full(tau / dt * alpha), v_leak=full(0), **common)
    return nir.IF(r=full(1), **common)


@dataclass(frozen=True)
class Foreign:
    """A small dense network of a framework: its parameters, and what it gave."""

    framework: str
    parameters: dict
    weights: list
    biases: list
    input: np.ndarray
    spikes: list

    def write(self, nir, folder):
        """``(nir file, npz file)``."""
        nodes = {"input": nir.Input(np.array([SIZES[0]]))}
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            weight = weight.astype(np.float32)
            nodes[f"{2 * k}"] = (nir.Affine(weight, bias.astype(np.float32)) if bias.any()
                                 else nir.Linear(weight))
            nodes[f"{2 * k + 1}"] = node(nir, self.framework, len(bias), **self.parameters)
        nodes["output"] = nir.Output(np.array([SIZES[-1]]))
        names = list(nodes)
        edges = list(zip(names, names[1:], strict=False))[::-1]
        nir.write(folder / "net.nir", nir.NIRGraph(nodes, edges))
        np.savez(folder / "net.npz", input=self.input.astype(np.uint8),
                 **{f"spikes_{k}": s.astype(np.uint8) for k, s in enumerate(self.spikes)})
        return folder / "net.nir", folder / "net.npz"


def make(framework, seed=0, timesteps=8, frames=40, bias=False, low=-1, **parameters):
    """A random network of small integers, weights from ``low`` to 4, with its own run."""
    draw = np.random.default_rng(seed)
    weights = [draw.integers(low, 5, (b, a)) for a, b in zip(SIZES, SIZES[1:], strict=False)]
    biases = [draw.integers(-1, 3, b) * bias for b in SIZES[1:]]
    input = (draw.random((timesteps, frames, SIZES[0])) < 0.5).astype(float)
    now, spikes = input, []
    for weight, offset in zip(weights, biases, strict=True):
        v, trace = np.zeros((frames, len(weight))), []
        for events in now:
            spike, v = STEPS[framework](v, events @ weight.T + offset, **parameters)
            trace.append(spike)
        now = np.stack(trace)
        spikes.append(now)
    return Foreign(framework, parameters, weights, biases, input, spikes)
