import random

import pytest
from cobs import cobs

from qblif.hw.link.framing import CobsDecoder, CobsEncoder, FrameReceiver, FrameSender
from qblif.hw.link.protocol import crc
from qblif.sim.stream import run_stream, simulate_component, stream_checker, stream_put

LENGTHS = [1, 2, 3, 5, 253, 254, 255, 256, 480]
CORNERS = [bytes(1), bytes(2), bytes(9), bytes([7] * 253), bytes([7] * 254), bytes([7] * 255),
           bytes([7] * 254 + [0]), bytes([7] * 254 + [0, 0]), bytes([0] + [7] * 254),
           bytes([7] * 253 + [0]), bytes([1, 0, 2]), bytes([255, 0])]


def frames(seed, count=12):
    draw = random.Random(seed)
    return CORNERS + [bytes(draw.choice([0, 1, 255, draw.randrange(256)])
                            for _ in range(draw.choice(LENGTHS))) for _ in range(count)]


def transfers(sent):
    return [{"data": byte, "last": int(k == len(frame) - 1)}
            for frame in sent for k, byte in enumerate(frame)]


def on_line(frame):
    return cobs.encode(frame + crc(frame).to_bytes(2, "big")) + b"\0"


@pytest.mark.parametrize("i_stall, o_stall, ready_first", [(0, 0, True), (2, 2, False)])
def test_encoder_equals_the_library(i_stall, o_stall, ready_first):
    sent = frames(1)
    expected = b"".join(cobs.encode(frame) + b"\0" for frame in sent)
    assert bytes(run_stream(CobsEncoder(), transfers(sent), len(expected), i_stall=i_stall,
                            o_stall=o_stall, ready_first=ready_first)) == expected


def test_decoder_equals_the_library():
    sent = frames(2)
    line = b"".join(cobs.encode(frame) + b"\0" for frame in sent)
    count = sum(map(len, sent)) + len(sent)
    found, frame = [], b""
    for transfer in run_stream(CobsDecoder(), line, count, i_stall=1, o_stall=2, ready_first=False):
        assert not transfer.error
        if transfer.end:
            found.append(frame)
            frame = b""
        else:
            frame += bytes([transfer.data])
    assert found == sent


def test_decoder_reports_a_frame_that_was_cut_short():
    end = run_stream(CobsDecoder(), bytes([5, 1, 2, 0]), 3)[-1]
    assert end.end and end.error


def test_sender_adds_the_crc():
    sent = frames(3)
    expected = b"".join(map(on_line, sent))
    assert bytes(run_stream(FrameSender(), transfers(sent), len(expected))) == expected


def received(line, longest=500, slow=0):
    """Frames that a receiver gives for ``line``, a byte every 24 cycles."""
    dut, found = FrameReceiver(longest), [b""]

    async def source(ctx):
        for byte in line:
            await stream_put(ctx, dut.i, byte, stall=max(2, slow))
        await ctx.tick().repeat(2000)

    async def sink(ctx):
        ctx.set(dut.o.ready, 1)
        async for _, _, valid, transfer in ctx.tick().sample(dut.o.valid, dut.o.payload):
            if valid:
                found[-1] += bytes([transfer.data])
                if transfer.last:
                    found.append(b"")
    simulate_component(dut, source, background=[sink, stream_checker(dut.o)])
    assert found.pop() == b""
    return found


def spaced(sent):
    """Frames with so much noise between them that each has been given before the next comes."""
    return b"".join(on_line(frame) + bytes(len(frame)) for frame in sent)


def test_receiver_gives_whole_frames():
    sent = frames(4)
    assert received(spaced(sent)) == sent


def test_receiver_drops_what_is_damaged_and_nothing_else():
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
        line += bytes(40) + data + b"\0"
    found = received(line)
    assert [frame for frame in found if frame in expected] == expected
    # What was doubled or inserted in front of a frame may leave it whole.
    assert len(found) - len(expected) < 3


def test_receiver_drops_a_frame_that_is_too_long():
    assert received(spaced([bytes([3] * 21), b"ok"]), longest=20) == [b"ok"]


def test_receiver_drops_frames_that_are_all_crc():
    assert received(b"\0" + cobs.encode(b"\0\0") + b"\0" + b"\0" * 8 + on_line(b"x")) == [b"x"]


def test_receiver_drops_what_comes_while_a_frame_is_taken():
    first, second, third = bytes([1] * 200), b"second", b"third"
    line = on_line(first) + on_line(second) + bytes(900) + on_line(third)
    dut, found = FrameReceiver(), []

    async def source(ctx):
        for byte in line:
            await stream_put(ctx, dut.i, byte)

    async def sink(ctx):
        while True:
            await ctx.tick()
            ctx.set(dut.o.ready, 1)
            _, _, valid, transfer = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            ctx.set(dut.o.ready, 0)
            if valid:
                found.append(transfer.data)

    async def wait(ctx):
        await ctx.tick().repeat(4000)
    simulate_component(dut, source, wait, background=[sink])
    assert bytes(found) == first + third


@pytest.mark.parametrize("frame", [b"\1\2", bytes(range(9)), b"\0\0\0"])
def test_receiver_drops_a_frame_with_zeros_behind_its_crc(frame):
    """What a delimiter with a flipped bit makes of a frame: the code of another zero."""
    for code in (b"\1", b"\1\1"):
        line = on_line(frame)[:-1] + code + bytes(40) + on_line(b"after") + bytes(40)
        assert received(line) == [b"after"]
