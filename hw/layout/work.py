"""What a frame asks of an engine, before anything is simulated: mean digits, mean cycles."""

import math

from ...golden.spec import as_map
from .dense import DenseMap
from .window import Window

__all__ = ["LANES_LIMIT", "Work", "streams", "works_of"]

LANES_LIMIT = 1024
PORT_SPREAD = 0.25  # Fits conv1, conv2 and conv3 of the CIFAR VGG with two and four ports.


def streams(network, population):
    """Whether the stage of ``population`` is a streaming one: where it is a map, or groups keep
    events from some of its channels."""
    return not all(DenseMap.serves(network, s) for s in network.synapses_to(population.name))


def works_of(network, population, activity=None, burst="shift"):
    """The :class:`Work` of each engine of ``population``."""
    synapses = network.synapses_to(population.name)
    groups = [synapses] if streams(network, population) else [[s] for s in synapses]
    return [Work(network, group, activity, burst) for group in groups]


class Work:
    """What a frame asks of one engine, on the mean: target positions that its digits reach.

    ``synapses`` share its lanes.  ``activity`` is ``activity`` of the network file; what it does
    not have is guessed: half of the sources send a digit, and each source as often as any other.
    """

    def __init__(self, network, synapses, activity=None, burst="shift"):
        target = network.source(synapses[0].target)
        self.channels, self.steps = target.channels, 0
        self.positions = max(1e-9, sum(_reached(network, s, (activity or {}).get(s.name, {}), burst)
                                       for s in synapses))
        if streams(network, target):  # A cycle for each word that nothing adds to, at most.
            _, rows, columns = as_map(target.shape)
            self.steps = rows * columns * network.timesteps

    def cycles(self, lanes, ports=1):
        """Mean cycles a frame with this number of lanes, by which ``ports`` events are added."""
        words = -(-self.channels // lanes)
        mean = self.positions / ports * words
        return max(mean + self._uneven(mean, words, ports), self.steps * words)

    def _uneven(self, mean, words, ports):
        """Mean cycles for which the fullest port keeps the others waiting at the ends of words:
        digits rarely divide, and their numbers spread by a part of their root."""
        ends = self.steps * words
        return ends * (1 - 1 / ports) * (1 + PORT_SPREAD * math.sqrt(mean / ends)) if ends else 0

    def fewest(self, cycles, most=LANES_LIMIT):
        """The fewest lanes, up to ``most``, that take at most ``cycles``; else the most useful."""
        options = self.counts(most)
        return next((n for n in options if self.cycles(n) <= cycles), options[-1])

    def counts(self, most=LANES_LIMIT):
        """Useful numbers of lanes, up to ``most``: the fewest for each number of words."""
        counts = sorted({-(-self.channels // g) for g in range(1, self.channels + 1)})
        return [n for n in counts if n <= most]


def _reached(network, synapse, found, burst):
    """Mean target positions that the digits of a frame reach; ``found`` is measured activity."""
    digits = _digits(network, synapse, found, burst)
    window = Window.of(network, synapse, 1)
    share = window.target[0] // window.synapse.groups
    if "operations" in found and found.get("digits"):  # Measured in shift mode.
        return found["operations"] / share * digits / found["digits"]
    rows, columns = (sum(span.count for span in spans) for spans in (window.rows, window.columns))
    return digits * rows * columns / (window.source[1] * window.source[2])


def _digits(network, synapse, found, burst):
    """Mean digits that arrive at ``synapse`` in a frame; ``found`` is its measured activity."""
    source = network.source(synapse.source)
    key = "digits" if burst == "shift" else "repeat_digits"
    times = 1 if source is network.input and source.static else network.timesteps
    guess = {"digits": 0.5, "repeat_digits": 0.25 * source.emit_max}[key] * source.size * times
    return found.get(key, guess)
