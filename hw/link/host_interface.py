"""A network that is loaded, run and read over a stream of bytes."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.checks import check_int
from ..core.network import NetworkCore
from ..core.payloads import index_shape
from ..layout.latency import NETWORK_READBACK_LATENCY, reset_cycles
from .dense import DenseUnpacker
from .framing import FrameSender
from .plan_registers import plan_registers
from .processor import CommandProcessor
from .protocol import (
    LEVELS_SPACE,
    MOST_STAGES,
    REGISTERS_SPACE,
    RESULTS_SPACE,
    ROOM,
    SCORES_SPACE,
    Register,
    State,
    SynapseRegister,
    row_bytes,
    synapse_register,
)
from .receiver import FrameReceiver
from .recorder import LevelRecorder, ScoreRecorder
from .registers import common_registers, read_register
from .runner import Runner
from .streamer import Streamer
from .timed import STREAM_STATE, streamable

__all__ = ["HostInterface"]

SPACE_LATENCY = 1  # Of the choice between memories, levels and registers.


class HostInterface(wiring.Component):
    """A network behind its command processor.

    It runs nothing before a complete load has arrived, whatever its memories hold.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout`
    clock_hz : int
        Clock frequency, for the host to read.
    trained : :class:`qblif.golden.spec.artifact.Trained` for the memories' initial contents, or
    ``None``
    levels : bool
        Whether to record every level of a frame, for the host to read: one memory per population.
    room : int
        See :class:`qblif.hw.link.receiver.FrameReceiver`.

    Raises :class:`ValueError` for more populations than the protocol has spaces for.

    Members
    -------
    i, o : streams of bytes
        From and to the line.
    armed : ``Out(1)``
        A complete load has arrived.
    busy : ``Out(1)``
        A request is being worked on, or a frame is under way.
    label : ``Out(index_shape(classes))``, label_valid : ``Out(1)``
        The class of the last frame, until the next one starts.
    """

    def __init__(self, layout, *, clock_hz, trained=None, levels=True, room=ROOM):
        self.layout, self.room = layout, room
        self.spec = spec = layout.spec
        check_int("Populations behind the host link", len(spec.populations), 1, MOST_STAGES)
        self.clock_hz = clock_hz
        self.network = NetworkCore(layout, trained, readback=True)
        self.runner = Runner(layout.input, spec.populations[-1].size,
                             reset_cycles([stage.timing for stage in layout.stages]))
        self.recorders = [
            LevelRecorder(stage.population, timesteps=spec.timesteps, fire_lanes=stage.fire_lanes)
            if levels and stage.fires else None for stage in layout.stages]
        self.scores = ScoreRecorder(spec)
        self.dense = DenseUnpacker(layout.input.address_space, spec.input.n_max)
        self.streamer = None
        if streamable(spec, layout.input):
            self.streamer = Streamer(layout.input, spec.populations[-1].size)
        widths = [len(self.network.load.data), 32, *(r.width for r in self.recorders if r)]
        self.link = CommandProcessor(
            words=layout.load_words,
            write_bytes=row_bytes(widths[0]), read_bytes=row_bytes(max(widths)),
            read_latency=NETWORK_READBACK_LATENCY + SPACE_LATENCY,
            streams=self.streamer is not None, keeps=layout.keeps)
        super().__init__({
            "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)), "armed": Out(1),
            "busy": Out(1), "label": Out(index_shape(spec.populations[-1].size)),
            "label_valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.requests = requests = FrameReceiver(self.room)
        m.submodules.answers = answers = FrameSender()
        m.submodules.link = link = self.link
        m.submodules.dense = dense = self.dense
        m.submodules.runner = runner = self.runner
        m.submodules.network = ResetInserter(runner.reset)(self.network)
        wiring.connect(m, wiring.flipped(self.i), requests.i)
        wiring.connect(m, requests.o, link.i)
        wiring.connect(m, link.o, answers.i)
        wiring.connect(m, answers.o, wiring.flipped(self.o))
        wiring.connect(m, dense.o, runner.i)
        wiring.connect(m, self.network.o, runner.result)
        self.connect_events(m)
        m.d.comb += [
            dense.start.eq(link.start | link.abort), dense.dense.eq(link.dense),
            runner.start.eq(link.start), runner.abort.eq(link.abort),
            runner.finish.eq(link.finish & ~dense.busy), link.done.eq(runner.done),
            link.error.eq(runner.error), link.active.eq(runner.active),
            self.armed.eq(link.state == State.ARMED),
            self.busy.eq(link.busy | runner.active | self.streaming_busy),
            self.label.eq(runner.label),
            self.label_valid.eq(runner.label_valid)]
        if any(self.recorders):
            m.d.comb += runner.recorded.eq(Cat(r.complete for r in self.recorders if r).all())
        self.connect_memories(m)
        return m

    def connect_events(self, m):
        """The link's bytes to the runner or the streamer, and that one's events to the network."""
        link, runner, streamer = self.link, self.runner, self.streamer
        self.streaming_busy = Signal()
        if streamer is None:
            wiring.connect(m, link.events, self.dense.i)
            wiring.connect(m, runner.o, self.network.i)
            return
        m.submodules.streamer = ResetInserter(runner.reset)(streamer)
        open_ = link.streaming & ~runner.reset
        network = self.network
        if self.layout.keeps:
            m.d.comb += network.keep.eq(link.streaming & link.keep)
        m.d.comb += [
            self.streaming_busy.eq(link.streaming & streamer.busy),
            streamer.begin.eq(link.stream_begin), streamer.window.eq(link.window),
            streamer.result.eq(network.o.p), streamer.result_valid.eq(open_ & network.o.valid),
            streamer.i.payload.eq(link.events.payload), streamer.address.eq(link.address),
            self.dense.i.payload.eq(link.events.payload),
            self.dense.i.valid.eq(link.events.valid & ~link.streaming),
            streamer.i.valid.eq(link.events.valid & open_),
            link.events.ready.eq(Mux(link.streaming, streamer.i.ready & open_,
                                     self.dense.i.ready)),
            network.i.valid.eq(Mux(link.streaming, streamer.o.valid & open_, runner.o.valid)),
            network.i.payload.eq(Mux(link.streaming, streamer.o.payload, runner.o.payload)),
            streamer.o.ready.eq(network.i.ready & open_),
            runner.o.ready.eq(network.i.ready & ~link.streaming)]

    def connect_results(self, m):
        """Of a live stream: the ring of classes, and behind it how it stands."""
        link, streamer = self.link, self.streamer
        state = (streamer.results, streamer.clipped, streamer.waited)
        with m.If(link.address < STREAM_STATE):
            m.d.sync += link.word.eq(streamer.word)
        with m.Else(), m.Switch(link.address[:2]):
            for k, value in enumerate(state):
                with m.Case(k):
                    m.d.sync += link.word.eq(value)

    def connect_memories(self, m):
        """The words that the link writes and reads."""
        link, network = self.link, self.network
        in_stage = link.space < len(network.stages)
        m.d.comb += [network.load_valid.eq(link.write & in_stage),
                     network.readback.eq(link.read & in_stage), network.load.stage.eq(link.space),
                     network.load.bank.eq(link.bank), network.load.address.eq(link.address),
                     network.load.data.eq(link.data)]
        register = read_register(m, link.address, self.registers())
        m.submodules.scores = scores = self.scores
        m.d.comb += [scores.score.eq(network.score), scores.valid.eq(network.score_valid),
                     scores.address.eq(link.address)]
        with m.Switch(link.space):
            with m.Case(REGISTERS_SPACE):
                m.d.sync += link.word.eq(register)
            with m.Case(SCORES_SPACE):
                m.d.sync += link.word.eq(scores.row)
            if self.streamer is not None:
                with m.Case(RESULTS_SPACE):
                    self.connect_results(m)
            for k, recorder in enumerate(self.recorders):
                if recorder:
                    population = self.spec.populations[k].name
                    m.submodules[f"levels_{population}"] = recorder
                    m.d.comb += [
                        recorder.start.eq(self.runner.start), recorder.address.eq(link.address),
                        recorder.trace.eq(getattr(network, f"trace_{population}")),
                        recorder.trace_valid.eq(getattr(network, f"trace_{population}_valid"))]
                    with m.Case(LEVELS_SPACE + k):
                        m.d.sync += link.word.eq(recorder.row)
            with m.Default():
                m.d.sync += link.word.eq(network.readback_data)

    def registers(self):
        """Every register's value by its address."""
        layout = int(self.layout.digest, 16)
        found = common_registers(self.spec, self.clock_hz, self.room, self.link,
                                 self.runner.label, self.network.cycles) | {
            Register.LAYOUT_LOW: layout & 0xFFFFFFFF, Register.LAYOUT_HIGH: layout >> 32,
            Register.SYNAPSES: len(self.spec.synapses),
            Register.LEVELS: int(any(self.recorders))}
        for number, (stage, engine, synapse) in enumerate(self.layout.synapses):
            events, words = self.activity_bits(engine, synapse)
            name = f"{synapse.source}_{stage.name}"
            found |= {synapse_register(number, offset): value for offset, value in (
                plan_registers(self.layout, stage, engine) | {
                    SynapseRegister.EVENTS: getattr(self.network, f"events_{name}")[:events],
                    SynapseRegister.WORDS: getattr(self.network, f"words_{name}")[:words],
                }).items()}
        return found

    def activity_bits(self, engine, synapse):
        """Bits that hold the events, and the words, which a frame can bring by a synapse."""
        events = self.spec.source(synapse.source).size * self.spec.timesteps
        words = engine.most_words(synapse) * self.spec.timesteps
        return events.bit_length(), min(32, words.bit_length())
