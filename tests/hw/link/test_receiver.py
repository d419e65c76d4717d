"""The ring of frames: what is whole is given, in order; what is not, and what finds no room, is
not."""

import random

import pytest
from cobs import cobs

from qblif.hw.link.receiver import FrameReceiver
from qblif.sim.faults import encoded as on_line
from qblif.sim.stream import simulate_component, stream_checker, stream_put


def frames():
    draw = random.Random(4)
    return [bytes(draw.choice([0, 1, 255, draw.randrange(256)]) for _ in range(size))
            for size in (1, 2, 3, 253, 254, 255, 256, 500, 1, 499, 7)]


def received(line, longest=500, gap=0, room=512, i_stall=2, o_stall=0):
    """Frames that a receiver gives for ``line``; it waits ``gap`` cycles before the first."""
    dut, found, draw = FrameReceiver(room, longest), [b""], random.Random(0)

    async def source(ctx):
        for byte in line:
            await stream_put(ctx, dut.i, byte, stall=i_stall)
        await ctx.tick().repeat(4 * room * (1 + o_stall) + gap)

    async def sink(ctx):
        await ctx.tick().repeat(gap + 1)
        while True:
            ctx.set(dut.o.ready, int(draw.randint(0, o_stall) == 0))
            _, _, valid, ready, transfer = await ctx.tick().sample(dut.o.valid, dut.o.ready,
                                                                   dut.o.payload)
            if valid and ready:
                found[-1] += bytes([transfer.data])
                if transfer.last:
                    found.append(b"")
    simulate_component(dut, source, background=[sink, stream_checker(dut.o)])
    assert found.pop() == b""
    return found


@pytest.mark.parametrize("i_stall, o_stall", [(0, 0), (2, 0), (0, 3)])
def test_frames_back_to_back(i_stall, o_stall):
    """Faster than they are taken: they wait in the ring, and the line with them."""
    sent = frames()
    assert received(b"".join(map(on_line, sent)), i_stall=i_stall, o_stall=o_stall) == sent


def test_every_size_up_to_the_longest():
    sent = [bytes([1 + k % 255] * k) for k in range(1, 301, 13)] + [bytes([9] * 300)]
    assert received(b"".join(map(on_line, sent)), longest=300, i_stall=0) == sent


def test_short_frames_fill_the_ring():
    """Of 64 bytes 63 are used: each frame takes two more than its bytes."""
    sent = [bytes([k]) * (1 + k % 4) for k in range(1, 80)]
    assert received(b"".join(map(on_line, sent)), longest=8, room=64, i_stall=0, gap=900) == sent


def test_what_finds_no_room_on_a_line_that_does_not_wait_is_dropped():
    """The frames that fit are given, and what comes once there is room again."""
    dut, found = FrameReceiver(64, 20), []

    async def line(ctx):
        for byte in b"".join(on_line(bytes([k] * 10)) for k in range(1, 8)):
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick()  # Taken or not.
            ctx.set(dut.i.valid, 0)
            await ctx.tick().repeat(3)
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(400)
        for byte in b"\0" + on_line(b"later"):
            await stream_put(ctx, dut.i, byte, stall=3)
        await ctx.tick().repeat(100)

    async def sink(ctx):
        while True:
            _, _, valid, ready, transfer = await ctx.tick().sample(dut.o.valid, dut.o.ready,
                                                                   dut.o.payload)
            if valid and ready:
                found.append(transfer.data)
    simulate_component(dut, line, background=[sink])
    # Three of 10 bytes in 12 each; the fourth and its CRC end at the ring's last byte.
    held = len(found) - len(b"later")
    assert held in (40, 50) and bytes(found) == b"".join(
        bytes([k] * 10) for k in range(1, 1 + held // 10)) + b"later"


def test_drops_what_is_damaged_and_nothing_else():
    """Flipped, dropped, doubled and inserted bytes in every other frame."""
    draw, line, expected = random.Random(5), b"", []
    for k in range(120):
        frame = bytes(draw.randrange(256) for _ in range(draw.randint(1, 24)))
        data = bytearray(on_line(frame))
        place = draw.randrange(len(data) - 1)
        if k % 2:
            kind = k // 2 % 4
            if kind == 0:
                data[place] ^= 1 << draw.randrange(8)
            elif kind == 1:
                del data[place]
            else:
                data.insert(place, draw.randrange(256) if kind == 2 else data[place])
        else:
            expected.append(frame)
        line += data + b"\0"
    found = received(line)
    assert [frame for frame in found if frame in expected] == expected
    # What was doubled or inserted in front of a frame may leave it whole.
    assert len(found) - len(expected) < 3


def test_drops_a_frame_that_is_too_long():
    sent = [bytes([3] * 21), b"ok", bytes([3] * 20), bytes([3] * 400), b"again"]
    assert received(b"".join(map(on_line, sent)), longest=20, room=64) == [
        b"ok", bytes([3] * 20), b"again"]


def test_drops_frames_that_are_all_crc():
    assert received(b"\0" + cobs.encode(b"\0\0") + b"\0" * 9 + on_line(b"x")) == [b"x"]


@pytest.mark.parametrize("frame", [b"\1\2", bytes(range(9)), b"\0\0\0"])
def test_drops_a_frame_with_zeros_behind_its_crc(frame):
    """What a delimiter with a flipped bit makes of a frame: the code of another zero."""
    for code in (b"\1", b"\1\1"):
        line = on_line(frame)[:-1] + code + b"\0" + on_line(b"after")
        assert received(line) == [b"after"]
