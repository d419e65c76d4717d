import os
import random

import numpy as np
import pytest

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link import protocol
from qblif.hw.link.protocol import (
    Command,
    State,
    Status,
    level_bits,
    pack_dense,
    pack_events,
    pack_frame,
)
from qblif.sim.board_model import BoardModel, _unpack, _unpack_dense
from qblif.sim.faults import DAMAGES, After, OneDamage, SteadyDamage

PLAN = Plan(stages=(StagePlan(lanes=4, fire_lanes=2), StagePlan(lanes=3)))


def network(seed=0, inputs=30, static=True):
    spec = Network(
        timesteps=2, input=Input(shape=(inputs,), n_max=3, static=static),
        populations=[
            Population(name="hidden", shape=(9,), sum_width=16, bias_width=7, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=64), v_width=14)),
            Population(name="out", shape=(3,), sum_width=14,
                       neuron=Neuron(quantiser=None, v_width=14))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(seed)
    return Trained(spec, {"input->hidden": draw.integers(-60, 60, (9, inputs), np.int32),
                          "hidden->out": draw.integers(-60, 60, (3, 9), np.int32)},
                   {"hidden": draw.integers(-60, 60, 9, np.int32)})


FIRST, SECOND = network(1), network(2)
FRAMES = np.random.default_rng(0).integers(0, 4, (4, 30))
SEEN = {}
CLASSES = {id(n): integer.run(n, FRAMES).classes.numpy() for n in (FIRST, SECOND)}


def board(*networks, damage=None):
    networks = networks or (FIRST, SECOND)
    return BoardModel(networks, compile(networks[0].spec, PLAN), damage, classes=SEEN)


def quick(port, tries=8):
    return Host(port, timeout=0.001, tries=tries)


def test_load_and_run():
    port = board()
    host = quick(port)
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])
    host.load(SECOND)
    np.testing.assert_array_equal(host.run(SECOND, FRAMES).classes, CLASSES[id(SECOND)])
    assert port.wrong_runs == 0 and host.line.repeated == 0


def test_timesteps_of_their_own_and_frames_in_parts():
    moving = network(3, inputs=600, static=False)
    frames = np.random.default_rng(1).integers(0, 4, (3, 2, 600))
    host = quick(board(moving))
    host.load(moving)
    np.testing.assert_array_equal(host.run(moving, frames).classes,
                                  integer.run(moving, frames).classes.numpy())


@pytest.mark.parametrize("n_max", [1, 2, 3, 7, 15, 20])
def test_events_unpack_to_the_frame(n_max):
    draw = np.random.default_rng(n_max)
    for share in (0, 0.01, 0.2, 1):
        frame = draw.integers(0, n_max + 1, (3, 700)) * (draw.random((3, 700)) < share)
        source = Input(shape=(700,), n_max=n_max, static=False)
        np.testing.assert_array_equal(
            _unpack(pack_events(frame.tolist(), n_max), source), frame)
        np.testing.assert_array_equal(
            _unpack_dense(pack_dense(frame.tolist(), n_max), source), frame)
        assert n_max < 1 << level_bits(n_max)


def test_frame_is_never_longer_than_its_levels():
    for share in (0, 0.1, 0.5, 1):
        frame = [int(random.random() < share) for _ in range(784)]
        assert len(pack_frame([frame], 2)[1]) <= 784 // 4


@pytest.mark.parametrize("kind", DAMAGES)
def test_damaged_bytes(kind):
    """At 300 random places each: the answer is right, and only whole loads are run."""
    count = OneDamage(0, kind, 1)
    host = quick(board(damage=count))
    host.load(FIRST)
    host.run(FIRST, FRAMES[:1])
    for seed in range(300):
        port = board(FIRST, damage=OneDamage(seed, kind, count.passed))
        host = quick(port)
        host.load(FIRST)
        assert host.run(FIRST, FRAMES[:1]).classes[0] == CLASSES[id(FIRST)][0]
        assert port.wrong_runs == 0


@pytest.mark.parametrize("rate", [0.002, 0.006])
def test_line_that_keeps_damaging(rate):
    """The answer is right, or there is a clear error; never anything else."""
    good = 0
    for seed in range(60):
        port = board(damage=SteadyDamage(seed, rate))
        try:
            host = quick(port, tries=12)
            host.load(FIRST)
            found = host.run(FIRST, FRAMES)
            np.testing.assert_array_equal(found.classes, CLASSES[id(FIRST)])
            good += 1
        except HostError as error:
            assert "The board does not answer" in str(error)
        assert port.wrong_runs == 0
    assert good > 0


def test_noise_between_answers():
    draw = random.Random(0)

    def damage(data, to_board):
        return data if to_board else draw.randbytes(draw.randrange(30)) + b"\0" + data
    host = quick(board(damage=damage))
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])


def test_every_answer_comes_twice():
    port = board(damage=lambda data, to_board: data if to_board else data * 2)
    host = quick(port)
    host.load(FIRST)
    np.testing.assert_array_equal(host.run(FIRST, FRAMES).classes, CLASSES[id(FIRST)])


def test_every_request_comes_twice():
    port = board(damage=lambda data, to_board: data * 2 if to_board else data)
    host = quick(port)
    host.load(FIRST)
    host.run(FIRST, FRAMES)
    assert port.runs == len(FRAMES)


class Silent:
    def write(self, data):
        return len(data)

    def read(self, count):
        return b""


class Noisy(Silent):
    def read(self, count):
        return random.randbytes(100)


class Echo(Silent):
    """A modem, or a wire from one pin to the other."""

    def __init__(self):
        self.data = b""

    def write(self, data):
        self.data = data

    def read(self, count):
        found, self.data = self.data, b""
        return found


