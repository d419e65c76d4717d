"""The cocotb side of the bus bench: plays a list of operations on the buses of a network.

Runs inside the simulator.  Reads ``job.json`` and writes ``outcome.json``, both in the current
folder; :mod:`qblif.sim.bus_bench` has the operations.
"""

import itertools
import json
import random
import struct
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, ReadOnly, RisingEdge
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

PERIOD = 10  # Simulator steps: generated Verilog has no time scale.
QUIET = 600  # Cycles without a transfer after which everything has settled.
PATIENCE = 20_000  # Cycles without a transfer after which the run is given up.


@cocotb.test()
async def play(dut):
    job = json.loads(Path("job.json").read_text())
    bench = Bench(dut, job)
    await bench.reset(job["reset_cycles"])
    for name, *arguments in job["operations"]:
        await getattr(bench, name)(*arguments)
    Path("outcome.json").write_text(json.dumps(
        {"results": bench.results, "accesses": bench.accesses, "broken": bench.broken,
         "cycles": bench.cycles}))


class Bench:
    """The buses of ``dut``, and what has come from them."""

    def __init__(self, dut, job):
        axi = job["bus"] == "axi"
        self.dut, self.draw = dut, random.Random(job["seed"])
        self.clock = dut.aclk if axi else dut.wb_clk_i
        self.line, self.asserted = (dut.aresetn, 0) if axi else (dut.wb_rst_i, 1)
        self.results, self.accesses, self.broken = [], [], []
        self.cycles, self.quiet = 0, 0
        self.line.value = self.asserted
        cocotb.start_soon(Clock(self.clock, PERIOD, "step").start())
        where = {"clock": self.clock, "reset": self.line, "reset_active_level": bool(self.asserted)}
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), **where)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), **where)
        self.registers = (AxiLite(dut, where) if axi else Wishbone(dut, self.clock))
        channels = [(self.source, job["idle"]), (self.sink, job["stall"])]
        for channel, share in channels + [(c, job["stall"]) for c in self.registers.channels]:
            channel.set_pause_generator(self.pauses(share))
        for name in ("m_axis", *self.registers.answers):
            cocotb.start_soon(self.watch(name))
        cocotb.start_soon(self.count())

    def pauses(self, share):
        """True in ``share`` of the cycles, in 256ths."""
        return (self.draw.randrange(256) < share for _ in itertools.count())

    async def watch(self, name):
        """An offer holds until it is taken; none is made in a reset, nor are its bits unknown."""
        ready = getattr(self.dut, f"{name}ready" if name[-1] != "s" else f"{name}_tready")
        valid = getattr(self.dut, f"{name}valid" if name[-1] != "s" else f"{name}_tvalid")
        names = {"m_axis": ("m_axis_tdata", "m_axis_tlast"), "s_axi_b": ("s_axi_bresp",),
                 "s_axi_r": ("s_axi_rdata", "s_axi_rresp")}[name]
        held, in_reset = None, True
        while True:
            await RisingEdge(self.clock)
            if in_reset:
                held = None
            in_reset = self.line.value == self.asserted
            if not held and valid.value == 0:
                continue
            offered = [str(getattr(self.dut, n).value) for n in names] if valid.value == 1 else None
            if not in_reset and (held not in (None, offered) or "X" in "".join(offered or ["X"])):
                self.broken.append(f"{name}: {held} became {offered} in cycle {self.cycles}")
            held = offered if valid.value == 1 and ready.value == 0 else None

    async def count(self):
        """Cycles, and those since the last transfer of a stream."""
        dut = self.dut
        while True:
            await RisingEdge(self.clock)
            self.cycles += 1
            moves = ((dut.s_axis_tvalid.value & dut.s_axis_tready.value)
                     | (dut.m_axis_tvalid.value & dut.m_axis_tready.value))
            self.quiet = 0 if moves == 1 else self.quiet + 1
            while not self.sink.empty():
                found = self.sink.recv_nowait()
                self.results += [value for value, in struct.iter_unpack("<i", bytes(found.tdata))]

    # Operations.

    async def reset(self, cycles):
        """Reset the bus; what the source still has to send is forgotten."""
        self.line.value = self.asserted
        await ClockCycles(self.clock, cycles)
        self.source.clear()
        self.line.value = 1 - self.asserted
        self.quiet = 0
        await RisingEdge(self.clock)

    async def write(self, offset, value, strobes=15):
        self.accesses.append(await self.registers.write(offset, value, strobes))

    async def read(self, offset):
        self.accesses.append(await self.registers.read(offset))

    async def load(self, writes):
        """Many writes, whose outcomes come as one: whether there was an error."""
        failed = [await self.registers.write(*write, 15) for write in writes]
        self.accesses.append(["write", any(error for _, error in failed)])
        print("progress", len(self.results), flush=True)

    async def frames(self, packets):
        """Queue packets of 32-bit words for the source."""
        for words in packets:
            await self.source.send(AxiStreamFrame(struct.pack(f"<{len(words)}I", *words)))

    async def wait(self, cycles):
        await ClockCycles(self.clock, cycles)

    async def gather(self, count):
        """Wait for so many results in all."""
        await self.until(lambda: len(self.results) >= count, PATIENCE)

    async def settle(self):
        """Wait until nothing moves any more."""
        await self.until(lambda: self.quiet >= QUIET, PATIENCE)

    async def mark(self):
        """Note how many results there are."""
        self.accesses.append(["results", len(self.results)])

    async def until(self, done, patience):
        while not done() and self.quiet < patience:
            await ClockCycles(self.clock, 16)
            if self.cycles % 4096 < 16:
                print("progress", len(self.results), flush=True)


class AxiLite:
    """Accesses over AXI4-Lite."""

    answers = ("s_axi_b", "s_axi_r")

    def __init__(self, dut, where):
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), **where)
        write, read = self.master.write_if, self.master.read_if
        self.channels = [write.aw_channel, write.w_channel, write.b_channel, read.ar_channel,
                         read.r_channel]

    async def write(self, offset, value, strobes):
        first, last = (0, 4) if strobes == 15 else (1, 3)
        data = value.to_bytes(4, "little")[first:last]
        answer = await self.master.write(offset + first, data)
        return ["write", answer.resp != AxiResp.OKAY]

    async def read(self, offset):
        answer = await self.master.read(offset, 4)
        return ["read", answer.resp != AxiResp.OKAY, int.from_bytes(answer.data, "little")]


class Wishbone:
    """Accesses over Wishbone, in classic cycles."""

    answers, channels = (), ()

    def __init__(self, dut, clock):
        self.dut, self.clock = dut, clock
        for name in ("cyc", "stb", "we", "adr", "sel", "dat"):
            getattr(dut, f"wb_{name}_i").value = 0

    async def access(self, offset, value, strobes, write):
        dut = self.dut
        dut.wb_adr_i.value, dut.wb_dat_i.value = offset >> 2, value
        dut.wb_sel_i.value, dut.wb_we_i.value = strobes, write
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 1
        while True:
            await RisingEdge(self.clock)
            ack, err, data = (dut.wb_ack_o.value, dut.wb_err_o.value, dut.wb_dat_o.value)
            if ack == 1 or err == 1:
                break
        assert (ack == 1) != (err == 1)
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
        return err == 1, 0 if write else int(data)

    async def write(self, offset, value, strobes):
        return ["write", (await self.access(offset, value, strobes, 1))[0]]

    async def read(self, offset):
        return ["read", *await self.access(offset, 0, 15, 0)]
