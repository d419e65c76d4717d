"""The registers by their own accesses, without a network."""

import dataclasses

import pytest
from bus_cases import network

from qblif.hw.bus.control import Control
from qblif.hw.bus.registers import (
    CONTROL,
    FIRST_DATA,
    ID,
    STATUS,
    VERSION,
    by_name,
    register_map,
)
from qblif.hw.layout.latency import NETWORK_READBACK_LATENCY
from qblif.hw.layout.memory_image import load_writes
from qblif.sim.stream import simulate_component

TRAINED, LAYOUT = network("steps")
PLACE = by_name(register_map(LAYOUT))
RESET, CLEAR, LOAD, ARM, NEW_FRAME = (1 << field.low for field in CONTROL.fields)


async def access(ctx, dut, offset, value=None, whole=1):
    """``(error, data, cycles)`` of a read, or of a write of ``value``."""
    port, done, cycles = dut.access, False, 0
    ctx.set(port.address, offset >> 2)
    ctx.set(port.write, value is not None)
    ctx.set(port.data_w, value or 0)
    ctx.set(port.whole, whole)
    ctx.set(port.valid, 1)
    while not done:
        _, _, done, error, data = await ctx.tick().sample(port.done, port.error, port.data_r)
        cycles += 1
    ctx.set(port.valid, 0)
    return error, data, cycles


def play(bench, dut=None, **options):
    """Run the testbench ``bench(ctx, dut)``; returns the pulses of the outputs, by cycle."""
    dut, pulses = dut or Control(LAYOUT, **options), []
    names = ("restart", "new_frame", "clear", "load_valid")

    async def watch(ctx):
        async for _, _, *values in ctx.tick().sample(*(getattr(dut, name) for name in names)):
            pulses.append({name for name, value in zip(names, values, strict=True) if value})

    async def drive(ctx):
        await bench(ctx, dut)
        await ctx.tick()

    simulate_component(dut, drive, background=[watch])
    return [found for found in pulses if found]


@pytest.mark.parametrize("armed, readback", [(False, False), (False, True), (True, True)])
def test_every_address(armed, readback):
    """Each word of the space: it can be read, and written, as the table says and no further."""
    registers = {r.offset: r for r in register_map(LAYOUT, readback)}
    loads = [r.offset for r in registers.values() if r.name.startswith("LOAD_DATA")]

    async def bench(ctx, dut):
        places = range(0, 1 << 12, 4) if readback and not armed else registers
        for offset in places:
            kinds = registers[offset].access if offset in registers else ""
            kinds = "" if armed and offset in loads else kinds
            error, data, cycles = await access(ctx, dut, offset)
            assert (error, cycles) == ("r" not in kinds, 2 + (
                NETWORK_READBACK_LATENCY + 1) * (offset in loads and not error)), hex(offset)
            error, _, cycles = await access(ctx, dut, offset, 0)
            assert (error, cycles) == ("w" not in kinds, 2), hex(offset)
            assert (await access(ctx, dut, offset, 0, whole=0))[0]

    play(bench, armed=armed, readback=readback)


def test_constants_counters_and_state():
    async def bench(ctx, dut):
        expected = {
            "ID": ID, "VERSION": VERSION, "LOAD_WORDS": LAYOUT.load_words, "SYNAPSES": 2,
            "NETWORK_LOW": int(TRAINED.spec.digest, 16) & 0xFFFFFFFF,
            "NETWORK_HIGH": int(TRAINED.spec.digest, 16) >> 32,
            "LAYOUT_LOW": int(LAYOUT.digest, 16) & 0xFFFFFFFF,
            "LAYOUT_HIGH": int(LAYOUT.digest, 16) >> 32, "MISSING": LAYOUT.load_words}
        for k, name in enumerate(("FRAMES", "REFUSED", "CYCLES", "EVENTS_INPUT_HIDDEN",
                                  "WORDS_INPUT_HIDDEN", "EVENTS_HIDDEN_OUT", "WORDS_HIDDEN_OUT")):
            expected[name] = 0xC0000003 + k
            ctx.set(getattr(dut, name.lower()), expected[name])
        assert {name: (await access(ctx, dut, PLACE[name]))[1] for name in expected} == expected
        readable = {r.name for r in dut.registers if r.access == "r"}
        assert readable == set(expected) | {"STATUS"}

    play(bench)


def test_status():
    """State as it is; errors until they are cleared; each bit where the table has it."""
    async def bench(ctx, dut):
        async def status():
            value = (await access(ctx, dut, STATUS.offset))[1]
            return {f.name for f in STATUS.fields if value >> f.low & 1}, bin(value).count("1")
        assert await status() == ({"ARMED"}, 1)
        for name in ("busy", "dropping"):
            ctx.set(getattr(dut, name), 1)
            assert await status() == ({"ARMED", name.upper()}, 2)
            ctx.set(getattr(dut, name), 0)
        seen = {"ARMED"}
        for k, name in enumerate(("EARLY", "LATE", "RANGE", "ORDER")):
            ctx.set(dut.errors, 1 << k)
            await ctx.tick()
            ctx.set(dut.errors, 0)
            seen.add(name)
            assert await status() == (seen, len(seen))
        await access(ctx, dut, CONTROL.offset, CLEAR)
        assert await status() == ({"ARMED"}, 1)

    assert play(bench, armed=True) == [{"clear"}]


