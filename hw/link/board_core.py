"""Everything inside a board's pins: the network behind its serial line."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..logic.layout import LogicLayout
from .host_interface import HostInterface
from .logic_interface import LogicInterface
from .protocol import ROOM
from .serial import SerialReceiver, SerialTransmitter, bit_cycles

__all__ = ["BoardCore"]


class BoardCore(wiring.Component):
    """A network that a host loads, runs and reads over a serial line.

    It runs nothing before a complete load has arrived, whatever its memories hold.

    Parameters
    ----------
    layout : :class:`qblif.hw.layout.compile.Layout` or :class:`qblif.hw.logic.layout.LogicLayout`
        Of logic frames are loaded, and not weights.
    clock_hz, baud : int
    trained : :class:`qblif.golden.spec.artifact.Trained` for the memories' initial contents, or
    ``None``
    levels : bool
        Whether to record every level of a frame, for the host to read: a memory a population.
    frames : int
        Of logic: how many are held at once.
    room : int
        Bytes of requests that wait, see :class:`qblif.hw.link.receiver.FrameReceiver`.

    Members
    -------
    rx : ``In(1, init=1)``, tx : ``Out(1)``
        The serial line: 8 data bits, no parity, one stop bit.
    armed : ``Out(1)``
        A complete load has arrived.
    busy : ``Out(1)``
        A request is being worked on, or a frame is under way.
    label : ``Out(index_shape(classes))``, label_valid : ``Out(1)``
        The class of the last frame, until the next one starts.

    Raises :class:`ValueError` where the clock cannot give the serial rate.
    """

    def __init__(self, layout, *, clock_hz, baud, trained=None, levels=True,
                 frames=512, room=ROOM):
        self.cycles = bit_cycles(clock_hz, baud)
        if isinstance(layout, LogicLayout):
            self.linked = LogicInterface(layout, clock_hz=clock_hz, frames=frames, room=room)
        else:
            self.linked = HostInterface(layout, clock_hz=clock_hz, trained=trained,
                                        levels=levels, room=room)
        super().__init__({
            "rx": In(1, init=1), "tx": Out(1, init=1), "armed": Out(1), "busy": Out(1),
            "label": Out(self.linked.label.shape()), "label_valid": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver = receiver = SerialReceiver(self.cycles)
        m.submodules.transmitter = transmitter = SerialTransmitter(self.cycles)
        m.submodules.linked = linked = self.linked
        wiring.connect(m, receiver.o, linked.i)
        wiring.connect(m, linked.o, transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx), self.armed.eq(linked.armed),
            self.busy.eq(linked.busy), self.label.eq(linked.label),
            self.label_valid.eq(linked.label_valid)]
        return m
