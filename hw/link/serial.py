"""A serial line: 8 data bits, no parity, one stop bit."""

from amaranth import *
from amaranth.lib import cdc, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue

__all__ = ["SerialReceiver", "SerialTransmitter", "bit_cycles"]

TOLERANCE = 0.02  # Of the bit rate; half a bit in ten is the limit of both sides together.
SHORTEST = 4  # Cycles of a bit.


def bit_cycles(clock_hz, baud):
    """Clock cycles of a bit.  Raises :class:`ValueError` where the clock cannot give the rate."""
    cycles = max(1, round(clock_hz / baud))
    if cycles < SHORTEST:
        raise InvalidValue(f"Serial rate must be at most {clock_hz // SHORTEST} at a clock of "
                           f"{clock_hz} Hz, not {baud}")
    if abs(clock_hz / cycles / baud - 1) > TOLERANCE:
        raise InvalidValue(f"Serial rate {baud} cannot be made from a clock of {clock_hz} Hz: the "
                           f"nearest is {clock_hz / cycles:.0f}")
    return cycles


class SerialReceiver(wiring.Component):
    """Bytes from a line.

    A bit is the majority of three samples around its middle.  A byte without its stop bit is
    dropped, and the next starts after the line was idle again; so is a byte that comes while the
    one before has not been taken.

    Parameters
    ----------
    cycles : int
        Of a bit, see :func:`bit_cycles`.

    Members
    -------
    rx : ``In(1, init=1)``
        Asynchronous.
    o : ``Out(stream.Signature(8))``
    """

    def __init__(self, cycles):
        self.cycles = cycles
        super().__init__({"rx": In(1, init=1), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        rx = Signal(init=1)
        m.submodules.cdc = cdc.FFSynchronizer(self.rx, rx, init=1)
        history = Signal(2, init=3)
        m.d.sync += history.eq(Cat(rx, history))
        majority = (rx & history[0]) | (rx & history[1]) | (history[0] & history[1])

        timer = Signal(range(self.cycles))
        count = Signal(range(10))
        byte = Signal(8)
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.FSM():
            with m.State("WAIT"):
                # The samples' middle is one cycle late, and the count down one cycle early.
                m.d.sync += [timer.eq(self.cycles // 2), count.eq(0)]
                with m.If(~rx):
                    m.next = "SAMPLE"
            with m.State("SAMPLE"):
                with m.If(timer == 0):
                    # The stop bit a cycle early: the sender may be faster, byte after byte.
                    m.d.sync += [timer.eq(self.cycles - 1 - (count == 8)), count.eq(count + 1)]
                    with m.If((count == 0) & majority):
                        m.next = "WAIT"  # A glitch, no start bit.
                    with m.Elif(count == 9):
                        m.next = "IDLE"
                        with m.If(majority):
                            m.next = "WAIT"
                        with m.If(majority & (self.o.ready | ~self.o.valid)):
                            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(byte)]
                    with m.Else():
                        m.d.sync += byte.eq(Cat(byte[1:], majority))
            with m.State("IDLE"):
                with m.If(rx):
                    m.next = "WAIT"
        return m


class SerialTransmitter(wiring.Component):
    """Bytes onto a line, one every ten bits.

    Parameters
    ----------
    cycles : int
        Of a bit, see :func:`bit_cycles`.

    Members
    -------
    i : ``In(stream.Signature(8))``
    tx : ``Out(1, init=1)``
    """

    def __init__(self, cycles):
        self.cycles = cycles
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        timer = Signal(range(self.cycles))
        bits = Signal(9, init=0x1FF)
        left = Signal(range(11))
        m.d.comb += self.i.ready.eq((left == 0) & (timer == 0))
        with m.If(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Elif(left != 0):
            m.d.sync += [self.tx.eq(bits[0]), bits.eq(Cat(bits[1:], 1)), left.eq(left - 1),
                         timer.eq(self.cycles - 1)]
        with m.Elif(self.i.valid):
            m.d.sync += [self.tx.eq(0), bits.eq(Cat(self.i.payload, 1)), left.eq(9),
                         timer.eq(self.cycles - 1)]
        return m
