"""A whole network: one stage for each population, joined by AER streams."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from ..layout.addressing import address_space
from .checks import check
from .counters import InFlight
from .fork import Fork
from .payloads import Event, LoadWord, TraceBeat, pipe
from .stage import StageCore
from .synapse import COUNTERS

__all__ = ["NetworkCore"]

# Of a stage, that an EOT marker can wait in: synapse 2 (decoder, expander), emitter 4 (queue output
# 2, vector, output).
EOT_REGISTERS = 6


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
    i : ``In(stream.Signature(Event(address_space(input shape), n_max)))``
        The events of each timestep (of a static input: of each frame), then an EOT marker.  An
        address comes at most once in a timestep.
    o : ``Out(stream.Signature(ClassResult(classes)))``
        One result per frame.
    load_valid : ``In(1)``, load : ``In(LoadWord)``
        Writes one word a cycle into the memories, while no frame is in progress.
    trace_NAME, trace_NAME_valid : ``Out``
        Every level and membrane of population NAME, for test benches; costs nothing unconnected.
    events_SOURCE_TARGET, words_SOURCE_TARGET : ``Out(32)``
        Activity of each synapse since ``clear``: events, and lane-cycles.
    cycles : ``Out(32)``
        Cycles since ``clear`` with a frame in progress.
    clear : ``In(1)``
        Zeroes the counters.
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
        extents = [stage.load_extent for stage in layout.stages]
        members = {
            "i": In(stream.Signature(Event(address_space(spec.input.shape), spec.input.n_max))),
            "o": Out(stream.Signature(self.stages[-1].o.p.shape())),
            "load_valid": In(1),
            "load": In(LoadWord(stages=len(self.stages),
                                **{key: max(e[key] for e in extents) for key in extents[0]})),
            "cycles": Out(32),
            "clear": In(1),
        }
        if readback:
            members |= {"readback": In(1),
                        "readback_data": Out(max(e["width"] for e in extents))}
        for stage in layout.stages:
            ports = {
                f"trace_{stage.name}": Out(TraceBeat(stage.population, stage.fire_lanes)),
                f"trace_{stage.name}_valid": Out(1),
            }
            ports |= {f"{what}_{engine.source.name}_{stage.name}": Out(32) for what in COUNTERS
                      for engine in stage.engines}
            if clash := members.keys() & ports:
                raise InvalidValue(f"Population name {stage.name!r} makes a second port "
                                   f"{min(clash)!r}: rename one")
            members |= ports
        super().__init__(members)

    def elaborate(self, platform):
        m = Module()
        ready = Signal()  # All stages have cleared their accumulators after a reset.
        m.d.sync += ready.eq(~Cat(stage.clearing for stage in self.stages).any())
        events = {self.spec.input.name: gate(m, wiring.flipped(self.i), ready)}
        for index, stage in enumerate(self.stages):
            name = stage.layout.name
            m.submodules[name] = stage
            events[name] = stage.o
            m.d.comb += [
                stage.load_valid.eq(self.load_valid & (self.load.stage == index)),
                *(stage.load[field].eq(self.load[field]) for field in ("bank", "address", "data")),
                stage.clear.eq(self.clear),
                getattr(self, f"trace_{name}").eq(stage.trace),
                getattr(self, f"trace_{name}_valid").eq(stage.trace_valid),
                *(getattr(self, f"{what}_{source}_{name}").eq(getattr(stage, f"{what}_{source}"))
                  for source in stage.engines for what in COUNTERS),
            ]
        for name, source in events.items():
            sinks = [getattr(stage, f"i_{name}") for stage in self.stages if name in stage.engines]
            if len(sinks) > 1:
                m.submodules[f"fork_{name}"] = fork = Fork(source.p.shape(), len(sinks))
                wiring.connect(m, source, fork.i)
                for k, sink in enumerate(sinks):
                    wiring.connect(m, getattr(fork, f"o_{k}"), sink)
            else:
                wiring.connect(m, source, *sinks or [wiring.flipped(self.o)])
        if self.can_read_back:
            with m.Switch(self.load.stage):
                for index, stage in enumerate(self.stages):
                    with m.Case(index):
                        m.d.sync += self.readback_data.eq(stage.readback_data)
                        m.d.comb += stage.readback.eq(self.readback)
        self.count_cycles(m, platform)
        return m

    @property
    def most_frames(self):
        """Most frames under way at once.

        Outside of the emitters' queues a stage holds no more EOT markers than there are buffers of
        sums and registers; a queue holds those of all timesteps of a frame.
        """
        populations = [stage.population for stage in self.stages]
        waiting = sum(max(p.unread) + EOT_REGISTERS for p in populations)
        queued = sum(p.timing.queue for p in populations if p.fires)
        return waiting + -(-queued // self.spec.timesteps) + 1

    def count_cycles(self, m, platform):
        """Cycles with frames under way: from the first transfer at ``i`` to the class at ``o``."""
        ends_per_frame = 1 if self.spec.input.static else self.spec.timesteps
        ends = Signal(range(ends_per_frame + 1))
        entering = Signal()
        m.submodules.frames = frames = InFlight(self.most_frames)
        taken = pipe(m, self.i.valid & self.i.ready, 1, "taken", reset=True)
        given = pipe(m, self.o.valid & self.o.ready, 1, "given", reset=True)
        end = pipe(m, self.i.p.end, 1, "end")
        whole = taken & end & (ends == ends_per_frame - 1)
        busy = entering | frames.any
        with m.If(taken):
            m.d.sync += [entering.eq(~whole), ends.eq(Mux(whole, 0, ends + end))]
        m.d.comb += [frames.enter.eq(whole), frames.leave.eq(given)]
        with m.If(self.clear):
            m.d.sync += self.cycles.eq(0)
        with m.Elif(busy):
            m.d.sync += self.cycles.eq(self.cycles + 1)
        check(m, platform, ~self.load_valid | ~busy, "load within a frame")


def gate(m, source, enable):
    """``source``, blocked while ``enable`` is low."""
    gated = stream.Signature(source.p.shape()).create()
    m.d.comb += [gated.payload.eq(source.payload), gated.valid.eq(source.valid & enable),
                 source.ready.eq(gated.ready & enable)]
    return gated
