"""Whatever a board answers, the host gives a right result or raises HostError."""

import random

import numpy as np
import pytest
from host_cases import FIRST, FRAMES, PLAN

from qblif.boards.host.host import Host
from qblif.boards.host.identity import read_identity
from qblif.boards.host.line import HostError
from qblif.hw.layout.compile import compile
from qblif.hw.link.protocol import (
    REGISTERS_SPACE,
    VERSION,
    Command,
    Register,
    State,
    Status,
    SynapseRegister,
    synapse_register,
)
from qblif.sim.board_model import BoardModel

LAYOUT = compile(FIRST.spec, PLAN)
NUMBERS = [0, 1, 2, 3, 4, 5, 7, 9, 30, 64, 255, 256, 65_535, 1 << 31, (1 << 32) - 1]


class Strange(BoardModel):
    """A board some of whose registers hold other values, and some of whose answers have another
    length."""

    def __init__(self, seed, registers=0.2, answers=0.05):
        super().__init__([FIRST], LAYOUT)
        self.draw, self.answers = random.Random(seed), answers
        places = [*Register, *(synapse_register(k, field) for k in range(2)
                               for field in SynapseRegister)]
        self.registers = {place: self.draw.choice(NUMBERS) for place in places
                          if self.draw.random() < registers}

    def _word(self, space, bank, address):
        found = super()._word(space, bank, address)
        return self.registers.get(address, found) if space == REGISTERS_SPACE else found

    def _body(self, command, values):
        body = super()._body(command, values)
        if self.draw.random() < self.answers:
            body = self.draw.choice([body[:-1], body + b"\0", b"", body[:3]])
        return body


class StrangeStatus(Strange):
    """Answers whose status is drawn, with a right checksum."""

    def _body(self, command, values):
        if self.draw.random() < self.answers:
            self.status = self.draw.choice([*Status, 7, 99, 255])
        return super()._body(command, values)


def attempt(host, action):
    """Whether the action was possible."""
    try:
        action(host)
        return True
    except HostError as error:
        assert str(error)[0].isupper() and "\n" not in str(error)
        return False


ACTIONS = [
    lambda host: host.identify(),
    lambda host: host.load(FIRST),
    lambda host: host.run(FIRST, FRAMES[:1]),
    lambda host: host.run(FIRST, FRAMES[:1], levels=True),
    lambda host: host.activity(FIRST.spec),
    lambda host: host.reset()]


@pytest.mark.parametrize("kind, registers, answers", [
    (Strange, 0.05, 0.0), (Strange, 0.4, 0.0), (Strange, 0.03, 0.03), (StrangeStatus, 0.0, 0.05)])
def test_strange_boards(kind, registers, answers):
    done = [attempt(Host(board, timeout=0.001, tries=2), action)
            for seed in range(25) for board in [kind(seed, registers, answers)]
            for action in ACTIONS]
    assert any(done) and not all(done)


def registers_of(**changed):
    """``registers`` of a good board, but for those that are changed: name, or name and synapse."""
    board = BoardModel([FIRST], LAYOUT)
    places = {getattr(Register, name, None): value for name, value in changed.items()}
    places |= {synapse_register(0, getattr(SynapseRegister, name[:-2])): value
               for name, value in changed.items() if name.endswith("_0")}

    def registers(address, count):
        return [places.get(at, board._word(REGISTERS_SPACE, 0, at))
                for at in range(address, address + count)]
    return registers


def test_identity_of_a_good_board():
    identity = read_identity(registers_of())
    assert identity.lanes == [[4], [3]] and identity.state is State.DISARMED
    assert identity.digest == FIRST.spec.digest and not identity.levels


AGAIN = ": build the bitstream again"


@pytest.mark.parametrize("changed, words", [
    ({"MAGIC": 7}, "What answers is no qblif board: check the port"),
    ({"VERSION": 9}, f"The board speaks version 9 of the protocol, this program {VERSION}{AGAIN}"),
    ({"SYNAPSES": 0},  # A network as logic.
     f"The board's number of frames must be in 1..16777215, not 0{AGAIN}"),
    ({"SYNAPSES": 1 << 31},
     f"The board's number of synapses must be in 0..2048, not 2147483648{AGAIN}"),
    ({"STATE": 3}, f"The board's state must be in 0..2, not 3{AGAIN}"),
    ({"CLOCK_HZ": 0}, f"The board's clock must be in 1..4294967295, not 0{AGAIN}"),
    ({"STAGE_0": 1}, f"The board describes no plan (Stage 1 does not follow stage -1){AGAIN}"),
    ({"BURST_0": 2},
     f"The board describes no plan (Burst must be a number below 2, not 2){AGAIN}"),
    ({"LANES_0": 0}, f"The board describes no plan (Lanes must be in 1..1024, not 0){AGAIN}"),
    ({"BUFFERS_0": 5},
     f"The board describes no plan (Buffers must be in 1..4, not 5){AGAIN}"),
    ({"PORTS_0": 3},
     f"The board describes no plan (Ports must be one of 1, 2, 4, not 3){AGAIN}"),
    ({"SLACK_0": 65}, f"The board describes no plan (Slack must be in 0..64, not 65){AGAIN}"),
    ({"ORDER_0": 2},
     f"The board describes no plan (Order must be a number below 2, not 2){AGAIN}")])
def test_registers_that_cannot_be(changed, words):
    with pytest.raises(HostError) as error:
        read_identity(registers_of(**changed))
    assert str(error.value) == words


def test_stages_of_another_network():
    class Merged(BoardModel):
        """Both of its synapses lead to stage 0."""

        def _word(self, space, bank, address):
            changed = {synapse_register(1, SynapseRegister.STAGE): 0,
                       synapse_register(0, SynapseRegister.FIRE_LANES): 1}
            found = super()._word(space, bank, address)
            return changed.get(address, found) if space == REGISTERS_SPACE else found

    with pytest.raises(HostError, match=r"^The board's plan is not for this network \(Plan must "
                                        r"have 2 stages, not 1\): build the bitstream again$"):
        Host(Merged([FIRST], LAYOUT), timeout=0.001).load(FIRST)


def test_answer_of_a_frame_that_is_too_short():
    class Short(BoardModel):
        def _body(self, command, values):
            body = super()._body(command, values)
            return body[:5] if command is Command.RUN else body
    host = Host(Short([FIRST], LAYOUT), timeout=0.001)
    host.load(FIRST)
    with pytest.raises(HostError, match="^The board answers with another length than was asked"):
        host.run(FIRST, FRAMES)


@pytest.mark.parametrize("frames, words", [
    ([[1] * 30, [1] * 29], "^Frames must all have the same shape"),
    (np.full((1, 30), 0.5), "^Levels must be whole numbers, not float64$")])
def test_frames_that_are_no_levels(frames, words):
    with pytest.raises(HostError, match=words):
        Host(BoardModel([FIRST], LAYOUT), timeout=0.001).run(FIRST, frames)
