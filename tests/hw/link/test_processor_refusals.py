"""Requests that the command processor alone refuses."""

import pytest
from played_processor import (
    ARMED,
    LOAD,
    READ_BYTES,
    WORDS,
    WRITE_BYTES,
    Played,
    begin,
    end,
    read,
    run,
    write,
)

from qblif.hw.link.protocol import (
    ARGUMENTS,
    LEVELS_SPACE,
    REGISTERS_SPACE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    State,
    Status,
    argument_bytes,
    pack_request,
)


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


def test_half_a_word():
    made = Played(begin(1), write(2, b"\1\2\3"), begin(3), write(4, b"\1\2"))
    assert made.statuses == [Status.OK, Status.MALFORMED, Status.OK, Status.OK]
    assert made.states[1] is State.DISARMED
    assert [data for *_, data in made.writes] == [0x0201, 0x0201]


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
