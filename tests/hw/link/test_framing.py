import random

import pytest
from cobs import cobs

from qblif.hw.link.framing import CobsDecoder, CobsEncoder, FrameSender
from qblif.hw.link.protocol import crc
from qblif.sim.stream import run_stream

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
