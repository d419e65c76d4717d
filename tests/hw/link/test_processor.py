"""The command processor alone: loads, reads, frames and repeated requests."""

import pytest
from played_processor import ARMED, LOAD, WORDS, Played, begin, end, read, run, word_at, write

from qblif.hw.link.protocol import (
    RUN_DENSE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    Register,
    State,
    Status,
    pack_request,
)


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


def test_write_whose_predecessor_was_lost():
    """It is not executed, and the last that was is answered; so is one that came already."""
    first, second, third = (write(k, bytes([k, k]), address=k) for k in (2, 3, 4))
    made = Played(begin(1), third, first, third, second, first, third,
                  end(5, [first, second, third]))
    assert [answer[0] for answer in made.answers] == [1, 1, 2, 2, 3, 3, 4, 5]
    assert made.statuses == [Status.OK] * 8 and made.states[-1] is State.ARMED
    assert [address for _, _, address, _ in made.writes] == [2, 3, 4]


def test_part_of_a_frame_whose_predecessor_was_lost():
    made = Played(*ARMED, run(9, b"", RUN_FIRST), run(11, b"", RUN_LAST), run(10, b"", 0),
                  run(11, b"", RUN_LAST), run(20, b""))
    assert [answer[0] for answer in made.answers[3:]] == [9, 9, 10, 11, 20]
    assert made.events == b"" and (made.starts, made.finishes) == (2, 0)


def test_numbers_wrap():
    first, second = write(0, b""), write(1, b"", address=5)
    assert Played(begin(255), first, second, end(2, [first, second])).states[-1] is State.ARMED


def test_number_does_not_matter_where_nothing_is_continued():
    """A write without a load, a part of a frame without one: refused as such."""
    made = Played(begin(1), end(4, []), write(9, b""), run(17, flags=0), *ARMED,
                  pack_request(4, Command.RESET), run(40, flags=0))
    assert made.statuses[1:4] == [Status.INCOMPLETE, Status.NOT_LOADING, Status.DISARMED]
    assert made.statuses[-1] == Status.DISARMED and made.answers[-1][0] == 40


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


def test_begin_starts_a_new_checksum():
    made = Played(begin(1), write(2, b"\7\7"), *ARMED)
    assert made.states[-1] is State.ARMED


def test_narrow_word_has_zeros_above():
    made = Played(begin(1), write(2, b"\xff\xff"), write(3, b"\x11", size=1))
    assert [data for *_, data in made.writes] == [0xFFFF, 0x0011]


def test_begin_and_reset_end_a_frame_under_way():
    for command in (Command.BEGIN, Command.RESET):
        made = Played(*ARMED, run(4, flags=RUN_FIRST), pack_request(5, command), read(6))
        assert made.statuses[-1] == Status.OK and made.aborts == 2


def test_coding_of_a_frame():
    made = Played(*ARMED, run(4, flags=RUN_FIRST), run(5, flags=RUN_FIRST | RUN_DENSE))
    assert made.codings == [0, 1]
