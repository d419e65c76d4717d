"""Small designs for the tests of the flow, and how they are mapped."""

import json

from amaranth import *
from amaranth.back import verilog
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from qblif.boards.flow.implement import KEEP_COPIES
from qblif.boards.flow.tools import run_yosys

__all__ = ["Copies", "Lanes", "Part", "Product", "map_ecp5", "write_verilog"]


class Part(wiring.Component):
    """Accumulates what a block RAM holds; more port bits than any package has pins."""

    i: In(400)
    o: Out(400)
    addr: In(8)
    data: In(16)
    write: In(1)

    def __init__(self, no_rw_check=True):
        self._no_rw_check = no_rw_check
        super().__init__()

    def elaborate(self, platform):
        m = Module()
        m.submodules.ram = ram = memory.Memory(shape=16, depth=256, init=[],
                                               attrs={"no_rw_check": self._no_rw_check})
        write, read = ram.write_port(), ram.read_port()
        q = Signal(16, reset_less=True)
        total = Signal(24)
        m.d.comb += [write.addr.eq(self.addr), write.data.eq(self.data), write.en.eq(self.write),
                     read.addr.eq(self.i[:8])]
        m.d.sync += [q.eq(read.data), total.eq(total + q), self.o.eq(Cat(total, self.i[24:]))]
        return m


class Copies(wiring.Component):
    """Four equal registers, two of them kept: the others merge into these."""

    i: In(1)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        for n, attrs in enumerate(({}, {}, {"keep": True}, {"keep": True})):
            copy_ = Signal(name=f"copy_{n}", attrs=attrs, reset_less=True)
            m.d.sync += copy_.eq(self.i)
            m.d.comb += self.o[n].eq(copy_)
        return m


class Product(wiring.Component):
    a: In(12)
    b: In(12)
    o: Out(24)

    def elaborate(self, platform):
        m = Module()
        a, b = Signal(12), Signal(12)
        m.d.sync += [a.eq(self.a), b.eq(self.b), self.o.eq(a * b)]
        return m


class Lane(wiring.Component):
    i: In(1)
    o: Out(8)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + self.i)
        return m


class Lanes(wiring.Component):
    i: In(4)
    o: Out(32)

    def elaborate(self, platform):
        m = Module()
        for n in range(4):
            m.submodules[f"lane_{n}"] = lane = Lane()
            m.d.comb += [lane.i.eq(self.i[n]), self.o[8 * n:8 * n + 8].eq(lane.o)]
        return m


def write_verilog(folder, component):
    path = folder / "top.v"
    path.write_text(verilog.convert(component, name="top"))
    return path


def map_ecp5(folder, component):
    write_verilog(folder, component)
    run_yosys(folder, ["read_verilog top.v", "hierarchy -top top", "proc", KEEP_COPIES,
                       "write_rtlil generic.il",
                       "synth_lattice -family ecp5 -top top -json mapped.json"])
    return json.loads((folder / "mapped.json").read_text())
