"""The cocotb side of the bench: reset, load, run, read the counters; a few wake-ups in all.

Runs inside the simulator.  Reads ``job.json`` and writes ``outcome.json``, both in the current
folder; prints ``progress RESULTS`` lines for whoever started the simulator.  It imports nothing
more, as each run would pay for it.
"""

import json
import time
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, Timer

SETTLE = 64  # Cycles after the last result in which nothing more may come.
FIRST_LOOK = 16  # Cycles to the first look at the progress: of a large design they take seconds.
LOOK_SECONDS = 0.5  # Looks become rarer until this much time is between them.


@cocotb.test()
async def bench(dut):
    job = json.loads(Path("job.json").read_text())
    for name in ("load_go", "go", "clear", "flush"):
        getattr(dut, name).value = 0
    for name in ("idle", "stall", "shy", "seed", "patience", "standstill", "frames"):
        getattr(dut, name).value = job[name]
    if job["watch"]:
        dut.watch.value = job["watch"]
    dut.rst.value = 1
    await ClockCycles(dut.clk, 4)
    dut.rst.value = 0

    dut.load_go.value = 1
    await until(dut, job["period"], "load_done")
    await ClockCycles(dut.clk, 4)
    dut.clear.value = 1
    await ClockCycles(dut.clk, 1)
    dut.clear.value = 0
    await ClockCycles(dut.clk, 1)

    dut.go.value = 1
    await until(dut, job["period"], "finished", "stalled")
    await ClockCycles(dut.clk, SETTLE)
    outcome: dict = state(dut, len(job["stages"]))
    outcome["counters"] = {name: number(getattr(dut, name)) for name in job["counters"]}
    outcome["broken"] = number(dut.broken)
    dut.flush.value = 1
    await ClockCycles(dut.clk, 2)
    Path("outcome.json").write_text(json.dumps(outcome))


async def until(dut, period, *names):
    """Wait for one of the flags; a cycle takes ``period`` ns.

    Looks now and then: waiting for an edge would cost a comparison in every cycle.
    """
    look = FIRST_LOOK
    while not any(number(getattr(dut, name)) for name in names):
        started = time.monotonic()
        await Timer(look * period, "ns")
        print("progress", number(dut.results), flush=True)
        if time.monotonic() - started < LOOK_SECONDS:
            look *= 2


def state(dut, stages):
    """How the run ended, and what was waiting then; see :func:`qblif.sim.stall.describe_stall`."""
    found: dict = {name: number(getattr(dut, name))
                   for name in ("streams", "inner", "entered", "results", "i_done", "cycle")}
    for name in ("vectors", "seen"):
        word = number(getattr(dut, name)) or 0
        found[name] = [word >> 32 * k & 0xFFFFFFFF for k in range(stages)]
    return {"stalled": not number(dut.finished)} | found


def number(handle):
    """Value of a signal, ``None`` where some of its bits are undefined."""
    value = handle.value
    return int(value) if value.is_resolvable else None
