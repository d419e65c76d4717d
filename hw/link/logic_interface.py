"""A network as logic over a stream of bytes: frames are loaded and played, classes are read."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .frame_player import FramePlayer
from .framing import FrameSender
from .processor import CommandProcessor
from .protocol import BANK_BYTES, RESULTS_SPACE, ROOM, LogicRegister, Register, State
from .receiver import FrameReceiver
from .registers import common_registers, read_register

__all__ = ["LogicInterface"]

READ_LATENCY = 2  # A register or a memory, and the choice between them.


class LogicInterface(wiring.Component):
    """The twin of :class:`qblif.hw.link.host_interface.HostInterface` for a network as logic.

    What is loaded are frames: word ``k`` of frame ``j`` is that of bank ``k`` at address ``j`` in
    space 0.  A run of the number of frames, four bytes, plays the first of them.

    Parameters
    ----------
    layout : :class:`qblif.hw.logic.layout.LogicLayout`
    clock_hz : int
    frames : int
        That fit at once.
    room : int
        See :class:`qblif.hw.link.receiver.FrameReceiver`.

    Members
    -------
    i, o, armed, busy, label, label_valid
        As of ``HostInterface``; armed once frames have been loaded.
    """

    def __init__(self, layout, *, clock_hz, frames, room=ROOM):
        self.layout, self.clock_hz, self.room = layout, clock_hz, room
        self.player = FramePlayer(layout, frames)
        self.link = CommandProcessor(words=frames * self.player.banks, write_bytes=BANK_BYTES,
                                     read_bytes=4, read_latency=READ_LATENCY, shorter=True)
        super().__init__({
            "i": In(stream.Signature(8)), "o": Out(stream.Signature(8)), "armed": Out(1),
            "busy": Out(1), "label": Out(self.player.label.shape()), "label_valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.requests = requests = FrameReceiver(self.room)
        m.submodules.answers = answers = FrameSender()
        m.submodules.link = link = self.link
        m.submodules.player = player = self.player
        wiring.connect(m, wiring.flipped(self.i), requests.i)
        wiring.connect(m, requests.o, link.i)
        wiring.connect(m, link.o, answers.i)
        wiring.connect(m, answers.o, wiring.flipped(self.o))
        wiring.connect(m, link.events, player.i)
        m.d.comb += [
            player.write.eq(link.write & (link.space == 0)), player.bank.eq(link.bank),
            player.address.eq(link.address), player.data.eq(link.data),
            player.start.eq(link.start), player.abort.eq(link.abort),
            player.finish.eq(link.finish), link.done.eq(player.done),
            link.error.eq(player.error), link.active.eq(player.active),
            self.armed.eq(link.state == State.ARMED), self.busy.eq(link.busy | player.active),
            self.label.eq(player.label), self.label_valid.eq(player.label_valid)]
        register = read_register(m, link.address, self.registers())
        m.d.sync += link.word.eq(Mux(link.space == RESULTS_SPACE, player.word, register))
        return m

    def registers(self):
        """Every register's value by its address."""
        layout, player = self.layout, self.player
        weights = int(layout.trained.weights_digest, 16)
        return common_registers(layout.spec, self.clock_hz, self.room, self.link,
                                player.label, player.cycles) | {
            Register.SYNAPSES: 0, Register.LEVELS: 0, LogicRegister.FRAMES: player.frames,
            LogicRegister.BANKS: player.banks, LogicRegister.PIXELS: int(layout.pixels),
            LogicRegister.LATENCY: layout.latency,
            LogicRegister.WEIGHTS_LOW: weights & 0xFFFFFFFF,
            LogicRegister.WEIGHTS_HIGH: weights >> 32,
            LogicRegister.SLOTS: layout.slots, LogicRegister.PERIOD: layout.period}
