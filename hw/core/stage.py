"""One stage of the dataflow: a population with the synapses that lead to it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import SUMS_ADDER_LATENCY, stage_timing
from ..layout.plan import reaches_of
from .accumulators import MemoryAccumulators, RegisterAccumulators, select
from .map_accumulators import MapAccumulators
from .payloads import LoadWord, TraceBeat, pipe
from .population import PopulationCore
from .synapse import COUNTERS, SynapseCore

__all__ = ["StageCore"]

SUMS = {"registers": RegisterAccumulators, "memory": MemoryAccumulators, "map": MapAccumulators}


class StageCore(wiring.Component):
    """Events in, events (or the class) out; see :class:`qblif.hw.core.network.NetworkCore`.

    Each synapse has weights, lanes and sums of its own; the population adds the sums as it fires.

    Parameters
    ----------
    network : :class:`qblif.golden.spec.Network`
    population : :class:`qblif.golden.spec.Population`
    plan : :class:`qblif.hw.layout.plan.StagePlan`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
    peek : whether the memories can be read back

    Members
    -------
    i_SOURCE : ``In(stream.Signature(Event(...)))``
        Events of each population or input from which synapses come.
    o : stream, see :class:`qblif.hw.core.population.PopulationCore`
    trace, trace_valid : see :class:`qblif.hw.core.population.PopulationCore`
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        One write into this stage's memories.
    events_SOURCE, words_SOURCE : ``Out(32)``
        See :class:`qblif.hw.core.synapse.SynapseCore`.
    clear : ``In(1)``
    clearing : ``Out(1)``
        After a reset: no event may come yet.
    peek : ``In(1)``, peek_data : ``Out``
        With ``peek``: the word at ``load``'s bank and address, six cycles later, at rest.
    """

    def __init__(self, network, population, plan, *, trained=None, peek=False):
        self.can_peek = peek
        self.network = network
        specs = network.synapses_to(population.name)
        self.sources = [spec.source for spec in specs]
        reaches = reaches_of(network, population, plan)
        timing = stage_timing(population, plan, reaches)
        self.synapses, self.sums = [], []
        for spec, reach in zip(specs, reaches, strict=True):
            source = network.source(spec.source)
            synapse = SynapseCore(
                reach, source_shape=source.shape, levels=source.levels, w_width=spec.w_width,
                mode=plan.burst, memory=plan.memory, peek=peek,
                init=trained and trained.weights[spec.name])
            kind = SUMS[reach.sums]
            adder = SUMS_ADDER_LATENCY * (len(specs) > 1)
            self.synapses.append(synapse)
            self.sums.append(kind(
                reach, sum_width=population.sum_width, fire_lanes=plan.fire_lanes,
                addend_width=synapse.lanes.addends[0].shape().width,
                lag=timing.read_latency - adder - kind.read_latency, memory=plan.memory))
        self.population = PopulationCore(
            population, timesteps=network.timesteps, timing=timing,
            static=[name == network.input.name and network.input.static for name in self.sources],
            unread=[reach.unread for reach in reaches],
            fire_lanes=plan.fire_lanes, quantiser=plan.quantiser,
            bias=trained and trained.biases.get(population.name), peek=peek)
        super().__init__({f"i_{name}": In(stream.Signature(synapse.i.p.shape())) for name, synapse
                          in zip(self.sources, self.synapses, strict=True)} | {
            "o": Out(stream.Signature(self.population.o.p.shape())),
            "trace": Out(TraceBeat(population, plan.fire_lanes)),
            "trace_valid": Out(1),
            "load_valid": In(1),
            "load": In(LoadWord(**self.load_extent)),
            "clear": In(1),
            "clearing": Out(1),
        } | {f"{what}_{name}": Out(32) for name in self.sources for what in COUNTERS}
            | ({"peek": In(1), "peek_data": Out(self.load_extent["width"])} if peek else {}))

    @property
    def slices(self):
        """Banks of the load port that are weight slices; the bias memories follow."""
        return sum(synapse.memory.slices for synapse in self.synapses)

    @property
    def load_words(self):
        """Words of a complete load, see :func:`qblif.hw.layout.memory_image.load_writes`."""
        population = self.population.population
        return (sum(s.memory.slices * s.memory.depth for s in self.synapses)
                + (population.channels if population.bias_width else 0))

    @property
    def load_extent(self):
        """Banks, depth and width that the load port must reach."""
        weights, population = [s.memory for s in self.synapses], self.population
        return {"banks": self.slices + len(population.write),
                "depth": max(population.channel_beats, *(w.depth for w in weights)),
                "width": max(population.population.bias_width, *(w.slice_width for w in weights))}

    def elaborate(self, platform):
        m = Module()
        m.submodules.population = population = self.population
        for k, (name, synapse, sums) in enumerate(
                zip(self.sources, self.synapses, self.sums, strict=True)):
            m.submodules[f"synapse_{name}"] = synapse
            m.submodules[f"sums_{name}"] = sums
            wiring.connect(m, wiring.flipped(getattr(self, f"i_{name}")), synapse.i)
            m.d.comb += [
                sums.issue.eq(synapse.issue), sums.addends.eq(synapse.addends),
                sums.carry.eq(synapse.carry), sums.next.eq(population.next),
                sums.turn.eq(population.turn), sums.restart.eq(population.restart),
                sums.last_use.eq(population.last_use[k]),
                population.ready[k].eq(sums.ready), synapse.release.eq(population.release[k]),
                synapse.clear.eq(self.clear),
                *(getattr(self, f"{what}_{name}").eq(getattr(synapse, what)) for what in COUNTERS)]
        m.d.comb += [population.sums.eq(self.added(m)), self.trace.eq(population.trace),
                     self.trace_valid.eq(population.trace_valid),
                     self.clearing.eq(Cat(sums.clearing for sums in self.sums).any())]
        wiring.connect(m, population.o, wiring.flipped(self.o))

        # Load: one register between the port and the memories.
        enables = Signal(self.load_extent["banks"])
        load = pipe(m, self.load, 1, "load")
        m.d.sync += enables.eq(0)
        with m.If(self.load_valid):
            m.d.sync += enables.eq(Cat(self.load.bank == k for k in range(len(enables))))
        bank = 0
        for port in (*self.synapses, population):
            m.d.comb += [port.write_address.eq(load.address), port.write_data.eq(load.data),
                         port.write.eq(enables[bank:bank + len(port.write)])]
            bank += len(port.write)
        if self.can_peek:
            self.connect_peek(m, load)
        return m

    def added(self, m):
        """The sums of all synapses, neuron by neuron."""
        if len(self.sums) == 1:
            return self.sums[0].sums
        shape = self.sums[0].sums.shape()
        total = Signal(shape)
        m.d.comb += [total[k].eq(sum(sums.sums[k] for sums in self.sums))
                     for k in range(shape.length)]
        return pipe(m, total, SUMS_ADDER_LATENCY, "total")

    def connect_peek(self, m, load):
        """The words that were loaded, bank by bank."""
        words = [s.read[k * s.memory.slice_width:(k + 1) * s.memory.slice_width]
                 for s in self.synapses for k in range(s.memory.slices)]
        biases = self.population.population.bias_width
        words += [self.population.read[k * biases:(k + 1) * biases]
                  for k in range(len(self.population.write))]
        peek = pipe(m, self.peek, 1, "peek")
        m.d.comb += [port.peek.eq(peek) for port in (*self.synapses, self.population)]
        m.d.comb += self.peek_data.eq(select(m, words, load.bank, "peek_word"))
