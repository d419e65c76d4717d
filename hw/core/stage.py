"""One stage of the dataflow: a population, and the engines that feed it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.dense_engine import DenseEngine
from ..layout.latency import SUMS_ADDER_LATENCY
from ..layout.stream_engine import StreamEngine
from .counters import COUNTERS
from .dense_engine import DenseEngineCore
from .multiplexer import select
from .payloads import LoadWord, TraceVector, pipe
from .population import PopulationCore
from .stream_engine import StreamEngineCore

__all__ = ["ENGINES", "StageCore"]

# The component of each kind of engine.
ENGINES = {DenseEngine: DenseEngineCore, StreamEngine: StreamEngineCore}


class StageCore(wiring.Component):
    """AER streams in, an AER stream out, and of the last stage the class; see
    :class:`qblif.hw.core.network.NetworkCore`.

    Each engine has its own weights and lanes; their currents are added for the update pass.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.stage.StageLayout`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
    readback : bool
        Whether the memories can be read back.

    Members
    -------
    i_SOURCE : ``In(stream.Signature(Event(...)))``
        The AER stream of each source: the input or an earlier population.
    o, result, score : see :class:`qblif.hw.core.population.PopulationCore`
    trace, trace_valid : see :class:`qblif.hw.core.population.PopulationCore`
    keep : ``In(1)``
        See :class:`qblif.hw.core.network.NetworkCore`.
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        One write into this stage's memories.
    events_SOURCE, words_SOURCE : ``Out(32)``
        See :class:`qblif.hw.core.dense_synapse.DenseSynapse`.
    clear : ``In(1)``
    readback : ``In(1)``, readback_data : ``Out``
        With ``readback``: the word at ``load``'s bank and address, six cycles later, at rest.
    """

    def __init__(self, layout, *, trained=None, readback=False):
        self.layout = layout
        self.can_read_back = readback
        self.engines = [ENGINES[type(engine)](engine, lag=layout.lag(engine), readback=readback,
                                              weights=trained and trained.weights)
                        for engine in layout.engines]
        self.inputs = {source.name: engine for engine in self.engines
                       for source in engine.layout.sources}
        self.population = PopulationCore(
            layout.population, timing=layout.timing,
            static=[engine.static for engine in layout.engines],
            unread=[engine.unread for engine in layout.engines], quantiser=layout.plan.quantiser,
            bias=trained and trained.biases.get(layout.name), small_rows=layout.small_rows,
            peek=readback, emits=layout.emits, classifies=layout.classifies)
        self.outputs = [name for name in ("o", "result", "score")
                        if hasattr(self.population, name)]
        super().__init__({
            f"i_{source}": In(stream.Signature(getattr(engine, f"i_{source}").p.shape()))
            for source, engine in self.inputs.items()} | {
            "keep": In(1),
            "trace": Out(TraceVector(layout.population, layout.fire_lanes)),
            "trace_valid": Out(1),
            "load_valid": In(1),
            "load": In(LoadWord(**layout.load_extent)),
            "clear": In(1),
        } | {f"{what}_{source}": Out(32) for source in self.inputs for what in COUNTERS} | {
            name: self.population.signature.members[name] for name in self.outputs} | ({
            "readback": In(1), "readback_data": Out(layout.load_extent["width"]),
        } if readback else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.population = population = self.population
        m.d.comb += population.keep.eq(self.keep)
        for k, engine in enumerate(self.engines):
            m.submodules["engine_" + "_".join(s.name for s in engine.layout.sources)] = engine
            m.d.comb += [
                population.complete[k].eq(engine.complete), engine.read.eq(population.read),
                engine.last_read.eq(population.last_read[k]),
                engine.release.eq(population.release[k]), engine.clear.eq(self.clear)]
        for source, engine in self.inputs.items():
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{source}")),
                           getattr(engine, f"i_{source}"))
            m.d.comb += [getattr(self, f"{what}_{source}").eq(getattr(engine, f"{what}_{source}"))
                         for what in COUNTERS]
        engines = self.engines
        m.d.comb += [population.sums.eq(self.added(m, engines)), self.trace.eq(population.trace),
                     self.trace_valid.eq(population.trace_valid)]
        for name in self.outputs:
            wiring.connect(m, getattr(population, name), wiring.flipped(getattr(self, name)))
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
        writing = pipe(m, self.load_valid, 1, "writing", reset=True)
        m.d.comb += [engine.writing.eq(writing) for engine in self.engines]
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
