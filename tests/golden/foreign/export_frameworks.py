"""Small networks as the frameworks' own exporters write them, with the spikes that they gave.

A script, not a test of the suite: it installs the frameworks as ``run_frameworks.py`` does, and
writes the files in ``exported/``, which ``tests/cli/test_import_exported.py`` imports::

    python tests/golden/foreign/export_frameworks.py
"""

import contextlib
import io
from itertools import product
from pathlib import Path

import nir
import numpy as np
import torch
from run_frameworks import install
from torch import nn

FOLDER = Path(__file__).parent / "exported"
TIMESTEPS, FRAMES, SIZES = 6, 12, (6, 5, 3)


def vector(size, value):
    return torch.full((size,), float(value))


class Watched:
    """Layers of random integers around neurons made by ``make(size)``, and what these gave."""

    def __init__(self, make, seed, linear=None):
        draw = np.random.default_rng(seed)
        self.modules, self.spikes = [], []
        for inputs, outputs in zip(SIZES, SIZES[1:], strict=False):
            weight = torch.tensor(draw.integers(-1, 5, (outputs, inputs))).float()
            bias = torch.tensor(draw.integers(-1, 2, outputs)).float()
            if linear is None:
                synapse = nn.Linear(inputs, outputs)
                synapse.weight.data, synapse.bias.data = weight, bias
            else:
                synapse = linear(weight, bias)
            neurons, found = make(outputs), []
            neurons.register_forward_hook(lambda module, given, out, found=found: found.append(
                (out[0] if isinstance(out, tuple) else out).detach().clone()))
            self.modules += [synapse, neurons]
            self.spikes.append(found)
        self.input = torch.tensor(draw.random((TIMESTEPS, FRAMES, SIZES[0])) < 0.5).float()

    def save(self, name, export, over_time=False):
        """What the modules gave so far, and their graph; ``over_time``: frames come first, and
        timesteps in one go."""
        spikes = [found[0].transpose(0, 1) if over_time else torch.stack(found)
                  for found in self.spikes]
        assert all(s.any() for s in spikes)
        with contextlib.redirect_stdout(io.StringIO()):
            graph = export()
        nir.write(FOLDER / f"{name}.nir", graph, compression=None)  # Smaller than with it.
        np.savez_compressed(FOLDER / f"{name}.npz", input=self.input.numpy().astype(np.uint8),
                            **{f"spikes_{k}": s.numpy().astype(np.uint8)
                               for k, s in enumerate(spikes)})
        print(name, *(int(s.sum()) for s in spikes),
              *((FOLDER / f"{name}.{kind}").stat().st_size for kind in ("nir", "npz")))


def snntorch():
    import snntorch as snn
    from snntorch.export_nir import export_to_nir

    def one(name, make, seed):
        made = Watched(make, seed)
        model = nn.Sequential(*made.modules)
        with torch.no_grad():
            for now in made.input:
                model(now)
        made.save(f"snntorch-{name}", lambda: export_to_nir(model, made.input[0, :1],
                                                            ignore_dims=[0]))

    def recurrent(size, **fields):
        neurons = snn.RSynaptic(alpha=0.5, beta=0.5, threshold=6.0, linear_features=size,
                                init_hidden=True, **fields)
        for parameter in neurons.recurrent.parameters():
            parameter.data = torch.randint(-2, 3, parameter.shape).float()
        return neurons

    for k, (reset, delay) in enumerate(product(("subtract", "zero", "none"), (True, False))):
        one(f"leaky-{reset}{'' if delay else '-at-once'}", lambda size, reset=reset, delay=delay:
            snn.Leaky(beta=vector(size, 0.5), threshold=vector(size, 6), reset_mechanism=reset,
                      reset_delay=delay, init_hidden=True), k)
    torch.manual_seed(0)
    for k, reset in enumerate(("subtract", "zero")):
        one(f"synaptic-{reset}", lambda size, reset=reset: snn.Synaptic(
            alpha=vector(size, 0.5), beta=vector(size, 0.5), threshold=vector(size, 9),
            reset_mechanism=reset, init_hidden=True), 10 + k)
        one(f"rsynaptic-{reset}", lambda size, reset=reset: recurrent(size, reset_mechanism=reset),
            20 + k)


def spikingjelly():
    from spikingjelly.activation_based import functional, nir_exchange
    from spikingjelly.activation_based import neuron as jelly
    for k, (name, make) in enumerate((
            ("if", lambda size: jelly.IFNode(v_threshold=6.0, v_reset=0.0)),
            ("lif", lambda size: jelly.LIFNode(tau=2.0, v_threshold=3.0, v_reset=0.0)))):
        made = Watched(make, 30 + k)
        model = nn.Sequential(*made.modules)
        with torch.no_grad():
            for now in made.input:
                model(now)
        functional.reset_net(model)
        made.save(f"spikingjelly-{name}", lambda model=model, made=made:
                  nir_exchange.export_to_nir(model, made.input[0, :1]))


def norse():
    import norse.torch as nt
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract
    made = Watched(lambda size: nt.LIFBoxCell(LIFBoxParameters(
        tau_mem_inv=vector(size, 500), v_leak=vector(size, 0), v_th=vector(size, 3),
        v_reset=vector(size, 0), reset_method=reset_subtract)), 40)
    model, state = nt.SequentialState(*made.modules), None
    with torch.no_grad():
        for now in made.input:
            _, state = model(now, state)
    made.save("norse-lifbox", lambda: nt.to_nir(model, made.input[0, :1]))


def sinabs():
    import sinabs.layers as sl
    from sinabs.nir import to_nir
    made = Watched(lambda size: sl.IAF(spike_threshold=torch.tensor(6.0)), 50)
    model = nn.Sequential(*made.modules)
    with torch.no_grad():
        model(made.input.transpose(0, 1))

    def export():
        for module in made.modules[1::2]:
            module.reset_states()
        return to_nir(model, made.input[:, :1].transpose(0, 1))
    made.save("sinabs-iaf", export, over_time=True)


def rockpool():
    from rockpool.nn.combinators import Sequential
    from rockpool.nn.modules import LIFTorch, LinearTorch
    from rockpool.nn.modules.torch.nir import to_nir
    tau = torch.tensor(1e-3 / np.log(2)).float()
    made = Watched(
        lambda size: LIFTorch(size, tau_mem=vector(size, tau), tau_syn=tau, threshold=6.0), 60,
        lambda weight, bias: LinearTorch(tuple(weight.T.shape), weight=weight.T, bias=bias,
                                         has_bias=True))
    model = Sequential(*made.modules)
    model(made.input.transpose(0, 1))
    made.save("rockpool-lif", lambda: to_nir(model), over_time=True)


def main():
    install()
    FOLDER.mkdir(exist_ok=True)
    for framework in (snntorch, spikingjelly, norse, sinabs, rockpool):
        framework()


if __name__ == "__main__":
    main()
