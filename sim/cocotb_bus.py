"""The cocotb side of the bus bench: plays a list of operations on the buses of a network.

Runs inside the simulator.  Reads ``job.json`` and writes ``outcome.json``, both in the current
folder; :mod:`qblif.sim.bus_bench` has the operations.
"""

import json
import random
import struct
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, RisingEdge
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
QUIET = 400  # Cycles without a transfer of a stream after which everything has settled.


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
        self.patience, self.stall = job["patience"], job["stall"]
        self.results, self.accesses, self.broken = [], [], []
        self.cycles = self.quiet = self.marked = 0
        self.line.value = self.asserted
        cocotb.start_soon(Clock(self.clock, PERIOD, "step").start())
        where = self.clock, self.line, bool(self.asserted)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), *where)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), *where)
        for stream in (self.source, self.sink):
            stream.log.setLevel("WARNING")  # Not a line for each frame.
        self.pausing = [(self.source, job["idle"]), (self.sink, self.stall)]
        self.registers = AxiLite(dut, where) if axi else Wishbone(dut, self.clock, self.pause)
        self.offers = [Offer(dut, *ports) for ports in (
            ("m_axis_tvalid", "m_axis_tready", "m_axis_tdata", "m_axis_tlast"),
            *self.registers.answers)]
        cocotb.start_soon(self.every_cycle())

    def pause(self):
        """Whether to pause in this cycle."""
        return self.draw.randrange(256) < self.stall

    async def every_cycle(self):
        """Pauses, rules and results: one coroutine, as each costs a call in every cycle."""
        dut, in_reset = self.dut, True
        while True:
            await RisingEdge(self.clock)
            self.cycles += 1
            for channel, share in self.pausing:
                channel.pause = self.draw.randrange(256) < share
            if self.registers.busy:
                for channel in self.registers.channels:
                    channel.pause = self.pause()
            for offer in self.offers:
                self.broken += offer.look(in_reset, self.cycles)
            in_reset = self.line.value == self.asserted
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
        failed = [await self.registers.write(offset, value, 15) for offset, value in writes]
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
        await self.until(lambda: len(self.results) >= count, self.patience)

    async def more(self, count):
        """The same, for results since the last mark."""
        await self.gather(self.marked + count)

    async def settle(self):
        """Wait until nothing moves any more."""
        await self.until(lambda: False, QUIET)

    async def mark(self):
        """Note how many results there are."""
        self.marked = len(self.results)
        self.accesses.append(["results", self.marked])

    async def until(self, done, patience):
        while not done() and self.quiet < patience:
            await ClockCycles(self.clock, 16)
            if self.cycles % 4096 < 16:
                print("progress", len(self.results), flush=True)


class Offer:
    """A rule: what is offered is known, and holds until it is taken, or a reset comes."""

    def __init__(self, dut, valid, ready, *values):
        self.name, self.held = valid, None
        self.valid, self.ready, *self.values = (
            getattr(dut, name) for name in (valid, ready, *values))

    def look(self, in_reset, cycle):
        """What is broken in this cycle, in words; ``in_reset``: in the cycle before it."""
        valid, held = self.valid.value, None if in_reset else self.held
        self.held = None
        if valid == 0 and held is None:
            return []
        offered = [str(value.value) for value in self.values] if valid == 1 else None
        if offered and self.ready.value == 0:
            self.held = offered
        if offered and held in (None, offered) and "X" not in "".join(offered):
            return []
        return [f"{self.name}: {held} became {offered} in cycle {cycle}"]


class AxiLite:
    """Accesses over AXI4-Lite."""

    answers = (("s_axi_bvalid", "s_axi_bready", "s_axi_bresp"),
               ("s_axi_rvalid", "s_axi_rready", "s_axi_rdata", "s_axi_rresp"))

    def __init__(self, dut, where):
        self.master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *where)
        write: Any = self.master.write_if
        read: Any = self.master.read_if
        self.busy, self.channels = False, (
            write.aw_channel, write.w_channel, write.b_channel, read.ar_channel, read.r_channel)

    async def write(self, offset, value, strobes):
        """Strobes other than 15 are those of the two bytes in the middle."""
        self.busy = True
        first, last = (0, 4) if strobes == 15 else (1, 3)
        data = value.to_bytes(4, "little")[first:last]
        answer = await self.master.write(offset + first, data)
        self.busy = False
        return ["write", answer.resp != AxiResp.OKAY]

    async def read(self, offset):
        self.busy = True
        answer = await self.master.read(offset, 4)
        self.busy = False
        return ["read", answer.resp != AxiResp.OKAY, int.from_bytes(answer.data, "little")]


class Wishbone:
    """Accesses over Wishbone, in classic cycles."""

    answers, channels, busy = (), (), False

    def __init__(self, dut, clock, pause):
        self.dut, self.clock, self.pause = dut, clock, pause
        for name in ("cyc", "stb", "we", "adr", "sel", "dat"):
            getattr(dut, f"wb_{name}_i").value = 0

    async def access(self, offset, value, strobes, write):
        dut = self.dut
        while self.pause():
            await RisingEdge(self.clock)
        dut.wb_adr_i.value, dut.wb_dat_i.value = offset >> 2, value
        dut.wb_sel_i.value, dut.wb_we_i.value = strobes, write
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 1
        while True:
            await RisingEdge(self.clock)
            ack, err, data = dut.wb_ack_o.value, dut.wb_err_o.value, dut.wb_dat_o.value
            if ack == 1 or err == 1:
                break
        assert (ack == 1) != (err == 1)
        dut.wb_cyc_i.value = dut.wb_stb_i.value = 0
        return err == 1, 0 if write else int(data)

    async def write(self, offset, value, strobes):
        return ["write", (await self.access(offset, value, strobes, 1))[0]]

    async def read(self, offset):
        return ["read", *await self.access(offset, 0, 15, 0)]
