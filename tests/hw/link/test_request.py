import random

import pytest
from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from qblif.hw.link.framing import Byte
from qblif.hw.link.protocol import ARGUMENTS, Command, argument_bytes, pack_request
from qblif.hw.link.request import ARGUMENT_BYTES, Request
from qblif.sim.stream import simulate_component, stream_put

FIELDS = ("number", "command", "arguments", "repeated", "malformed", "over")
READ_BYTES, WRITE_BYTES = 4, 2


class Taker(wiring.Component):
    """Takes requests in; ``taken`` when the last argument of one came, then drops its data."""

    def __init__(self):
        self.request = Request(read_bytes=READ_BYTES, write_bytes=WRITE_BYTES)
        super().__init__({"i": In(stream.Signature(Byte())), "taken": Out(1)})

    def elaborate(self, platform):
        m = Module()
        self.request.watch(m, self.i)
        with m.FSM():
            self.request.take(m, self.i, "TAKEN")
            with m.State("TAKEN"):
                m.d.comb += self.taken.eq(1)
                self.request.accept(m)
                m.next = "DRAIN"
            with m.State("DRAIN"):
                m.d.comb += self.i.ready.eq(~self.request.over)
                with m.If(self.request.over):
                    m.next = "SEQUENCE"
        return m


def taken(*requests, stall=0):
    """The fields of each request as it was taken in, and its argument bytes as they passed."""
    dut, found, draw, passed = Taker(), [], random.Random(stall), [b""]

    async def source(ctx):
        for request in requests:
            for place, byte in enumerate(request):
                await stream_put(ctx, dut.i, {"data": byte, "last": place == len(request) - 1},
                                 draw.randint(0, stall))
        await ctx.tick().repeat(8)

    async def watch(ctx):
        signals = [getattr(dut.request, name) for name in FIELDS]
        async for _, _, done, argument, byte, *values in ctx.tick().sample(
                dut.taken, dut.request.argument, dut.i.payload, *signals):
            passed[0] += bytes([byte.data]) * argument
            if done:
                found.append(dict(zip(FIELDS, values, strict=True)) | {"bytes": passed.pop()})
                passed.append(b"")
    simulate_component(dut, source, background=[watch])
    return found


@pytest.mark.parametrize("stall", [0, 3])
def test_arguments_of_every_command(stall):
    draw, requests, expected = random.Random(1), [], []
    for k in range(60):
        command = draw.choice(list(Command))
        values = {name: draw.randrange(1, 256 ** bytes_) for name, bytes_ in ARGUMENTS[command]}
        if "size" in values:
            values["size"] = draw.randint(1, WRITE_BYTES)
        data = b"" if command not in (Command.WRITE, Command.RUN) else draw.randbytes(k % 4)
        requests.append(pack_request(k, command, data, **values))
        expected.append((command, requests[-1][2:2 + argument_bytes(command)], not data))
    for k, (found, (command, arguments, over)) in enumerate(
            zip(taken(*requests, stall=stall), expected, strict=True)):
        assert (found["number"], found["command"]) == (k, command)
        assert found["bytes"] == arguments and found["over"] == over
        assert not found["repeated"] and not found["malformed"]
        low = found["arguments"].to_bytes(ARGUMENT_BYTES, "little")[:len(arguments)]
        assert low == arguments


def test_repetition_needs_both_numbers():
    """Over all pairs of two sequence numbers and all commands."""
    first = [bytes([sequence, command]) for sequence in (3, 4) for command in Command]
    for before in first:
        found = taken(*(request for here in first for request in (before, here)))
        for here, fields in zip(first, found[1::2], strict=True):
            assert fields["repeated"] == (here == before and here[1] != Command.READ), (before,
                                                                                        here)


def test_nothing_is_a_repetition_of_half_a_request():
    found = taken(b"\5\2", b"\5", b"\5\2", b"\5\2")
    assert [fields["repeated"] for fields in found] == [0, 0, 1]


@pytest.mark.parametrize("command, widest", [(Command.READ, READ_BYTES),
                                             (Command.WRITE, WRITE_BYTES)])
def test_every_size(command, widest):
    others = {name: 0 for name, _ in ARGUMENTS[command] if name != "size"}
    found = taken(*(pack_request(size, command, size=size, **others) for size in range(256)))
    assert [fields["malformed"] for fields in found] == [
        not 1 <= size <= widest for size in range(256)]


def test_every_length_of_every_command():
    for command in range(256):
        known = command in list(Command)
        least = argument_bytes(command) if known else 0
        lengths = range(ARGUMENT_BYTES + 3) if command < 9 else [0, 1]
        found = taken(*(bytes([k, command]) + b"\1" * k for k in lengths))
        for length, fields in zip(lengths, found, strict=True):
            more = known and command in (Command.WRITE, Command.RUN, Command.STREAM)
            assert fields["malformed"] == (not known or length < least
                                           or (length > least and not more)), (command, length)
