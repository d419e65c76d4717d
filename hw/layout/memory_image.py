"""How weights and biases lie in the memories, and the words that load them.

Neither torch nor amaranth: the generator, the test bench and the host all read it.
"""

from typing import NamedTuple

from .scatter import ScatterMap

__all__ = ["LoadWrite", "load_writes", "pack"]


class LoadWrite(NamedTuple):
    """One write at the load port, see :class:`qblif.hw.core.payloads.LoadWord`."""

    stage: int
    bank: int
    address: int
    data: int


def pack(values, width, start=0, count=None):
    """``count`` signed integers of ``values`` from ``start`` on as one word, the first lowest."""
    stop = len(values) if count is None else min(start + count, len(values))
    return sum((int(values[k]) & (1 << width) - 1) << (k - start) * width
               for k in range(start, stop))


def load_writes(trained, stages):
    """Every write that brings ``trained`` onto the hardware.

    ``stages`` is the manifest's list of stages, whose geometry the words follow.
    """
    spec = trained.spec
    for index, (population, stage) in enumerate(zip(spec.populations, stages, strict=True)):
        first = 0
        for synapse, found in zip(spec.synapses_to(population.name), stage["synapses"],
                                  strict=True):
            reach = ScatterMap.of(spec, synapse, found["lanes"])
            words = reach.weight_words(trained.weights[synapse.name]).tolist()
            for bank in range(found["slices"]):
                start = bank * found["slice_lanes"]
                for address, word in enumerate(words):
                    yield LoadWrite(index, first + bank, address,
                                    pack(word, synapse.w_width, start, found["slice_lanes"]))
            first += found["slices"]
        if population.bias_width:
            for channel, bias in enumerate(trained.biases[population.name].tolist()):
                beat, lane = divmod(channel, stage["fire_lanes"])
                yield LoadWrite(index, first + lane, beat, pack([bias], population.bias_width))
