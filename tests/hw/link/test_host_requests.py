"""Requests to one board behind its host interface, most of which it must refuse."""

import pytest
from host_interface_cases import EVENTS, load, network, powered, run

from qblif.boards.host.requests import load_requests
from qblif.hw.link.protocol import (
    LEVELS_SPACE,
    REGISTERS_SPACE,
    RUN_DENSE,
    RUN_FIRST,
    RUN_LAST,
    Command,
    Register,
    State,
    Status,
    pack_dense,
    pack_events,
)


@pytest.fixture(scope="module")
def board():
    """One board for the requests that are refused: each test begins with a reset."""
    host = powered(network(1))
    host.trained = network(1)
    return host


@pytest.fixture(autouse=True)
def reset(request):
    if "board" in request.fixturenames:
        request.getfixturevalue("board").reset()


def state(host):
    return host.identify().state


def test_identity(board):
    identity = board.identify()
    assert identity.digest == board.trained.spec.digest
    assert identity.clock_hz == 4_000_000 and identity.state is State.DISARMED
    assert identity.lanes == [[4], [2]]
    layout = identity.layout(board.trained.spec)
    assert identity.words == layout.load_words == sum(
        len(data) // place["size"] for place, data in load_requests(board.trained, layout))


def test_run_before_a_load_is_refused(board):
    assert run(board) == Status.DISARMED


def test_run_during_a_load_is_refused(board):
    board.line.exchange(Command.BEGIN)
    assert run(board) == Status.DISARMED and state(board) is State.LOADING


def test_write_and_end_without_a_begin_are_refused(board):
    place = {"space": 0, "bank": 0, "address": 0, "size": 1}
    assert board.line.exchange(Command.WRITE, b"\1", **place)[0] == Status.NOT_LOADING
    assert board.line.exchange(Command.END, words=0, checksum=0)[0] == Status.NOT_LOADING


def test_load_that_lacks_a_write(board):
    assert load(board, drop=1) == Status.INCOMPLETE
    assert state(board) is State.DISARMED and run(board) == Status.DISARMED


def test_load_with_another_checksum(board):
    assert load(board, wrong=1 << 31) == Status.CHECKSUM
    assert state(board) is State.DISARMED


def test_load_with_another_count(board):
    assert load(board, words=3) == Status.INCOMPLETE


def test_begin_reset_and_half_words_disarm(board):
    for disarm in (lambda: board.line.exchange(Command.BEGIN), board.reset):
        assert load(board) == Status.OK and state(board) is State.ARMED
        disarm()
        assert state(board) is not State.ARMED and run(board) == Status.DISARMED
    board.line.exchange(Command.BEGIN)
    place = {"space": 0, "bank": 0, "address": 0, "size": 2}
    assert board.line.exchange(Command.WRITE, b"\1\2\3", **place)[0] == Status.MALFORMED
    assert state(board) is State.DISARMED


def test_frames_that_are_none(board):
    assert load(board) == Status.OK
    end = bytes(1)
    for events in (b"", EVENTS[:-1], EVENTS + end, EVENTS + b"\5", b"\3" + end,
                   (7 << 2 | 1).to_bytes(1) + end, bytes([63 << 2]) + end):
        assert run(board, events) == Status.MALFORMED, events
    assert run(board, flags=RUN_LAST) == Status.ORDER
    assert run(board) == Status.OK and run(board, end) == Status.OK
    assert run(board, bytes([6 << 2 | 2]) + end) == Status.OK


def test_both_codings_of_a_frame(board):
    assert load(board) == Status.OK
    for frame in ([1, 0, 2, 0, 0, 1, 2], [0] * 7, [2] * 7, [0, 0, 0, 0, 0, 0, 1]):
        assert run(board, pack_events([frame], 2)) == Status.OK
        results = board.registers(Register.LABEL, 2), board.activity(board.trained.spec)
        dense = pack_dense([frame], 2)
        assert len(dense) == 2
        assert run(board, dense, RUN_FIRST | RUN_LAST | RUN_DENSE) == Status.OK
        assert (board.registers(Register.LABEL, 2), board.activity(board.trained.spec)) == results
        assert run(board, dense[:1], RUN_FIRST | RUN_DENSE) == Status.OK
        assert run(board, dense[1:], RUN_LAST | RUN_DENSE) == Status.OK
        assert (board.registers(Register.LABEL, 2), board.activity(board.trained.spec)) == results
    for wrong in (dense[:1], dense + dense[:1], bytes([3, 0])):
        assert run(board, wrong, RUN_FIRST | RUN_LAST | RUN_DENSE) == Status.MALFORMED, wrong


def test_frame_in_parts(board):
    assert load(board) == Status.OK and run(board) == Status.OK
    label, cycles = board.registers(Register.LABEL, 2)
    assert run(board, EVENTS[:2], RUN_FIRST) == Status.OK
    place = {"bank": 0, "address": 0, "size": 1, "count": 1}
    for space in (0, LEVELS_SPACE):
        assert board.line.exchange(Command.READ, space=space, **place)[0] == Status.ORDER
    assert run(board, EVENTS[2:4], 0) == Status.OK
    assert run(board, EVENTS[4:], RUN_LAST) == Status.OK
    assert board.registers(Register.LABEL, 2) == [label, cycles]
    # A frame that was begun and left is forgotten.
    assert run(board, EVENTS[:2], RUN_FIRST) == Status.OK and run(board) == Status.OK
    assert board.registers(Register.LABEL, 2) == [label, cycles]


def test_request_that_comes_again_is_not_executed_again(board):
    assert load(board) == Status.OK
    assert run(board, EVENTS[:2], RUN_FIRST) == Status.OK
    board.line._sequence -= 1
    assert run(board, EVENTS[:2], 0) == Status.OK
    assert run(board, EVENTS[2:], RUN_LAST) == Status.OK


def test_malformed_requests(board):
    place = {"space": REGISTERS_SPACE, "bank": 0, "address": 0}
    for size in (0, 9):
        assert board.line.exchange(Command.READ, size=size, count=1, **place)[0] == \
            Status.MALFORMED
    assert board.line.exchange(Command.BEGIN, b"\0")[0] == Status.MALFORMED
    assert state(board) is State.DISARMED
