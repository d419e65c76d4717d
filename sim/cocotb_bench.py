"""The cocotb side of the bench: reset, load, run, read the counters; a few wake-ups in all.

Runs inside the simulator.  Reads ``job.json`` and writes ``outcome.json``, both in the current
folder; prints ``progress RESULTS`` lines for whoever started the simulator.
"""

import json
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, Timer

from .bench_top import PERIOD

SETTLE = 64  # Cycles after the last result in which nothing more may come.


@cocotb.test()
async def bench(dut):
    job = json.loads(Path("job.json").read_text())
    for name in ("load_go", "go", "clear", "flush"):
        getattr(dut, name).value = 0
    for name in ("idle", "stall", "shy", "seed", "patience", "frames"):
        getattr(dut, name).value = job[name]
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0

    dut.load_go.value = 1
    while not number(dut.load_done):
        await Timer(job["look"] * PERIOD, "ns")
    await ClockCycles(dut.clk, 4)
    dut.clear.value = 1
    await ClockCycles(dut.clk, 1)
    dut.clear.value = 0
    await ClockCycles(dut.clk, 1)

    dut.go.value = 1
    outcome: dict = await until_finished(dut, job["look"])
    outcome["counters"] = {name: number(getattr(dut, name)) for name in job["counters"]}
    outcome["broken"] = number(dut.broken)
    dut.flush.value = 1
    await ClockCycles(dut.clk, 2)
    Path("outcome.json").write_text(json.dumps(outcome))


async def until_finished(dut, look):
    """Wait for the last result, or for the watchdog; say which, and what was waiting.

    Looks every ``look`` cycles: waiting for an edge would cost a comparison in every cycle.
    """
    while not number(dut.finished) and not number(dut.stalled):
        await Timer(look * PERIOD, "ns")
        print("progress", number(dut.results), flush=True)
    await ClockCycles(dut.clk, SETTLE)
    state = {name: number(getattr(dut, name))
             for name in ("streams", "entered", "results", "i_done", "cycle")}
    return {"stalled": not number(dut.finished)} | state


def number(handle):
    """Value of a signal, ``None`` where some of its bits are undefined."""
    value = handle.value
    return int(value) if value.is_resolvable else None