@pytest.mark.parametrize("value, pulses", [
    (0, []), (CLEAR, [{"clear"}]), (RESET, [{"restart", "clear"}]), (NEW_FRAME, [{"new_frame"}]),
    (RESET | NEW_FRAME, [{"restart", "clear", "new_frame"}]), (LOAD, [{"restart", "clear"}]),
    (LOAD | NEW_FRAME, [{"restart", "clear", "new_frame"}])])
def test_actions(value, pulses):
    async def bench(ctx, dut):
        assert (await access(ctx, dut, CONTROL.offset, value))[0] == 0
        assert ctx.get(dut.armed) == (not value & LOAD)

    assert play(bench, armed=True) == pulses


async def load(ctx, dut, writes):
    for write in writes:
        for name, value in (("LOAD_PLACE", write.stage | write.bank << 16),
                            ("LOAD_ADDRESS", write.address), ("LOAD_DATA_0", write.data)):
            assert (await access(ctx, dut, PLACE[name], value))[0] == 0


def test_load_comes_out_word_by_word():
    writes, found = list(load_writes(TRAINED, LAYOUT)), []
    dut = Control(LAYOUT)

    async def collect(ctx):
        async for _, _, valid, word in ctx.tick().sample(dut.load_valid, dut.load):
            if valid:
                found.append((word.stage, word.bank, word.address, word.data))

    async def drive(ctx):
        await load(ctx, dut, writes)
        await ctx.tick()

    simulate_component(dut, drive, background=[collect])
    assert found == [tuple(write) for write in writes]


@pytest.mark.parametrize("count, arms", [(-1, False), (0, True), (1, False), (2, False)])
def test_arms_by_a_complete_load_alone(count, arms):
    """One word too few, too many: neither; and ARM changes nothing else then."""
    writes = list(load_writes(TRAINED, LAYOUT))
    sent = writes[:count] if count < 0 else writes + writes[:count]

    async def bench(ctx, dut):
        await load(ctx, dut, sent)
        missing = (await access(ctx, dut, PLACE["MISSING"]))[1]
        assert missing == (0xFFFFFFFF if count > 0 else -count)
        for value in (ARM | LOAD, ARM | RESET | CLEAR):
            error = (await access(ctx, dut, CONTROL.offset, value))[0]
            assert error == (not arms or bool(value & LOAD))
        assert ctx.get(dut.armed) == arms

    pulses = play(bench)
    assert pulses[len(sent):] == [{"restart", "clear"}] * arms


def test_load_begins_again():
    writes = list(load_writes(TRAINED, LAYOUT))

    async def bench(ctx, dut):
        await load(ctx, dut, writes[:5])
        await access(ctx, dut, CONTROL.offset, LOAD)
        await load(ctx, dut, writes)
        assert (await access(ctx, dut, CONTROL.offset, ARM))[0] == 0
        assert ctx.get(dut.armed) == 1
        assert (await access(ctx, dut, PLACE["LOAD_DATA_0"], 1))[0] == 1  # Not while armed.

    play(bench)


def test_places_outside():
    """A stage, a bank, an address that no memory has; the address stops behind the last word."""
    stages, depth = len(LAYOUT.stages), max(s.load_extent["depth"] for s in LAYOUT.stages)
    banks = max(s.load_extent["banks"] for s in LAYOUT.stages)

    async def bench(ctx, dut):
        async def errors(name, *values):
            return [(await access(ctx, dut, PLACE[name], value))[0] for value in values]
        assert await errors("LOAD_PLACE", stages - 1, stages, 1 << 15, banks - 1 << 16,
                            banks << 16, 1 << 31) == [0, 1, 1, 0, 1, 1]
        assert await errors("LOAD_ADDRESS", 1 << 31, 1 << 24, depth - 1) == [1, 1, 0]
        assert await errors("LOAD_DATA_0", 7, 7) == [0, 1]
        assert ctx.get(dut.load.address) == depth % (1 << len(dut.load.address))

    assert play(bench) == [{"load_valid"}]


def test_waits_for_the_reset():
    async def bench(ctx, dut):
        ctx.set(dut.resetting, 1)
        ctx.set(dut.access.valid, 1)
        for _ in range(10):
            _, _, done = await ctx.tick().sample(dut.access.done)
            assert not done
        ctx.set(dut.resetting, 0)
        assert (await access(ctx, dut, PLACE["ID"]))[:3] == (0, ID, 2)

    play(bench)


def test_words_of_several_parts():
    """Each part is kept; the lowest writes, and reads come from the same place."""
    wide = dataclasses.replace(LAYOUT, stages=(Wide(LAYOUT.stages[0]), *LAYOUT.stages[1:]))
    dut = Control(wide, readback=True)
    word = 0xDEADBEEF_01234567_89ABCDEF

    async def bench(ctx, dut):
        for part in (2, 1, 0):
            value = word >> 32 * part & 0xFFFFFFFF
            assert (await access(ctx, dut, FIRST_DATA + 4 * part, value))[0] == 0
        assert ctx.get(dut.load.data) == word & (1 << 70) - 1
        ctx.set(dut.readback_data, word & (1 << 70) - 1)
        assert [(await access(ctx, dut, FIRST_DATA + 4 * part))[:2] for part in range(3)] == [
            (0, 0x89ABCDEF), (0, 0x01234567), (0, 0xDEADBEEF & 63)]

    assert play(bench, dut) == [{"load_valid"}]


class Wide:
    """A stage whose widest word has 70 bits."""

    def __init__(self, stage):
        self.stage = stage
        self.load_extent = stage.load_extent | {"width": 70}

    def __getattr__(self, name):
        return getattr(self.stage, name)
