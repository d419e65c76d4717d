"""A network too large to simulate whole, block by block: each on what really reaches it.

A block is a run of populations that read one population outside.  It is cut out as a network of its
own, whose input are the levels that the integer model has there; so every block that passes here
computes in the whole network what the integer model says.

``python -m qblif.sim.blocks FILE --data DIR`` does it for every distinct block of a network file.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..golden import integer
from ..golden.spec import Dense, Input, Network, Neuron, Population
from ..golden.spec.artifact import Trained, load, sum_range
from ..golden.training.data.readers import load_folder
from ..golden.training.export import signed_width
from ..hw.layout.compile import compile
from ..hw.layout.cycles import count_cycles
from ..hw.layout.plan import make_plan
from .bench import simulate

__all__ = ["Block", "blocks", "cut", "distinct"]

PROBE = "probe"  # A read-out of one neuron, without which no network is complete.


@dataclass(frozen=True)
class Block:
    """``names`` of consecutive populations, and the ``source`` that they read."""

    source: str
    names: tuple[str, ...]


def blocks(spec):
    """The blocks of a network, in order; none is a part of another."""
    order = [spec.input.name, *(p.name for p in spec.populations)]
    found = []
    for population in spec.populations[:-1]:
        inside = {population.name}
        while len(outside := {s.source for name in inside for s in spec.synapses_to(name)}
                  - inside) > 1:
            inside.add(max(outside, key=order.index))
        found.append(Block(outside.pop(), tuple(n for n in order if n in inside)))
    return [b for b in found if not any(set(b.names) < set(other.names) for other in found)]


def distinct(spec, found):
    """The first of each kind: blocks of one kind differ in nothing but weights and widths."""
    kinds = {}
    for block in found:
        source = spec.source(block.source)
        local = {name: k for k, name in enumerate((block.source, *block.names))}
        parts = tuple((spec.source(name).shape, tuple(replace(
            s, source=f"s{local[s.source]}", target="t", w_width=8)
            for s in spec.synapses_to(name)))
            for name in block.names)
        kinds.setdefault((source.shape, source.emit_max, block.source == spec.input.name, parts),
                         block)
    return list(kinds.values())


def cut(trained, block):
    """The :class:`~qblif.golden.spec.artifact.Trained` of one block; its input is the block's
    source."""
    spec = trained.spec
    source, last = spec.source(block.source), spec.source(block.names[-1])
    populations = [spec.source(name) for name in block.names]
    renamed = {s.name: replace(s, source=Input.name if s.source == block.source else s.source)
               for name in block.names for s in spec.synapses_to(name)}
    probe = Dense(source=last.name, target=PROBE, w_width=2)
    weights = {renamed[name].name: trained.weights[name] for name in renamed}
    weights[probe.name] = np.resize(np.array([1, 0, -1], np.int32), (1, last.size))

    def network(width):
        read_out = Population(name=PROBE, shape=(1,), sum_width=width,
                              neuron=Neuron(quantiser=None, v_width=30))
        return Network(
            timesteps=spec.timesteps, populations=(*populations, read_out),
            synapses=(*renamed.values(), probe),
            input=Input(shape=source.shape, n_max=source.emit_max,
                        static=block.source == spec.input.name and spec.input.static))

    wide = network(30)
    width = signed_width(*sum_range(wide, weights, wide.populations[-1]))
    biases = {p.name: trained.biases[p.name] for p in populations if p.bias_width}
    return Trained(network(width), weights, biases, activity={
        renamed[name].name: found for name, found in (trained.activity or {}).items()
        if name in renamed})


def check(trained, block, levels, lanes, folder, **options):
    """Simulate one block; returns its result and whether the cycle model agrees."""
    part = cut(trained, block)
    layout = compile(part.spec, make_plan(part.spec, lanes=lanes, activity=part.activity))
    expected = integer.run(part, levels)
    result = simulate(part, layout, levels, out_dir=folder, expected=expected, **options)
    model = count_cycles(layout, levels,
                         {name: found.numpy() for name, found in expected.levels.items()})
    return result, np.array_equal(result.latency, model.latency)


def main():
    parser = argparse.ArgumentParser(description="Simulate a network's distinct blocks.")
    parser.add_argument("file", help="network file")
    parser.add_argument("--data", required=True, help="folder with a data set")
    parser.add_argument("--images", type=int, default=1)
    parser.add_argument("--lanes", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("out/blocks"))
    arguments = parser.parse_args()
    trained, dataset = load(arguments.file), load_folder(arguments.data)
    spec = trained.spec
    pixels = spec.input.levels_of(dataset.test_images[:arguments.images])
    trace = integer.run(trained, pixels)
    print("block                          levels that differ     membranes     cycles   model   s")
    for block in distinct(spec, blocks(spec)):
        levels = pixels if block.source == spec.input.name else \
            trace.levels[block.source].numpy().swapaxes(0, 1)
        result, equal = check(trained, block, levels, arguments.lanes,
                              arguments.out / block.names[-1])
        print(f"{' '.join(block.names):<29}{sum(result.level_mismatches.values()):7d} of "
              f"{result.levels_compared:9,}   {sum(result.membrane_mismatches.values()):4d} of "
              f"{result.membranes_compared:9,} {result.latency.mean():10.0f}   "
              f"{'equal' if equal else 'differs'}  {result.run_seconds:4.0f}", flush=True)


if __name__ == "__main__":
    main()
