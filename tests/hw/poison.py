"""Memories that return garbage where a port reads an address that is written in the same cycle.

Every memory of the hardware is declared ``no_rw_check``: on such a collision an FPGA returns
anything, while simulators return the old word.  ``with poisoned():`` makes all memories that are
elaborated inside return the inverted word.
"""

from contextlib import contextmanager
from unittest import mock

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import fifo, memory

__all__ = ["poisoned"]

Memory = memory.Memory


class PoisonedMemory(Memory):
    """A :class:`amaranth.lib.memory.Memory` whose read data is inverted after a collision.

    ``delay``: it is inverted where the address was written so many cycles before it is read, which
    with 1 is legal.
    """

    delay = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._shown = []

    def read_port(self, *, domain="sync", **kwargs):
        port = super().read_port(domain=domain, **kwargs)
        if domain == "comb":  # It shows the new word a cycle later, and the old one before.
            return port
        shown = port.signature.flip().create()
        self._shown.append((port, shown))
        return shown

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = super().elaborate(platform)
        writes = [(self.delayed(m, port.en.any()), self.delayed(m, port.addr))
                  for port in self.write_ports]
        for port, shown in self._shown:
            spoilt = Signal()
            with m.If(shown.en):
                m.d.sync += spoilt.eq(Cat(en & (addr == shown.addr) for en, addr in writes).any())
            data = Value.cast(port.data)
            m.d.comb += [port.addr.eq(shown.addr), port.en.eq(shown.en),
                         Value.cast(shown.data).eq(Mux(spoilt, ~data, data))]
        return m

    def delayed(self, m, value):
        for _ in range(self.delay):
            register = Signal.like(value)
            m.d.sync += register.eq(value)
            value = register
        return value


@contextmanager
def poisoned(delay=0):
    """Replace all memories; ``delay=1`` is for a test that must fail."""
    kind = type("PoisonedMemory", (PoisonedMemory,), {"delay": delay})
    with mock.patch.object(memory, "Memory", kind), mock.patch.object(fifo, "Memory", kind):
        yield
