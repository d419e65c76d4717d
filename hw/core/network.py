"""A whole network: one stage a population, joined by event streams."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec import as_map
from ..layout.addressing import address_space
from .fork import Fork
from .payloads import Event, LoadWord, TraceBeat, pipe
from .stage import StageCore
from .synapse import COUNTERS

__all__ = ["NetworkCore"]


class NetworkCore(wiring.Component):
    """Input events in, classes out; timesteps and frames pipeline through the stages.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.Network`
    plan : :class:`qblif.hw.layout.plan.Plan`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
        Weights can be loaded at run time either way.
    peek : bool
        Whether what was loaded can be read back; it costs a multiplexer over all memories.

    Members
    -------
    i : ``In(stream.Signature(Event(address_space(input shape), n_max)))``
        Each timestep's events (of a static input: each frame's), then an ``end``.
    o : ``Out(stream.Signature(Result(classes)))``
        One result a frame.
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        Writes one word a cycle into the memories, while no frame is under way.
    trace_NAME, trace_NAME_valid : ``Out``
        Every level and membrane of population NAME, for test benches; costs nothing unconnected.
    events_SOURCE_TARGET, words_SOURCE_TARGET : ``Out(32)``
        Activity of each synapse since ``clear``: events, and words of ``lanes`` synaptic
        operations.
    cycles : ``Out(32)``
        Cycles since ``clear`` in which a frame was under way.
    clear : ``In(1)``
        Zeroes the counters.
    peek : ``In(1)``, peek_data : ``Out``
        With ``peek``: the word at ``load``'s stage, bank and address, seven cycles later
        (:data:`qblif.hw.layout.latency.NETWORK_READBACK_LATENCY`), while no frame is under way.

    Raises :class:`ValueError` for a read-out that is a map.
    """

    def __init__(self, spec, plan, trained=None, peek=False):
        self.can_peek = peek
        self.spec = spec
        self.plan = plan
        if len(plan.stages) != len(spec.populations):
            raise ValueError(f"Plan must have {len(spec.populations)} stages, "
                             f"not {len(plan.stages)}")
        last = spec.populations[-1]
        if as_map(last.shape)[1:] != (1, 1):
            raise ValueError(f"Population {last.name} must be flat, as the read-out of classes, "
                             f"not {last.shape}")
        self.stages = [StageCore(spec, population, stage, trained=trained, peek=peek)
                       for population, stage in zip(spec.populations, plan.stages, strict=True)]
        extents = [stage.load_extent for stage in self.stages]
        members = {
            "i": In(stream.Signature(Event(address_space(spec.input.shape), spec.input.n_max))),
            "o": Out(stream.Signature(self.stages[-1].o.p.shape())),
            "load_valid": In(1),
            "load": In(LoadWord(stages=len(self.stages),
                                **{key: max(e[key] for e in extents) for key in extents[0]})),
            "cycles": Out(32),
            "clear": In(1),
        }
        if peek:
            members |= {"peek": In(1), "peek_data": Out(max(e["width"] for e in extents))}
        for population, stage in zip(spec.populations, plan.stages, strict=True):
            ports = {
                f"trace_{population.name}": Out(TraceBeat(population, stage.fire_lanes)),
                f"trace_{population.name}_valid": Out(1),
            }
            ports |= {f"{what}_{s.source}_{s.target}": Out(32) for what in COUNTERS
                      for s in spec.synapses_to(population.name)}
            if clash := members.keys() & ports:
                raise ValueError(f"Population name {population.name!r} makes a second port "
                                 f"{min(clash)!r}: rename one")
            members |= ports
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        ready = Signal()  # All stages have cleared what a reset left.
        m.d.sync += ready.eq(~Cat(stage.clearing for stage in self.stages).any())
        events = {self.spec.input.name: gate(m, wiring.flipped(self.i), ready)}
        for index, (population, stage) in enumerate(
                zip(self.spec.populations, self.stages, strict=True)):
            name = population.name
            m.submodules[name] = stage
            events[name] = stage.o
            m.d.comb += [
                stage.load_valid.eq(self.load_valid & (self.load.stage == index)),
                *(stage.load[field].eq(self.load[field]) for field in ("bank", "address", "data")),
                stage.clear.eq(self.clear),
                getattr(self, f"trace_{name}").eq(stage.trace),
                getattr(self, f"trace_{name}_valid").eq(stage.trace_valid),
                *(getattr(self, f"{what}_{source}_{name}").eq(getattr(stage, f"{what}_{source}"))
                  for source in stage.sources for what in COUNTERS),
            ]
        for name, source in events.items():
            sinks = [getattr(stage, f"i_{name}") for stage in self.stages if name in stage.sources]
            if len(sinks) > 1:
                m.submodules[f"fork_{name}"] = fork = Fork(source.p.shape(), len(sinks))
                wiring.connect(m, source, fork.i)
                for k, sink in enumerate(sinks):
                    wiring.connect(m, getattr(fork, f"o_{k}"), sink)
            else:
                wiring.connect(m, source, *sinks or [wiring.flipped(self.o)])
        if self.can_peek:
            with m.Switch(self.load.stage):
                for index, stage in enumerate(self.stages):
                    with m.Case(index):
                        m.d.sync += self.peek_data.eq(stage.peek_data)
                        m.d.comb += stage.peek.eq(self.peek)
        self.count_cycles(m)
        return m

    def count_cycles(self, m):
        """Frames under way: from the first beat that ``i`` takes until ``o`` gave the class."""
        ends_per_frame = 1 if self.spec.input.static else self.spec.timesteps
        ends = Signal(range(ends_per_frame + 1))
        entering = Signal()
        waiting = Signal(range(4 * len(self.stages) + 4))
        taken = pipe(m, self.i.valid & self.i.ready, 1, "taken", reset=True)
        given = pipe(m, self.o.valid & self.o.ready, 1, "given", reset=True)
        end = pipe(m, self.i.p.end, 1, "end")
        whole = taken & end & (ends == ends_per_frame - 1)
        with m.If(taken):
            m.d.sync += [entering.eq(~whole), ends.eq(Mux(whole, 0, ends + end))]
        m.d.sync += waiting.eq(waiting + whole - given)
        with m.If(self.clear):
            m.d.sync += self.cycles.eq(0)
        with m.Elif(entering | (waiting != 0)):
            m.d.sync += self.cycles.eq(self.cycles + 1)


def gate(m, source, enable):
    """``source`` while ``enable``."""
    gated = stream.Signature(source.p.shape()).create()
    m.d.comb += [gated.payload.eq(source.payload), gated.valid.eq(source.valid & enable),
                 source.ready.eq(gated.ready & enable)]
    return gated
