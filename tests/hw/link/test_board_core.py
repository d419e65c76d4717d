"""The board's core, pin to pin: a request bit by bit on ``rx``, its answer on ``tx``."""

import pytest
from cobs import cobs
from host_interface_cases import PLAN, network

from qblif.hw.layout.compile import compile
from qblif.hw.link.board_core import BoardCore
from qblif.hw.link.protocol import (
    MAGIC,
    REGISTERS_SPACE,
    VERSION,
    Command,
    Status,
    crc,
    pack_request,
    unpack_checked,
)
from qblif.sim.stream import simulate_component

CLOCK, CYCLES = 1_000_000, 4
LAYOUT = compile(network(1).spec, PLAN)


def on_line(frame):
    return cobs.encode(frame + crc(frame).to_bytes(2, "big")) + b"\0"


def bits(data):
    return [bit for byte in data for bit in [0, *(byte >> k & 1 for k in range(8)), 1]]


def test_a_request_and_its_answer():
    dut = BoardCore(LAYOUT, clock_hz=CLOCK, baud=CLOCK // CYCLES, levels=False)
    line, busy = [], []

    async def host(ctx):
        request = pack_request(5, Command.READ, space=REGISTERS_SPACE, bank=0, address=0, size=4,
                               count=2)
        assert ctx.get(dut.tx) == 1 and not ctx.get(dut.armed) and not ctx.get(dut.label_valid)
        for bit in bits(on_line(request)):
            ctx.set(dut.rx, bit)
            await ctx.tick().repeat(CYCLES)
        ctx.set(dut.rx, 1)
        await ctx.tick().repeat(20 * 10 * CYCLES)

    async def watch(ctx):
        async for _, _, tx, working in ctx.tick().sample(dut.tx, dut.busy):
            line.append(tx)
            busy.append(working)
    simulate_component(dut, host, background=[watch])
    answer = b""
    at = line.index(0)
    while 0 in line[at:]:
        at += line[at:].index(0)
        sampled = line[at + CYCLES // 2::CYCLES][:10]
        assert sampled[0] == 0 and sampled[9] == 1, "no start or no stop bit"
        answer += bytes([sum(bit << k for k, bit in enumerate(sampled[1:9]))])
        at += 9 * CYCLES + CYCLES // 2
    assert answer[-1] == 0
    assert unpack_checked(cobs.decode(answer[:-1])) == bytes([5, Command.READ, Status.OK]) + \
        MAGIC.to_bytes(4, "little") + VERSION.to_bytes(4, "little")
    assert not busy[0] and not busy[-1] and 1 in busy


def test_rate_that_the_clock_cannot_give():
    with pytest.raises(ValueError, match="^Serial rate must be at most 250000 at a clock of"):
        BoardCore(LAYOUT, clock_hz=CLOCK, baud=CLOCK // 3)
