"""One stage of the dataflow: a population, and the engines that feed it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import SUMS_ADDER_LATENCY
from .accumulators import select
from .engine import ENGINES
from .payloads import LoadWord, TraceBeat, pipe
from .population import PopulationCore
from .synapse import COUNTERS

__all__ = ["StageCore"]


class StageCore(wiring.Component):
    """AER streams in, an AER stream (or the class) out; see
    :class:`qblif.hw.core.network.NetworkCore`.

    Each engine has its own weights and lanes; their currents are added for the update pass.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.StageLayout`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
    readback : bool
        Whether the memories can be read back.

    Members
    -------
    i_SOURCE : ``In(stream.Signature(Event(...)))``
        The AER stream of each source: the input or an earlier population.
    o : stream, see :class:`qblif.hw.core.population.PopulationCore`
    trace, trace_valid : see :class:`qblif.hw.core.population.PopulationCore`
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        One write into this stage's memories.
    events_SOURCE, words_SOURCE : ``Out(32)``
        See :class:`qblif.hw.core.synapse.SynapseCore`.
    clear : ``In(1)``
    clearing : ``Out(1)``
        After a reset: no event can be accepted yet.
    readback : ``In(1)``, readback_data : ``Out``
        With ``readback``: the word at ``load``'s bank and address, six cycles later, at rest.
    """

    def __init__(self, layout, *, trained=None, readback=False):
        self.layout = layout
        self.can_read_back = readback
        self.engines = {engine.source.name: ENGINES[type(engine)](
            engine, lag=layout.lag(engine), weights=trained and trained.weights[engine.name],
            readback=readback) for engine in layout.engines}
        self.population = PopulationCore(
            layout.population, timesteps=layout.timesteps, timing=layout.timing,
            static=[engine.static for engine in layout.engines],
            unread=[engine.unread for engine in layout.engines],
            fire_lanes=layout.fire_lanes, quantiser=layout.plan.quantiser,
            bias=trained and trained.biases.get(layout.name), peek=readback)
        super().__init__({f"i_{source}": In(stream.Signature(engine.i.p.shape()))
                          for source, engine in self.engines.items()} | {
            "o": Out(stream.Signature(self.population.o.p.shape())),
            "trace": Out(TraceBeat(layout.population, layout.fire_lanes)),
            "trace_valid": Out(1),
            "load_valid": In(1),
            "load": In(LoadWord(**layout.load_extent)),
            "clear": In(1),
            "clearing": Out(1),
        } | {f"{what}_{source}": Out(32) for source in self.engines for what in COUNTERS} | ({
            "readback": In(1), "readback_data": Out(layout.load_extent["width"]),
        } if readback else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.population = population = self.population
        for k, (source, engine) in enumerate(self.engines.items()):
            m.submodules[f"engine_{source}"] = engine
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{source}")), engine.i)
            m.d.comb += [
                population.complete[k].eq(engine.complete), engine.read.eq(population.read),
                engine.last_read.eq(population.last_read[k]),
                engine.release.eq(population.release[k]), engine.clear.eq(self.clear),
                *(getattr(self, f"{what}_{source}").eq(getattr(engine, what))
                  for what in COUNTERS)]
        engines = list(self.engines.values())
        m.d.comb += [population.sums.eq(self.added(m, engines)), self.trace.eq(population.trace),
                     self.trace_valid.eq(population.trace_valid),
                     self.clearing.eq(Cat(engine.clearing for engine in engines).any())]
        wiring.connect(m, population.o, wiring.flipped(self.o))
        load = self.connect_load(m, [*engines, population])
        if self.can_read_back:
            self.connect_readback(m, engines, load)
        return m

    def added(self, m, engines):
        """The sum of all engines' currents, neuron by neuron."""
        if len(engines) == 1:
            return engines[0].currents
        shape = engines[0].currents.shape()
        total = Signal(shape)
        m.d.comb += [total[k].eq(sum(engine.currents[k] for engine in engines))
                     for k in range(shape.length)]
        return pipe(m, total, SUMS_ADDER_LATENCY, "total")

    def connect_load(self, m, ports):
        """One register between the load port and the memories, bank by bank; returns it."""
        enables = Signal(len(self.layout.load_banks))
        load = pipe(m, self.load, 1, "load")
        m.d.sync += enables.eq(0)
        with m.If(self.load_valid):
            m.d.sync += enables.eq(Cat(self.load.bank == k for k in range(len(enables))))
        bank = 0
        for port in ports:
            m.d.comb += [port.write_address.eq(load.address), port.write_data.eq(load.data),
                         port.write.eq(enables[bank:bank + len(port.write)])]
            bank += len(port.write)
        return load

    def connect_readback(self, m, engines, load):
        """Readback multiplexer over all load banks."""
        ports = [engine.weights for engine in engines] + [self.population.read_bias]
        words, offsets = [], dict.fromkeys(range(len(ports)), 0)
        owners = [engine.name for engine in self.layout.engines] + [self.layout.name]
        for bank in self.layout.load_banks:
            k = owners.index(bank.owner)
            words.append(ports[k][offsets[k]:offsets[k] + bank.width])
            offsets[k] += bank.width
        readback = pipe(m, self.readback, 1, "readback")
        m.d.comb += [engine.readback.eq(readback) for engine in engines]
        m.d.comb += [self.population.peek.eq(readback),
                     self.readback_data.eq(select(m, words, load.bank, "readback_word"))]
