"""A whole network: one stage for each population, joined by AER streams."""

from typing import Any

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from .checks import check
from .counters import COUNTERS, InFlight
from .fork import Fork
from .framer import Framer
from .payloads import Event, LoadWord, TraceVector, pipe
from .recurrence import Recurrence
from .stage import StageCore

__all__ = ["NetworkCore", "load_word"]

# Of a stage, that an end marker can wait in: dense engine 2 (decoder, expander), emitter 4 (queue
# output 2, vector, output).
MARKER_REGISTERS = 6


def load_word(layout):
    """The :class:`LoadWord` that reaches every memory of a
    :class:`~qblif.hw.layout.compile.Layout`."""
    extents = [stage.load_extent for stage in layout.stages]
    return LoadWord(stages=len(extents),
                    **{key: max(e[key] for e in extents) for key in extents[0]})


class NetworkCore(wiring.Component):
    """AER stream in, classes out; timesteps and frames are pipelined through the stages.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
        Weights can be loaded at run time either way.
    readback : bool
        Whether what was loaded can be read back; it costs a multiplexer over all memories.

    Members
    -------
    i : ``In(stream.Signature(Event(layout.input.address_space, n_max)))``
        Events and end markers in the order of :mod:`qblif.hw.layout.input_stream`.
    disorder : ``Out(1)``
        An event of a map came out of order since ``clear``, and was dropped.
    o : ``Out(stream.Signature(ClassResult(classes)))``
        One result per frame.
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        Writes one word a cycle into the memories, while no frame is in progress.
    score : ``Out(Score(last population, timesteps))``, score_valid : ``Out(1)``
        Each neuron of the last population in each timestep, one a cycle and in order: level, and
        score so far.  Those of a frame's last timestep come before its class.
    trace_NAME, trace_NAME_valid : ``Out``
        Every level and membrane of population NAME, for test benches; costs nothing unconnected.
    events_SOURCE_TARGET, words_SOURCE_TARGET : ``Out(32)``
        Activity of each synapse since ``clear``: events, and lane-cycles.
    cycles : ``Out(32)``
        Cycles since ``clear`` with a frame in progress: from its first event to its class.
    clear : ``In(1)``
        Zeroes the counters.
    keep : ``In(1)``
        Where :attr:`qblif.hw.layout.compile.Layout.keeps`: a frame starts with the membranes that
        the one before left, and not from rest.  It changes only in a reset.
    readback : ``In(1)``, readback_data : ``Out``
        With ``readback``: the word at ``load``'s stage, bank and address, seven cycles later
        (:data:`qblif.hw.layout.latency.NETWORK_READBACK_LATENCY`), while no frame is under way.

    Raises :class:`ValueError` where the names of two populations would give one port name.
    """

    def __init__(self, layout, trained=None, readback=False):
        self.can_read_back = readback
        self.layout = layout
        self.spec = spec = layout.spec
        self.stages = [StageCore(stage, trained=trained, readback=readback)
                       for stage in layout.stages]
        word = load_word(layout)
        members = {
            "i": In(stream.Signature(Event(layout.input.address_space, spec.input.n_max))),
            "o": Out(stream.Signature(self.stages[-1].result.p.shape())),
            "score": Out(self.stages[-1].score.p.shape()),
            "score_valid": Out(1),
            "load_valid": In(1),
            "load": In(word),
            "cycles": Out(32),
            "clear": In(1),
            "disorder": Out(1),
        }
        if layout.keeps:
            members["keep"] = In(1)
        if readback:
            members |= {"readback": In(1),
                        "readback_data": Out(word["data"].shape)}
        for stage in layout.stages:
            ports = {
                f"trace_{stage.name}": Out(TraceVector(stage.population, stage.fire_lanes)),
                f"trace_{stage.name}_valid": Out(1),
            }
            ports |= {f"{what}_{source.name}_{stage.name}": Out(32) for what in COUNTERS
                      for engine in stage.engines for source in engine.sources}
            if clash := members.keys() & ports:
                raise InvalidValue(f"Population name {stage.name!r} makes a second port "
                                   f"{min(clash)!r}: rename one")
            members |= ports
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        events: dict[str, Any] = {self.spec.input.name: self.framed(m)}
        for index, stage in enumerate(self.stages):
            name = stage.layout.name
            m.submodules[name] = stage
            if stage.layout.emits:
                events[name] = stage.o
            m.d.comb += [
                stage.load_valid.eq(self.load_valid & (self.load.stage == index)),
                *(stage.load[field].eq(self.load[field]) for field in ("bank", "address", "data")),
                stage.clear.eq(self.clear), stage.keep.eq(self.keep if self.layout.keeps else 0),
                getattr(self, f"trace_{name}").eq(stage.trace),
                getattr(self, f"trace_{name}_valid").eq(stage.trace_valid),
                *(getattr(self, f"{what}_{source}_{name}").eq(getattr(stage, f"{what}_{source}"))
                  for source in stage.inputs for what in COUNTERS),
            ]
        for name, source in events.items():
            sinks = [self.sink(m, name, stage) for stage in self.stages if name in stage.inputs]
            if len(sinks) > 1:
                m.submodules[f"fork_{name}"] = fork = Fork(source.p.shape(), len(sinks))
                wiring.connect(m, source, fork.i)
                for k, sink in enumerate(sinks):
                    wiring.connect(m, getattr(fork, f"o_{k}"), sink)
            else:
                wiring.connect(m, source, *sinks)
        last = self.stages[-1]
        wiring.connect(m, last.result, wiring.flipped(self.o))
        m.d.comb += [self.score.eq(last.score.p), self.score_valid.eq(last.score.valid)]
        if self.can_read_back:
            with m.Switch(self.load.stage):
                for index, stage in enumerate(self.stages):
                    with m.Case(index):
                        m.d.sync += self.readback_data.eq(stage.readback_data)
                        m.d.comb += stage.readback.eq(self.readback)
        self.count_cycles(m, platform)
        return m

    def sink(self, m, name, stage):
        """Where ``stage`` takes the events of the population, or the input, ``name``."""
        sink = getattr(stage, f"i_{name}")
        if not stage.inputs[name].layout.recurrent:
            return sink
        back = Recurrence(sink.p.shape(), self.spec.timesteps)
        m.submodules[f"recurrence_{name}_{stage.layout.name}"] = back
        wiring.connect(m, back.o, sink)
        return back.i

    def framed(self, m):
        """The input's stream inside of the network."""
        if not self.layout.input.framed:
            return wiring.flipped(self.i)
        m.submodules.framer = framer = Framer(self.layout.input)
        wiring.connect(m, wiring.flipped(self.i), framer.i)
        with m.If(self.clear):
            m.d.sync += self.disorder.eq(0)
        with m.Elif(framer.refused):
            m.d.sync += self.disorder.eq(1)
        return framer.o

    @property
    def most_frames(self):
        """Most frames under way at once.

        Outside of its line buffers and of the emitter's queue, a stage holds no more end markers of
        frames than there are completions that may wait and registers; a queue holds those of all
        timesteps of a frame.
        """
        found = 2  # One that enters, and one in the registers at both ends.
        for layout, stage in zip(self.layout.stages, self.stages, strict=True):
            found += max(stage.population.unread) + MARKER_REGISTERS + layout.held_frames
        return found

    def count_cycles(self, m, platform):
        """Cycles with frames under way: from a frame's first transfer at ``i`` to its class at
        ``o``, whether or not all of it has entered by then."""
        ends_per_frame = self.layout.input.ends
        ends = Signal(range(ends_per_frame + 1))
        entering = Signal()
        m.submodules.frames = frames = InFlight(self.most_frames)
        taken = pipe(m, self.i.valid & self.i.ready, 1, "taken", reset=True)
        given = pipe(m, self.o.valid & self.o.ready, 1, "given", reset=True)
        end = pipe(m, self.i.p.end, 1, "end")
        whole = taken & end & (ends == ends_per_frame - 1)
        with m.If(taken):
            m.d.sync += [entering.eq(~whole), ends.eq(Mux(whole, 0, ends + end))]
        m.d.comb += [frames.enter.eq(taken & ~entering), frames.leave.eq(given)]
        with m.If(self.clear):
            m.d.sync += self.cycles.eq(0)
        with m.Elif(frames.any):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        check(m, platform, ~self.load_valid | ~(entering | frames.any), "load within a frame")
