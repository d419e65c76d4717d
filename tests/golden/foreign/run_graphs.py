"""Graphs with forks and loops as snnTorch's own importer runs them, against what is made of them.

A script, not a test of the suite: it installs the frameworks as ``run_frameworks.py`` does, lets
``snntorch.import_nir`` build torch modules of the graphs in ``graph_cases.py``, and compares every
spike of every layer with the integer model::

    python tests/golden/foreign/run_graphs.py       # prints a table; 1 where a spike differs
"""

import contextlib
import io
import sys

import torch
from graph_cases import NETS, Net, nir
from run_frameworks import install

from qblif.golden import integer

SEEDS = 5


def run(made):
    """Spikes of each neuron layer in snnTorch, ``(timesteps, frames, neurons)``."""
    from snntorch.import_nir import import_from_nir
    with contextlib.redirect_stdout(io.StringIO()):
        model = import_from_nir(nir.NIRGraph(*made.graph(), type_check=False))
    found = {name: [] for name in made.sizes}
    for name, spikes in found.items():
        module = model.get_submodule(name)
        module.register_forward_hook(lambda module, given, out, spikes=spikes: spikes.append(
            (out[0] if isinstance(out, tuple) else out).detach().clone()))
    state = None
    with torch.no_grad():
        for events in torch.tensor(made.input).float():
            _, state = model(events) if state is None else model(events, state)
    return [torch.stack(spikes) for spikes in found.values()]


def differences(made):
    """In how many places the integer model differs."""
    trained = made.imported(reset="zero", delay=False).converted.trained
    levels = integer.run(trained, made.input.transpose(1, 0, 2)).levels
    return sum(int((levels[f"population{k}"] != spikes).sum())
               for k, spikes in enumerate(run(made), 1))


def main():
    install()
    wrong = 0
    for name in NETS:
        # The importer takes a reset to zero, at once, for every neuron.
        nets = [Net(name, seed, "zero", False, bias=False) for seed in range(SEEDS)]
        try:
            equal = sum(not differences(made) for made in nets)
        except (AttributeError, RuntimeError, ValueError) as error:
            print(f"{name:24} not run by snnTorch: {' '.join(str(error).split())[:70]}")
            continue
        print(f"{name:24} {equal} of {SEEDS} networks equal to the spike")
        wrong += equal < SEEDS
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
