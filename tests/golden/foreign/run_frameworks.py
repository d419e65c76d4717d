"""Networks of the frameworks themselves against what ``qblif.from_torch`` makes of them.

A script, not a test of the suite: it installs snnTorch, SpikingJelly, Norse, Sinabs and Rockpool,
without their dependencies, into a folder of its own, runs small random networks of every neuron
that is read, and compares every spike of every layer, behind a Linear and behind a Linear
with a batch norm::

    python tests/golden/foreign/run_frameworks.py       # prints a table; 1 where a spike differs
"""

import atexit
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn

from qblif.golden import integer
from qblif.golden.foreign.torch_model import convert_model

PACKAGES = ("snntorch==1.0.0", "spikingjelly==2.0.0", "norse==1.1.0", "sinabs==3.1.3",
            "rockpool==3.1.0", "nirtorch==2.6", "loguru", "pbr", "tqdm", "einops")
TIMESTEPS, FRAMES, SIZES = 5, 40, (6, 5, 3)


def snntorch():
    """``(what it is, how a neuron is made, how it steps)`` of each kind."""
    import snntorch as snn

    def step(neuron, x, state):
        spikes, *state = neuron(x, *(() if state is None else state))
        return spikes, state
    kinds = (("Leaky", {}), ("Synaptic", {"alpha": 0.5}))
    for (name, more), beta, reset, delay in product(
            kinds, (0.5, 0.75, 1.0), ("subtract", "zero", "none"), (True, False)):
        make = partial(getattr(snn, name), beta=beta, threshold=6.0, reset_mechanism=reset,
                       reset_delay=delay, **more)
        yield f"{name} beta {beta}, {reset}, {'' if delay else 'no '}delay", make, step
    draw = np.random.default_rng(1)

    def recurrent(name, one, **options):
        """Made twice, for the two layers, whose sizes are theirs in turn."""
        size = sizes.pop(0)
        sizes.append(size)
        if one:
            return getattr(snn, name)(V=torch.tensor(draw.integers(-3, 3, size)).float(),
                                      all_to_all=False, **options)
        made = getattr(snn, name)(linear_features=size, **options)
        made.recurrent.weight.data = torch.tensor(draw.integers(-3, 3, (size, size))).float()
        made.recurrent.bias.data = torch.tensor(draw.integers(-1, 2, size)).float()
        return made

    def step_back(neuron, x, state):
        found = neuron(x, *(() if state is None else state))  # The spikes are part of the state.
        return found[0], found

    sizes = [*SIZES[1:]]
    kinds = (("RLeaky", {}), ("RSynaptic", {"alpha": 0.5}))
    for (name, more), beta, reset, delay, one in product(
            kinds, (0.5, 1.0), ("subtract", "zero", "none"), (True, False), (False, True)):
        if name == "RSynaptic" and not delay:
            continue  # snnTorch 1.0 raises a TypeError there.
        yield (f"{name} beta {beta}, {reset}, {'' if delay else 'no '}delay, "
               f"{'one to one' if one else 'all to all'}"), partial(
            recurrent, name, one, beta=beta, threshold=6.0, reset_mechanism=reset,
            reset_delay=delay, **more), step_back


def spikingjelly():
    from spikingjelly.activation_based import neuron as jelly

    def step(neuron, x, state):
        if state is None:
            neuron.reset()
        return neuron(x), True
    for v_reset, c_decay in product((0.0, None), (0.5, 0.75)):
        yield f"CUBALIFNode c_decay {c_decay}, v_reset {v_reset}", partial(
            jelly.CUBALIFNode, c_decay, 0.5, v_threshold=8.0, v_reset=v_reset), step
    for v_reset in (0.0, None, 2.0):
        yield f"IFNode v_reset {v_reset}", partial(
            jelly.IFNode, v_threshold=6.0, v_reset=v_reset), step
        for tau, decays in product((2.0, 4.0), (True, False)):
            what = f"tau {tau}, v_reset {v_reset}{', decay_input' if decays else ''}"
            common = {"decay_input": decays, "v_threshold": 4.0, "v_reset": v_reset}
            yield f"LIFNode {what}", partial(jelly.LIFNode, tau=tau, **common), step
            yield f"ParametricLIFNode {what}", partial(
                jelly.ParametricLIFNode, init_tau=tau, **common), step


