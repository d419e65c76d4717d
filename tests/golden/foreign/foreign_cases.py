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


def spikingjelly(v, current, *, tau, threshold, hard, decay_input, rest=0.0, **_):
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


def synaptic(v, current, *, alpha, beta, threshold, reset, delay):
    """``snn.Synaptic``; ``v`` is membrane and current.  Zero takes the whole new membrane."""
    v, held = v
    above = (v > threshold).astype(float)
    held = alpha * held + current
    u = beta * v + held
    if reset == "zero":
        u = u * (1 - above)
    u = u - (above * threshold if reset == "subtract" else 0)
    spike = (u > threshold).astype(float)
    if not delay and reset == "subtract":
        u = u - (spike - above) * threshold
    if not delay and reset == "zero":
        u = u - (spike - above) * u
    return spike, np.stack([u, held])


def lif_cell(v, current, *, rate, syn_rate, threshold):
    """Norse's ``LIFCell``."""
    v, held = v
    held = held + current
    u = v + rate * (held - v)
    spike = (u > threshold).astype(float)
    return spike, np.stack([u * (1 - spike), held - syn_rate * held])


def cuba_lif_node(v, current, *, alpha, beta, threshold, hard):
    """SpikingJelly's ``CUBALIFNode``."""
    v, held = v
    held = alpha * held + current
    u = beta * v + held
    spike = (u >= threshold).astype(float)
    return spike, np.stack([u * (1 - spike) if hard else u - spike * threshold, held])


def lif_torch(v, current, *, alpha, syn, threshold, most):
    """Rockpool's ``LIFTorch``."""
    v, held = v
    held = (held + current) * syn
    u = alpha * v + held
    spike = np.clip(np.floor(u / threshold), 0, most)
    return spike, np.stack([u - spike * threshold, held])


CUBA = {"snntorch": synaptic, "norse": lif_cell, "rockpool": lif_torch,
        "spikingjelly": cuba_lif_node}
STEPS = {step.__name__: step for step in (snntorch, spikingjelly, norse, sinabs, rockpool)}


def cuba_node(nir, framework, size, *, threshold, alpha=None, beta=None, rate=None, syn_rate=None,
              syn=None, **_):
    """The CubaLIF node, as the framework's exporter fills it in."""
    def full(value):
        return np.full(size, value, np.float32)
    if framework in ("snntorch", "spikingjelly"):
        mem, syn = DT / (1 - beta), DT / (1 - alpha)
        return nir.CubaLIF(tau_mem=full(mem), tau_syn=full(syn), r=full(mem / DT),
                           w_in=full(syn / DT), v_leak=full(0), v_reset=full(0),
                           v_threshold=full(threshold))
    if framework == "norse":
        return nir.CubaLIF(tau_mem=full(1e-6 / rate), tau_syn=full(1e-6 / syn_rate), r=full(1),
                           v_leak=full(0), v_threshold=full(threshold))
    tau = 0.02
    dt = -tau * np.log(alpha)
    return nir.CubaLIF(tau_mem=full(tau), tau_syn=full(-dt / np.log(syn)), v_leak=full(0),
                       r=full(tau / dt * alpha), v_threshold=full(threshold))


def node(nir, framework, size, *, threshold, beta=None, tau=None, decay_input=False, rate=None,
         alpha=1.0, norm=False, rest=0.0, v_leak=0.0, dt=DT, **_):
    """The neuron node, as the framework's exporter fills it in."""
    def full(value):
        return np.full(size, value, np.float32)
    if np.ndim(threshold):
        threshold = np.resize(threshold, size)
    common = {"v_threshold": full(threshold), "v_reset": full(rest)}
    if framework == "snntorch":
        tau = np.inf if beta == 1 else DT / (1 - beta)
        return nir.LIF(tau=full(tau), r=full(tau / DT), v_leak=full(0), **common)
    if framework == "spikingjelly" and tau is None:
        return nir.IF(r=full(1 / dt), **common)
    if framework == "spikingjelly":
        return nir.LIF(tau=full(tau * dt), r=full(1 if decay_input else tau), v_leak=full(rest),
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
    cuba: bool

    def write(self, nir, folder):
        """``(nir file, npz file)``."""
        nodes = {"input": nir.Input(np.array([SIZES[0]]))}
        for k, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            weight = weight.astype(np.float32)
            nodes[f"{2 * k}"] = (nir.Affine(weight, bias.astype(np.float32)) if bias.any()
                                 else nir.Linear(weight))
            make_node = cuba_node if self.cuba else node
            nodes[f"{2 * k + 1}"] = make_node(nir, self.framework, len(bias), **self.parameters)
        nodes["output"] = nir.Output(np.array([SIZES[-1]]))
        names = list(nodes)
        edges = list(zip(names, names[1:], strict=False))[::-1]
        nir.write(folder / "net.nir", nir.NIRGraph(nodes, edges))
        np.savez(folder / "net.npz", input=self.input.astype(np.uint8),
                 **{f"spikes_{k}": s.astype(np.uint8) for k, s in enumerate(self.spikes)})
        return folder / "net.nir", folder / "net.npz"


def make(framework, seed=0, timesteps=8, frames=40, bias=False, low=-1, cuba=False, **parameters):
    """A random network of small integers, weights from ``low`` to 4, with its own run; ``cuba``:
    its neurons have a synaptic current."""
    draw = np.random.default_rng(seed)
    weights = [draw.integers(low, 5, (b, a)) for a, b in zip(SIZES, SIZES[1:], strict=False)]
    biases = [draw.integers(-1, 3, b) * bias for b in SIZES[1:]]
    input = (draw.random((timesteps, frames, SIZES[0])) < 0.5).astype(float)
    now, spikes = input, []
    for weight, offset in zip(weights, biases, strict=True):
        v, trace = np.zeros((2, frames, len(weight)) if cuba else (frames, len(weight))), []
        step = (CUBA if cuba else STEPS)[framework]
        own = parameters | {"threshold": np.resize(parameters["threshold"], len(weight))}
        for events in now:
            spike, v = step(v, events @ weight.T + offset, **own)
            trace.append(spike)
        now = np.stack(trace)
        spikes.append(now)
    return Foreign(framework, parameters, weights, biases, input, spikes, cuba)
