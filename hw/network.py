"""A whole network: one stage a population, joined by event streams."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .layouts import Event, LoadWord, TraceBeat, pipe
from .stage import Stage

__all__ = ["Network"]


class Network(wiring.Component):
    """Input events in, classes out; timesteps and frames pipeline through the stages.

    Parameters
    ----------
    spec : :class:`qblif.golden.spec.Network`
    plan : :class:`qblif.hw.plan.Plan`
    trained : :class:`qblif.golden.artifact.Trained` to bake in, or ``None``
        Weights can be loaded at run time either way.
    peek : bool
        Whether what was loaded can be read back; it costs a multiplexer over all memories.

    Members
    -------
    i : ``In(stream.Signature(Event(inputs, n_max)))``
        Each timestep's events (of a static input: each frame's), then an ``end``.
    o : ``Out(stream.Signature(Result(classes)))``
        One result a frame.
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        Writes one word a cycle into the memories, while no frame is under way.
    trace_NAME, trace_NAME_valid : ``Out``
        Every level and membrane of population NAME, for test benches; costs nothing unconnected.
    events_NAME, digits_NAME : ``Out(32)``
        Activity of the synapses to population NAME since ``clear``: events, and digits of them;
        a digit is as many synaptic operations as NAME has neurons.
    cycles : ``Out(32)``
        Cycles since ``clear`` in which a frame was under way.
    clear : ``In(1)``
        Zeroes the counters.
    peek : ``In(1)``, peek_data : ``Out``
        With ``peek``: the word at ``load``'s stage, bank and address, eight cycles later, while no
        frame is under way.

    Raises :class:`ValueError` for a graph that is not a chain.
    """

    def __init__(self, spec, plan, trained=None, peek=False):
        self.can_peek = peek
        self.spec = spec
        self.plan = plan
        chain = [spec.input, *spec.populations]
        for source, target in zip(chain, chain[1:], strict=False):
            if [s.source for s in spec.synapses_to(target.name)] != [source.name]:
                raise ValueError(f"Population {target.name} must have synapses from {source.name} "
                                 "alone: only chains can be generated")
        if len(plan.stages) != len(spec.populations):
            raise ValueError(f"Plan must have {len(spec.populations)} stages, "
                             f"not {len(plan.stages)}")
        self.stages = [
            Stage(spec, population, stage,
                  weights=trained and trained.weights[spec.synapses_to(population.name)[0].name],
                  bias=trained and trained.biases.get(population.name), peek=peek)
            for population, stage in zip(spec.populations, plan.stages, strict=True)]
        extents = [stage.load_extent for stage in self.stages]
        members = {
            "i": In(stream.Signature(Event(spec.input.size, spec.input.n_max))),
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
                f"events_{population.name}": Out(32),
                f"digits_{population.name}": Out(32),
            }
            if clash := members.keys() & ports:
                raise ValueError(f"Population name {population.name!r} makes a second port "
                                 f"{min(clash)!r}: rename one")
            members |= ports
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        events = wiring.flipped(self.i)
        for index, (population, stage) in enumerate(
                zip(self.spec.populations, self.stages, strict=True)):
            name = population.name
            m.submodules[name] = stage
            wiring.connect(m, events, stage.i)
            events = stage.o
            m.d.comb += [
                stage.load_valid.eq(self.load_valid & (self.load.stage == index)),
                *(stage.load[field].eq(self.load[field]) for field in ("bank", "address", "data")),
                stage.clear.eq(self.clear),
                getattr(self, f"trace_{name}").eq(stage.trace),
                getattr(self, f"trace_{name}_valid").eq(stage.trace_valid),
                getattr(self, f"events_{name}").eq(stage.events),
                getattr(self, f"digits_{name}").eq(stage.digits),
            ]
        wiring.connect(m, events, wiring.flipped(self.o))
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
