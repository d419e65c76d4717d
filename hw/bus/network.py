"""A network behind streams of frames and results, and registers."""

from amaranth import *
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

from ..core.counters import COUNTERS, Counter
from ..core.network import NetworkCore
from ..core.payloads import pipe
from ..layout.latency import reset_cycles
from .access import Access
from .control import Control
from .frame_input import FrameInput, FrameTransfer
from .result_output import RESULT_BITS, ResultOutput

__all__ = ["BusNetwork"]

FRAMES_UNDER_WAY = 16  # At most; more would only wait for the stage that bounds the network.


class BusNetwork(wiring.Component):
    """Frames in, one result for each frame, and accesses to the registers.

    The path of an event, and of a class, from register to register::

        i  checked  network ... network  o

    After a reset of the bus, or by CONTROL, the network is in reset for as long as it needs to
    forget everything; frames wait.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`
    trained : :class:`qblif.golden.spec.artifact.Trained` to bake in, or ``None``
        With it frames are accepted at once, without it only after a complete load.
    readback : bool
        Whether loaded words can be read.

    Members
    -------
    i : ``In(stream.Signature(FrameTransfer()))``
        See :class:`qblif.hw.bus.frame_input.FrameInput`.
    o : ``Out(stream.Signature(32))``
        See :class:`qblif.hw.bus.result_output.ResultOutput`.
    access : ``In(Access())``
        See :class:`qblif.hw.bus.control.Control`.

    Raises :class:`ValueError` for a network that the streams or the registers cannot express.
    """

    def __init__(self, layout, trained=None, readback=False):
        self.network = NetworkCore(layout, trained, readback=readback)
        self.control = Control(layout, armed=trained is not None, readback=readback)
        self.frames = FrameInput(layout.input)
        self.results = ResultOutput(layout.spec.populations[-1].size)
        self.reset_cycles = reset_cycles([stage.timing for stage in layout.stages])
        super().__init__({
            "i": In(stream.Signature(FrameTransfer())),
            "o": Out(stream.Signature(RESULT_BITS)), "access": In(Access())})

    def elaborate(self, platform):
        m = Module()
        resetting = self.reset(m)
        m.submodules.control = control = self.control
        m.submodules.frames = frames = self.frames
        m.submodules.network = ResetInserter(resetting)(self.network)
        m.submodules.verdicts = verdicts = ResetInserter(resetting)(
            fifo.SyncFIFO(width=1, depth=FRAMES_UNDER_WAY))
        m.submodules.results = results = self.results
        network = self.network
        wiring.connect(m, wiring.flipped(self.i), frames.i)
        wiring.connect(m, frames.o, network.i)
        wiring.connect(m, results.o, wiring.flipped(self.o))
        wiring.connect(m, wiring.flipped(self.access), control.access)
        m.d.comb += [
            control.resetting.eq(resetting), control.dropping.eq(frames.dropping),
            control.errors.eq(frames.errors),
            control.busy.eq(frames.active | verdicts.r_rdy | self.o.valid),
            frames.enable.eq(control.armed & ~resetting & verdicts.w_rdy),
            frames.restart.eq(control.restart), frames.new_frame.eq(control.new_frame),
            verdicts.w_en.eq(frames.entered), verdicts.w_data.eq(frames.refused),
            results.verdict.payload.eq(verdicts.r_data),
            results.verdict.valid.eq(verdicts.r_rdy),
            verdicts.r_en.eq(results.verdict.ready),
            results.i.payload.eq(network.o.payload), results.i.valid.eq(network.o.valid),
            network.o.ready.eq(results.i.ready),
            network.load.eq(control.load), network.load_valid.eq(control.load_valid),
            network.clear.eq(control.clear)]
        if network.can_read_back:
            m.d.comb += [network.readback.eq(control.readback),
                         control.readback_data.eq(network.readback_data)]
        self.count(m)
        return m

    def reset(self, m):
        """High while the network is in reset."""
        timer = Signal(range(self.reset_cycles + 1), init=self.reset_cycles)
        with m.If(self.control.restart):
            m.d.sync += timer.eq(self.reset_cycles)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        return timer != 0

    def count(self, m):
        """Counters of the bus, and those of the network."""
        control, network = self.control, self.network
        entered = self.frames.entered & ~control.clear
        for name, event in (("frames", entered), ("refused", entered & self.frames.refused)):
            m.submodules[f"count_{name}"] = counter = Counter()
            m.d.comb += [counter.pulse.eq(pipe(m, event, 1, name, reset=True)),
                         counter.clear.eq(control.clear),
                         getattr(control, name).eq(counter.total)]
        m.d.comb += control.cycles.eq(network.cycles)
        for _, _, synapse in network.layout.synapses:
            name = f"{synapse.source}_{synapse.target}"
            m.d.comb += [getattr(control, f"{what}_{name}".lower()).eq(
                getattr(network, f"{what}_{name}")) for what in COUNTERS]
