"""The command processor alone: memories and runner are played by the test bench."""

from qblif.hw.link.processor import CommandProcessor
from qblif.hw.link.protocol import (
    REGISTERS_SPACE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    State,
    Status,
    checksum,
    pack_request,
)
from qblif.sim.stream import simulate_component, stream_checker, stream_put

WORDS, WRITE_BYTES, READ_BYTES, LATENCY = 3, 2, 4, 5
GARBAGE = 0xDEADBEEF
PLACE = {"space": 1, "bank": 2, "address": 3}


def word_at(space, bank, address):
    if space == REGISTERS_SPACE:
        return address
    return (space << 24 | bank << 16 | address) & 0xFFFFFFFF


class Played:
    """What came of ``requests``: the answers, and what the processor did beside them."""

    def __init__(self, *requests, wrong_frame=False):
        self.dut = dut = CommandProcessor(words=WORDS, write_bytes=WRITE_BYTES,
                                          read_bytes=READ_BYTES, read_latency=LATENCY)
        self.answers, self.writes, self.events = [], [], b""
        self.starts = self.aborts = self.finishes = 0
        self.states, self.codings, self.wrong_frame = [], [], wrong_frame

        async def host(ctx):
            ctx.set(dut.o.ready, 1)
            for k, request in enumerate(requests):
                for place, byte in enumerate(request):
                    await stream_put(ctx, dut.i, {"data": byte, "last": place == len(request) - 1},
                                     stall=(k + place) % 2)
                await ctx.tick().repeat(4)
                while ctx.get(dut.busy):
                    await ctx.tick()
                self.states.append(State(ctx.get(dut.state)))

        simulate_component(dut, host, background=[
            self.take, self.memories, self.runner, self.watch, stream_checker(dut.o)])

    async def take(self, ctx):
        answer = b""
        async for _, _, valid, byte in ctx.tick().sample(self.dut.o.valid, self.dut.o.payload):
            if valid:
                answer += bytes([byte.data])
                if byte.last:
                    self.answers.append(answer)
                    answer = b""

    async def memories(self, ctx):
        """A word comes ``LATENCY`` cycles after the address and its ``read``; else garbage."""
        dut, line = self.dut, [GARBAGE] * (LATENCY - 1)
        async for _, _, read, *place in ctx.tick().sample(
                dut.read, dut.space, dut.bank, dut.address):
            line.append(word_at(*place) if read else GARBAGE)
            ctx.set(dut.word, line.pop(0))

    async def runner(self, ctx):
        dut, finishing = self.dut, 0
        ctx.set(dut.events.ready, 1)
        async for _, _, start, abort, finish, valid, byte in ctx.tick().sample(
                dut.start, dut.abort, dut.finish, dut.events.valid, dut.events.payload):
            self.events += bytes([byte]) * valid
            finishing = finishing + 1 if finish else 0
            if start or abort:
                ctx.set(dut.active, start)
                ctx.set(dut.done, 0)
                ctx.set(dut.error, 0)
            elif finishing == 3:
                ctx.set(dut.error if self.wrong_frame else dut.done, 1)
                ctx.set(dut.active, 0)

    async def watch(self, ctx):
        dut = self.dut
        async for _, _, start, abort, write, space, bank, address, data in ctx.tick().sample(
                dut.start, dut.abort, dut.write, dut.space, dut.bank, dut.address, dut.data):
            self.starts += start
            self.aborts += abort
            if start:
                self.codings.append(ctx.get(dut.dense))
            if write:
                self.writes.append((space, bank, address, data))

    @property
    def statuses(self):
        return [Status(answer[2]) for answer in self.answers]


def write(sequence, data, size=2, **place):
    return pack_request(sequence, Command.WRITE, data, size=size, **PLACE | place)


def end(sequence, writes, words=WORDS):
    state = 0
    for request in writes:
        state = checksum(request[2:], state)
    return pack_request(sequence, Command.END, words=words, checksum=state)


def begin(sequence):
    return pack_request(sequence, Command.BEGIN)


def run(sequence, data=b"\1\0", flags=RUN_FIRST | RUN_LAST):
    return pack_request(sequence, Command.RUN, data, flags=flags)


def read(sequence, count=1, size=4, **place):
    return pack_request(sequence, Command.READ, size=size, count=count, **PLACE | place)


LOAD = write(2, bytes(range(6)))
ARMED = (begin(1), LOAD, end(3, [LOAD]))