def norse():
    import norse.torch as nt
    from norse.torch.functional.iaf import IAFParameters
    from norse.torch.functional.lif import LIFParameters
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract, reset_value
    real = torch.tensor

    def step(neuron, x, state):
        return neuron(x, state)
    for v_leak, v_reset in ((0.0, 0.0), (0.0, 0.5), (-1.0, 0.5)):
        what = f"v_leak {v_leak}, v_reset {v_reset}"
        rest = {"v_leak": real(v_leak), "v_reset": real(v_reset), "v_th": real(3.0),
                "tau_mem_inv": real(500.0)}
        yield f"LIFCell {what}", partial(nt.LIFCell, LIFParameters(
            tau_syn_inv=real(250.0), **rest)), step
        for method in (reset_value, reset_subtract):
            if method is reset_value or not v_leak:
                yield f"LIFBoxCell {what}, {method.__name__}", partial(
                    nt.LIFBoxCell, LIFBoxParameters(reset_method=method, **rest)), step
        yield f"IAFCell v_reset {v_reset}", partial(nt.IAFCell, IAFParameters(
            v_th=real(6.0), v_reset=real(v_reset))), step


def sinabs():
    import sinabs.activation as act
    import sinabs.layers as sl

    def step(neuron, x, state):
        if state is None and neuron.is_state_initialised():
            neuron.reset_states()
        return neuron(x[:, None])[:, 0], True
    tau = float(-1 / np.log(0.5))
    for spikes, reset, floor in product(
            (act.MultiSpike, act.SingleSpike, act.MaxSpike(2)),
            (act.MembraneSubtract(), act.MembraneReset()), (None, -2.0)):
        name = getattr(spikes, "__name__", type(spikes).__name__)
        what = f"{name}, {type(reset).__name__}, min_v_mem {floor}"
        common = {"spike_threshold": torch.tensor(4.0), "spike_fn": spikes, "reset_fn": reset,
                  "min_v_mem": floor}
        yield f"IAF {what}", partial(sl.IAF, **common), step
        yield f"LIF {what}", partial(sl.LIF, tau_mem=tau, norm_input=False, **common), step
        yield f"LIF tau_syn, norm_input, {what}", partial(
            sl.LIF, tau_mem=tau, tau_syn=tau, norm_input=True, **common), step


def rockpool():
    """Of these alone a step is ``None``: they are run in Rockpool's own Sequential."""
    from rockpool.nn.modules import LIFNeuronTorch, LIFTorch
    draw = np.random.default_rng(2)
    half, quarter = torch.tensor(0.5), torch.tensor(0.25)

    def recurrent(size, **fields):
        made = LIFTorch(size, has_rec=True, **fields)
        # Levels without bound must have one of at most 63 by their weights.
        high = 2 if fields["max_spikes_per_dt"] < 3 else 1
        made.w_rec = torch.tensor(draw.integers(-2, high, (size, size))).float()
        return made
    for most, alpha, beta in product((1.0, 2.0, 2.0**16), (half, quarter), (half, quarter)):
        fields = {"leak_mode": "decays", "alpha": alpha, "beta": beta, "threshold": 3.0,
                  "max_spikes_per_dt": torch.tensor(most)}
        what = f"alpha {alpha}, beta {beta}, levels up to {most:g}"
        yield f"LIFTorch {what}", partial(LIFTorch, **fields), None
        yield f"LIFTorch has_rec, {what}", partial(recurrent, **fields), None
    for most, bias, decay in product((1.0, 2.0, 2.0**16), (0.0, 1.0), (0.5, 0.75)):
        # Of float32, this tau gives the decay itself.
        tau = torch.tensor(-1e-3 / np.log(decay)).float()
        yield f"LIFNeuronTorch decay {decay}, bias {bias}, levels up to {most:g}", partial(
            LIFNeuronTorch, tau_mem=tau, bias=bias, threshold=3.0,
            max_spikes_per_dt=torch.tensor(most)), None


