"""How weights and biases lie in the memories, and the words that load them.

Neither torch nor amaranth: the generator, the test bench and the host all read it.
"""

from typing import NamedTuple

__all__ = ["LoadWrite", "dense_words", "load_writes", "pack"]


class LoadWrite(NamedTuple):
    """One write at the load port, see :class:`qblif.hw.layouts.LoadWord`."""

    stage: int
    bank: int
    address: int
    data: int


def pack(values, width, start=0, count=None):
    """``count`` signed integers of ``values`` from ``start`` on as one word, the first lowest."""
    stop = len(values) if count is None else min(start + count, len(values))
    return sum((int(values[k]) & (1 << width) - 1) << (k - start) * width
               for k in range(start, stop))


def dense_words(weights, lanes):
    """Words of the weight memory for ``weights`` ``(targets, sources)``, padded with zeros.

    Returns ``groups * sources`` tuples of ``lanes`` integers; group g of source a is word
    ``g * sources + a``.
    """
    targets, sources = weights.shape
    rows = weights.tolist() + [[0] * sources] * (-targets % lanes)
    return [word for g in range(0, targets, lanes)
            for word in zip(*rows[g:g + lanes], strict=True)]


def load_writes(trained, stages):
    """Every write that brings ``trained`` onto the hardware.

    ``stages`` is the manifest's list of stages, whose geometry the words follow.
    """
    for index, (population, stage) in enumerate(
            zip(trained.spec.populations, stages, strict=True)):
        synapse, = trained.spec.synapses_to(population.name)
        words = dense_words(trained.weights[synapse.name], stage["lanes"])
        for bank in range(stage["slices"]):
            start = bank * stage["slice_lanes"]
            for address, word in enumerate(words):
                yield LoadWrite(index, bank, address,
                                pack(word, synapse.w_width, start, stage["slice_lanes"]))
        if population.bias_width:
            for neuron, bias in enumerate(trained.biases[population.name].tolist()):
                beat, lane = divmod(neuron, stage["fire_lanes"])
                yield LoadWrite(index, stage["slices"] + lane, beat,
                                pack([bias], population.bias_width))
