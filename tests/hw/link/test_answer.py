import random

import pytest

from qblif.hw.link.answer import Answer
from qblif.sim.stream import simulate_component, stream_checker


def answered(dut, words, size, status=0, stall=0, latency=None):
    """One answer with ``words``; each is there exactly ``latency`` cycles after its address."""
    latency = latency or dut.read_latency
    found, draw, address = [], random.Random(stall), [0]

    async def memory(ctx):
        line = [-1] * (latency - 1)
        async for _, _, read, following in ctx.tick().sample(dut.read, dut.following):
            line.append(address[0] if read else -1)
            at = line.pop(0)
            ctx.set(dut.word, words[at] if 0 <= at < len(words) else 0x5A5A5A)
            address[0] += following
            ctx.set(dut.more, address[0] < len(words))

    async def host(ctx):
        ctx.set(dut.more, bool(words))
        for name, value in (("sequence", 7), ("command", 1), ("status", status), ("size", size)):
            ctx.set(getattr(dut, name), value)
        await ctx.tick().repeat(3)
        assert not ctx.get(dut.o.valid), "an answer without a request"
        ctx.set(dut.go, 1)
        last = False
        while not last:
            ctx.set(dut.o.ready, draw.random() >= stall)
            _, _, valid, ready, done, byte = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.done, dut.o.payload)
            last = valid and ready and byte.last
            assert done == last
            if valid and ready:
                found.append(byte.data)
    simulate_component(dut, host, background=[memory, stream_checker(dut.o)])
    return bytes(found)


@pytest.mark.parametrize("latency", [1, 2, 8])
@pytest.mark.parametrize("stall", [0, 0.6])
def test_every_size_and_count(latency, stall):
    for size in (1, 2, 3):
        for count in range(4):
            words = [0x010203 * (k + 1) for k in range(count)]
            assert answered(Answer(3, latency), words, size, stall=stall) == bytes([7, 1, 0]) + \
                b"".join(word.to_bytes(3, "little")[:size] for word in words)


def test_status_of_a_refusal():
    assert answered(Answer(2, 1), [], 2, status=5) == bytes([7, 1, 5])


def test_word_that_comes_too_late_is_missed():
    """The latency is exact: of a memory that is one cycle slower no word is right."""
    assert answered(Answer(1, 4), [0x11], 1, latency=5)[3:] != b"\x11"