def run_rockpool(layers, x):
    """Rockpool's Sequential of ``layers`` and the spikes of each neuron layer."""
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules import LinearTorch
    modules = []
    for (synapse, make), size in zip(layers, SIZES[1:], strict=True):
        modules += [LinearTorch(tuple(synapse.weight.T.shape), weight=synapse.weight.data.T,
                                bias=synapse.bias.data, has_bias=True), make(size)]
    model = Sequential(*modules)
    _, _, record = model(x.permute(1, 0, 2), record=True)
    return model, [record[f"{k}_{type(modules[k]).__name__}_output"].detach().permute(1, 0, 2)
                   for k in range(1, len(modules), 2)]


def linear(draw, inputs, outputs):
    made = nn.Linear(inputs, outputs)
    made.weight.data = torch.tensor(draw.integers(-1, 5, (outputs, inputs))).float()
    made.bias.data = torch.tensor(draw.integers(-1, 3, outputs)).float()
    return made


def normed(draw, inputs, outputs):
    """A Linear and a batch norm that float32 computes exactly."""
    norm = nn.BatchNorm1d(outputs, eps=0.0)
    norm.weight.data = torch.tensor(draw.choice([-1.0, 0.5, 1.0, 1.0], outputs)).float()
    norm.bias.data = torch.tensor(draw.integers(-1, 2, outputs)).float()
    norm.running_mean = torch.tensor(draw.integers(-1, 2, outputs)).float()
    norm.running_var = torch.tensor(draw.choice([0.25, 1.0], outputs)).float()
    return nn.Sequential(linear(draw, inputs, outputs), norm).eval()


def compare(make, step, seed, layer=linear):
    """``(spikes of the framework, how many differ)`` of a random network."""
    draw = np.random.default_rng(seed)
    synapses = [layer(draw, *sizes) for sizes in zip(SIZES, SIZES[1:], strict=False)]
    x = torch.tensor(draw.random((TIMESTEPS, FRAMES, SIZES[0])) < 0.5).float()
    if step is None:
        model, spikes = run_rockpool([(synapse, make) for synapse in synapses], x)
    else:
        layers = [(synapse, make()) for synapse in synapses]
        model = nn.Sequential(*(module for layer in layers for module in layer))
        states, spikes = [None] * len(layers), [[] for _ in layers]
        with torch.no_grad():
            for now in x:
                for k, (synapse, neuron) in enumerate(layers):
                    now, states[k] = step(neuron, synapse(now), states[k])
                    spikes[k].append(now)
        spikes = [torch.stack(found) for found in spikes]
    trace = integer.run(convert_model(model, SIZES[:1], TIMESTEPS),
                        x.permute(1, 0, 2).numpy().astype(int))
    return int(sum(s.sum() for s in spikes)), sum(
        int((trace.levels[f"population{k}"] != s).sum()) for k, s in enumerate(spikes, 1))


def install():
    """The frameworks, for this process alone."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder,
                    *PACKAGES], check=True)
    sys.path.insert(0, folder)


def main():
    install()
    counts = {}
    for framework in (snntorch, spikingjelly, norse, sinabs, rockpool):
        for k, (what, make, step) in enumerate(framework()):
            for layer in (linear, normed) if step else (linear,):
                key = framework.__name__, layer.__name__
                spikes, differ = compare(make, step, k, layer)
                print(f"{' '.join(key):20}  {what:66}  {differ} differ, {spikes:,} spikes")
                right, count = counts.get(key, (0, 0))
                counts[key] = right + bool(spikes and not differ), count + 1
    for key, (right, count) in counts.items():
        print(f"{' '.join(key):20}  {right} of {count} networks equal to the spike")
    return any(right < count for right, count in counts.values())


if __name__ == "__main__":
    sys.exit(main())