class Unplugged(Silent):
    name = "/dev/ttyUSB7"

    def read(self, count):
        raise OSError(5, "Input/output error")


@pytest.mark.parametrize("port, words", [
    (Silent(), r"^The board does not answer read \(nothing came in"),
    (Noisy(), r"^The board does not answer read \(only noise came in"),
    (Echo(), r"^What answers is no qblif board: check the port$"),
    (Unplugged(), r"^The board on /dev/ttyUSB7 is gone \(.*\): plug it in and start again$")])
def test_port_without_a_board(port, words):
    with pytest.raises(HostError, match=words):
        quick(port, tries=2).identify()


def test_network_of_another_bitstream():
    other = network(1, inputs=31)
    port = board()
    with pytest.raises(HostError, match=r"^The board's bitstream is for network [0-9a-f]{16}, the"):
        quick(port).load(other)
    assert port.memory == {}


def test_run_without_a_load():
    with pytest.raises(HostError, match=r"weights \(it is disarmed\): load the file first$"):
        quick(board()).run(FIRST, FRAMES)


def test_run_after_another_network_was_loaded():
    host = quick(board())
    host.load(SECOND)
    with pytest.raises(HostError, match=r"weights \(others\): load the file first$"):
        host.run(FIRST, FRAMES)


def test_frames_of_another_network():
    host = quick(board())
    with pytest.raises(HostError, match=r"^Frames must have shape \(30,\), not \(31,\)"):
        host.run(FIRST, np.zeros((1, 31), int))
    with pytest.raises(HostError, match=r"^Levels must be in 0\.\.3, not 4\.\.4"):
        host.run(FIRST, np.full((1, 30), 4))


@pytest.mark.parametrize("count", range(1, 750, 50))
def test_board_reset_during_a_load(count):
    port = board(FIRST)
    port.damage = After(count, port.reset)
    host = quick(port)
    host.load(FIRST)
    if port.state == State.DISARMED:  # The reset came after the load.
        host.load(FIRST)
    assert host.run(FIRST, FRAMES[:1]).classes[0] == CLASSES[id(FIRST)][0]
    assert port.wrong_runs == 0


def test_board_reset_during_a_run():
    port = board(FIRST)
    host = quick(port)
    host.load(FIRST)
    port.damage = After(250, port.reset)
    with pytest.raises(HostError, match="^The board is not armed any more"):
        host.run(FIRST, np.repeat(FRAMES, 20, 0))


class Killed(Exception):
    pass


@pytest.mark.parametrize("count", range(1, 900, 60))
def test_host_killed_during_a_load_and_restarted(count):
    def kill():
        raise Killed
    port = board(FIRST, SECOND)
    quick(port).load(FIRST)
    port.damage = After(count, kill)
    try:
        quick(port).load(SECOND)
    except Killed:
        if port.state == State.LOADING:
            port.damage = lambda data, to_board: data
            with pytest.raises(HostError, match="^The board does not hold this network's weights"):
                quick(port).run(SECOND, FRAMES)
    port.damage = lambda data, to_board: data
    host = quick(port)
    host.load(SECOND)
    np.testing.assert_array_equal(host.run(SECOND, FRAMES).classes, CLASSES[id(SECOND)])
    assert port.wrong_runs == 0


def test_memory_that_does_not_keep_what_is_written():
    class Broken(BoardModel):
        def _write(self, rest, request, **place):
            return super()._write(rest[:-1] + bytes([rest[-1] ^ 1]), request, **place)
    port = Broken([FIRST], compile(FIRST.spec, PLAN))
    with pytest.raises(HostError, match=r"^The load fails again and again \(checksum\)"):
        quick(port).load(FIRST)
    assert port.state == State.DISARMED


def test_words_that_are_missing_do_not_arm():
    port = board()
    host = quick(port)
    host.line.exchange(Command.BEGIN)
    assert host.line.exchange(Command.END, words=0, checksum=0)[0] == Status.INCOMPLETE
    assert port.state == State.DISARMED


def test_protocol_of_another_version(monkeypatch):
    monkeypatch.setattr(protocol, "VERSION", 99)
    with pytest.raises(HostError, match="^The board speaks version 99 of the protocol, this"):
        quick(board()).identify()


def test_port_that_is_not_there():
    with pytest.raises(HostError, match="^/dev/nothing: there is no such port"):
        open_port("/dev/nothing", 115_200)


def test_port_that_is_no_serial_port(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be opened as a serial port"):
        open_port(tmp_path / "file", 115_200)


def test_port_without_permission():
    ends = os.openpty()
    name = os.ttyname(ends[1])
    os.chmod(name, 0)
    user = os.geteuid()
    try:
        if not user:
            os.seteuid(65534)  # To whom the permissions of others apply; to root none do.
        with pytest.raises(HostError, match=f"^{name}: permission denied; add yourself to the"):
            open_port(name, 115_200)
    finally:
        os.seteuid(user)
        for end in ends:
            os.close(end)


@pytest.mark.parametrize("baud", [-1, 1 << 40])
def test_bit_rate_that_no_port_has(baud):
    ends = os.openpty()
    with pytest.raises(HostError, match="cannot be opened as a serial port"):
        open_port(os.ttyname(ends[1]), baud)
    for end in ends:
        os.close(end)


def test_activity_of_the_model_is_there():
    nothing = {"events": 0, "words": 0}
    assert quick(board()).activity(FIRST.spec) == {"input->hidden": nothing, "hidden->out": nothing}


def test_networks_are_what_the_tests_need():
    assert FIRST.spec == SECOND.spec
    assert (CLASSES[id(FIRST)] != CLASSES[id(SECOND)]).any()
