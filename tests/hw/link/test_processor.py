"""The command processor alone: memories and runner are played by the test."""

import pytest

from qblif.hw.link.processor import CommandProcessor
from qblif.hw.link.protocol import (
    ARGUMENTS,
    LEVELS_SPACE,
    REGISTERS_SPACE,
    RUN_DENSE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    Register,
    State,
    Status,
    argument_bytes,
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
        while True:
            _, _, valid, byte = await ctx.tick().sample(self.dut.o.valid, self.dut.o.payload)
            if valid:
                answer += bytes([byte.data])
                if byte.last:
                    self.answers.append(answer)
                    answer = b""

    async def memories(self, ctx):
        """A word comes ``LATENCY`` cycles after the address and its ``read``; else garbage."""
        dut, line = self.dut, [GARBAGE] * (LATENCY - 1)
        while True:
            _, _, read, *place = await ctx.tick().sample(dut.read, dut.space, dut.bank, dut.address)
            line.append(word_at(*place) if read else GARBAGE)
            ctx.set(dut.word, line.pop(0))

    async def runner(self, ctx):
        dut, finishing = self.dut, 0
        ctx.set(dut.events.ready, 1)
        while True:
            _, _, start, abort, finish, valid, byte = await ctx.tick().sample(
                dut.start, dut.abort, dut.finish, dut.events.valid, dut.events.payload)
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
        while True:
            _, _, start, abort, write, space, bank, address, data = await ctx.tick().sample(
                dut.start, dut.abort, dut.write, dut.space, dut.bank, dut.address, dut.data)
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


def test_load_and_run():
    made = Played(*ARMED, run(4, b"\1\2\3\0"))
    assert made.statuses == [Status.OK] * 4
    assert made.states == [State.LOADING, State.LOADING, State.ARMED, State.ARMED]
    assert made.writes == [(1, 2, 3, 0x0100), (1, 2, 4, 0x0302), (1, 2, 5, 0x0504)]
    assert (made.starts, made.aborts, made.events) == (1, 1, b"\1\2\3\0")
    assert made.answers[-1] == bytes([4, Command.RUN, Status.OK]) + b"".join(
        register.to_bytes(4, "little") for register in (Register.LABEL, Register.CYCLES))


@pytest.mark.parametrize("count", [0, 1, 2, 7])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_read(count, size):
    made = Played(read(9, count, size), read(9, count, size, bank=5))
    for answer, bank in zip(made.answers, (2, 5), strict=True):  # A read is always executed.
        assert answer == bytes([9, Command.READ, Status.OK]) + b"".join(
            word_at(1, bank, 3 + k).to_bytes(4, "little")[:size] for k in range(count))


def test_same_sequence_number_with_another_command():
    """A host that was restarted may begin with the number that the last one ended with."""
    made = Played(*ARMED, run(4), pack_request(4, Command.RESET))
    assert made.statuses[-1] == Status.OK and made.states[-1] is State.DISARMED
    made = Played(*ARMED, pack_request(3, Command.RESET), begin(3))
    assert made.states[-2:] == [State.DISARMED, State.LOADING]


@pytest.mark.parametrize("command", [Command.BEGIN, Command.RESET])
def test_repetition_is_answered_and_not_executed(command):
    made = Played(pack_request(5, command), pack_request(5, command), pack_request(6, command))
    assert made.statuses == [Status.OK] * 3 and made.aborts == 2


def test_repeated_run_is_one_frame():
    made = Played(*ARMED, run(4), run(4))
    assert made.starts == 1 and made.answers[-1] == made.answers[-2]


def test_repeated_write_and_end_are_one():
    made = Played(begin(1), LOAD, LOAD, end(3, [LOAD]), end(3, [LOAD]))
    assert made.statuses == [Status.OK] * 5 and len(made.writes) == WORDS
    assert made.states[-1] is State.ARMED


def test_repetition_keeps_its_status():
    made = Played(run(7), run(7))
    assert made.statuses == [Status.DISARMED] * 2


def test_first_request_is_no_repetition():
    """Its number and command may be those that the registers start with."""
    made = Played(bytes([0, 0]), bytes([0, 0]))
    assert made.statuses == [Status.MALFORMED] * 2


def test_request_of_one_byte():
    """It has no answer, and the next is no repetition of the one before it."""
    made = Played(begin(5), bytes([5]), begin(5))
    assert len(made.answers) == 2 and made.aborts == 2


@pytest.mark.parametrize("extra", [1, 2, 5, 8, 16])
def test_too_many_words(extra):
    """As many as a counter that wraps would not tell from the right number."""
    writes = [write(2 + k, bytes(2)) for k in range(WORDS + extra)]
    made = Played(begin(1), *writes, end(99, writes))
    assert made.statuses[-1] == Status.INCOMPLETE and made.states[-1] is State.DISARMED


@pytest.mark.parametrize("wrong, status", [
    ({"words": WORDS - 1}, Status.INCOMPLETE), ({"words": WORDS + 256}, Status.INCOMPLETE)])
def test_end_with_another_count(wrong, status):
    made = Played(begin(1), LOAD, end(3, [LOAD], **wrong))
    assert made.statuses[-1] == status and made.states[-1] is State.DISARMED


@pytest.mark.parametrize("change", [0, 1, 2, 4, 6, 7, 8, 12])
def test_checksum_covers_every_byte_of_a_write(change):
    changed = bytearray(LOAD)
    changed[2 + change] ^= 0x10 if change != 6 else 3  # Size 2 becomes 1.
    made = Played(begin(1), bytes(changed), end(3, [LOAD]))
    assert made.statuses[-1] in (Status.CHECKSUM, Status.INCOMPLETE)
    assert made.states[-1] is State.DISARMED


def test_begin_starts_a_new_checksum():
    made = Played(begin(1), write(2, b"\7\7"), *ARMED)
    assert made.states[-1] is State.ARMED


def test_narrow_word_has_zeros_above():
    made = Played(begin(1), write(2, b"\xff\xff"), write(3, b"\x11", size=1))
    assert [data for *_, data in made.writes] == [0xFFFF, 0x0011]


def test_half_a_word():
    made = Played(begin(1), write(2, b"\1\2\3"), begin(3), write(4, b"\1\2"))
    assert made.statuses == [Status.OK, Status.MALFORMED, Status.OK, Status.OK]
    assert made.states[1] is State.DISARMED
    assert [data for *_, data in made.writes] == [0x0201, 0x0201]


def test_begin_and_reset_end_a_frame_under_way():
    for command in (Command.BEGIN, Command.RESET):
        made = Played(*ARMED, run(4, flags=RUN_FIRST), pack_request(5, command), read(6))
        assert made.statuses[-1] == Status.OK and made.aborts == 2


def test_reads_during_a_frame():
    made = Played(*ARMED, run(4, flags=RUN_FIRST), read(5), read(6, space=LEVELS_SPACE),
                  read(7, space=REGISTERS_SPACE), run(8, flags=RUN_LAST), read(9))
    assert made.statuses[4:] == [Status.ORDER, Status.ORDER, Status.OK, Status.OK, Status.OK]
    assert made.starts == 1 and [len(answer) for answer in made.answers[3:6]] == [3, 3, 3]


def test_part_without_its_first():
    made = Played(*ARMED, run(4, flags=RUN_LAST), run(5, flags=0))
    assert made.statuses[-2:] == [Status.ORDER] * 2 and not made.starts and not made.events


def test_frame_that_is_none():
    made = Played(*ARMED, run(4), wrong_frame=True)
    assert made.statuses[-1] == Status.MALFORMED and len(made.answers[-1]) == 3


def test_coding_of_a_frame():
    made = Played(*ARMED, run(4, flags=RUN_FIRST), run(5, flags=RUN_FIRST | RUN_DENSE))
    assert made.codings == [0, 1]


def test_without_a_load():
    made = Played(run(1), write(2, b"\1\2"), end(3, []), begin(4), run(5))
    assert made.statuses == [Status.DISARMED, Status.NOT_LOADING, Status.NOT_LOADING, Status.OK,
                             Status.DISARMED]
    assert not made.writes and not made.starts and not made.events


def test_requests_that_are_too_short():
    """Of each command, every length below that of its arguments."""
    short = [bytes([k % 250, command]) + bytes([1]) * k
             for command in Command for k in range(argument_bytes(command))]
    short = [bytes([n]) + request[1:] for n, request in enumerate(short)]
    made = Played(*short)
    assert made.statuses == [Status.MALFORMED] * len(short)
    assert not made.aborts and not made.writes


@pytest.mark.parametrize("command", [c for c in Command if c not in (Command.WRITE, Command.RUN)])
def test_data_where_there_is_none(command):
    arguments = {name: 1 for name, _ in ARGUMENTS[command]}
    made = Played(pack_request(1, command, b"\0", **arguments))
    assert made.statuses == [Status.MALFORMED] and not made.aborts


def test_unknown_commands():
    unknown = [command for command in range(256) if command not in list(Command)]
    made = Played(*(bytes([k, command]) for k, command in enumerate(unknown)))
    assert made.statuses == [Status.MALFORMED] * len(unknown)


@pytest.mark.parametrize("size", [0, READ_BYTES + 1, 255])
def test_read_of_words_that_are_no_words(size):
    assert Played(read(1, size=size)).statuses == [Status.MALFORMED]


@pytest.mark.parametrize("size", [0, WRITE_BYTES + 1, 255])
def test_write_of_words_that_are_no_words(size):
    made = Played(begin(1), write(2, b"\1\2\3", size=size))
    assert made.statuses[-1] == Status.MALFORMED and not made.writes
