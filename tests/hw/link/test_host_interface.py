"""The network behind its command processor, in Amaranth's simulator."""

import numpy as np
import pytest
from amaranth.back import rtlil

from qblif.boards.host.host import Host
from qblif.boards.host.requests import load_checksum, load_requests
from qblif.golden import integer
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import Layout, compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link.board_core import BoardCore
from qblif.hw.link.host_interface import HostInterface
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
from qblif.sim.pysim_port import PysimPort

PLAN = Plan(stages=(StagePlan(lanes=4, fire_lanes=2), StagePlan(lanes=2)))


def network(seed, static=True):
    spec = Network(
        timesteps=2, input=Input(shape=(7,), n_max=2, static=static),
        populations=[
            Population(name="hidden", shape=(5,), sum_width=12, bias_width=6, neuron=Neuron(
                quantiser=Quantiser(n_max=3, theta=16), v_width=12)),
            Population(name="out", shape=(3,), sum_width=12,
                       neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="hidden", target="out")])
    draw = np.random.default_rng(seed)
    return Trained(spec, {"input->hidden": draw.integers(-60, 60, (5, 7), np.int32),
                          "hidden->out": draw.integers(-60, 60, (3, 5), np.int32)},
                   {"hidden": draw.integers(-30, 30, 5, np.int32)})


def powered(trained, plan=PLAN, **options):
    layout = plan if isinstance(plan, Layout) else compile(trained.spec, plan)
    linked = HostInterface(layout, clock_hz=4_000_000, **options)
    return Host(PysimPort(linked), timeout=50, tries=1)


def compare(host, trained, frames):
    """Classes, levels and cycles of the frames, against the models."""
    found = host.run(trained, frames, levels=True)
    layout = host.identify().layout(trained.spec)
    expected = integer.run(trained, frames)
    np.testing.assert_array_equal(found.classes, expected.classes.numpy())
    assert list(found.levels) == [p.name for p in trained.spec.populations[:-1]]
    for name, values in found.levels.items():
        np.testing.assert_array_equal(values, expected.levels[name].numpy())
    levels = {name: tensor.numpy() for name, tensor in expected.levels.items()}
    cycles = [count_cycles(layout, frames[k:k + 1], {
        name: values[:, k:k + 1] for name, values in levels.items()}).latency[0]
        for k in range(len(frames))]
    np.testing.assert_array_equal(found.cycles, cycles)


@pytest.mark.parametrize("static", [True, False])
def test_two_networks_one_after_the_other(static):
    first, second = network(1, static), network(2, static)
    draw = np.random.default_rng(0)
    frames = draw.integers(0, 3, (3, 7) if static else (3, 2, 7))
    frames[1] = 0
    host = powered(first)
    for trained in (first, second):
        host.load(trained)
        compare(host, trained, frames)
    assert host.line.repeated == 0
    last = np.asarray(frames[-1])
    events = np.count_nonzero(last)
    found = host.activity(first.spec)["input->hidden"]
    assert found["events"] == events <= found["words"]


def test_maps_with_a_residual_edge(residual):
    trained, plan, frames = residual
    host = powered(trained, plan)
    host.load(trained)
    compare(host, trained, frames[:2])
    identity = host.identify()
    assert identity.lanes == [[6], [3], [4, 2], [5]]
    assert identity.layout(trained.spec) == plan
    assert host.activity(trained.spec)["input->a"]["events"] == np.count_nonzero(frames[1])


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


def load(host, drop=None, wrong=0, words=None):
    """A load in which something may be wrong; returns the status of its end."""
    identity = host.identify()
    runs = list(load_requests(host.trained, identity.layout(host.trained.spec)))
    host.line.exchange(Command.BEGIN)
    for k, (place, data) in enumerate(runs):
        if k != drop:
            assert host.line.exchange(Command.WRITE, data, **place)[0] == Status.OK
    return host.line.exchange(Command.END, words=words or identity.words,
                              checksum=load_checksum(runs) ^ wrong)[0]


EVENTS = pack_events([[1, 0, 2, 0, 0, 1, 2]], 2)


def run(host, data=EVENTS, flags=RUN_FIRST | RUN_LAST):
    return host.line.exchange(Command.RUN, data, flags=flags)[0]


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
        results = board._registers(Register.LABEL, 2), board.activity(board.trained.spec)
        dense = pack_dense([frame], 2)
        assert len(dense) == 2
        assert run(board, dense, RUN_FIRST | RUN_LAST | RUN_DENSE) == Status.OK
        assert (board._registers(Register.LABEL, 2), board.activity(board.trained.spec)) == results
        assert run(board, dense[:1], RUN_FIRST | RUN_DENSE) == Status.OK
        assert run(board, dense[1:], RUN_LAST | RUN_DENSE) == Status.OK
        assert (board._registers(Register.LABEL, 2), board.activity(board.trained.spec)) == results
    for wrong in (dense[:1], dense + dense[:1], bytes([3, 0])):
        assert run(board, wrong, RUN_FIRST | RUN_LAST | RUN_DENSE) == Status.MALFORMED, wrong


def test_frame_in_parts(board):
    assert load(board) == Status.OK and run(board) == Status.OK
    label, cycles = board._registers(Register.LABEL, 2)
    assert run(board, EVENTS[:2], RUN_FIRST) == Status.OK
    place = {"bank": 0, "address": 0, "size": 1, "count": 1}
    for space in (0, LEVELS_SPACE):
        assert board.line.exchange(Command.READ, space=space, **place)[0] == Status.ORDER
    assert run(board, EVENTS[2:4], 0) == Status.OK
    assert run(board, EVENTS[4:], RUN_LAST) == Status.OK
    assert board._registers(Register.LABEL, 2) == [label, cycles]
    # A frame that was begun and left is forgotten.
    assert run(board, EVENTS[:2], RUN_FIRST) == Status.OK and run(board) == Status.OK
    assert board._registers(Register.LABEL, 2) == [label, cycles]


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


def test_without_levels():
    trained = network(1)
    host = powered(trained, levels=False)
    assert not host.identify().levels


def test_no_multiplier():
    core = BoardCore(compile(network(1).spec, PLAN), clock_hz=12_000_000, baud=921_600)
    text = rtlil.convert(core, emit_src=False)
    assert "cell $add" in text
    for cell in ("$mul", "$div", "$mod", "$pow", "$divfloor", "$modfloor"):
        assert f"cell {cell} " not in text


def test_pins_of_a_run():
    """``armed``, ``busy``, ``label`` and ``label_valid`` while a frame comes in two parts."""
    trained = network(1)
    host = powered(trained)
    linked = host.line.port.linked
    seen = []

    async def watch(ctx):
        while True:
            _, _, *pins = await ctx.tick().sample(linked.armed, linked.busy, linked.label_valid,
                                                  linked.label)
            if not seen or seen[-1] != tuple(pins):
                seen.append(tuple(pins))
    host.line.port._simulator.add_testbench(watch, background=True)
    host.trained = trained

    def pins():
        host.identify()
        host.line.port.read(1)  # Some cycles in which nothing is asked.
        return seen[-1][:3]
    assert pins() == (0, 0, 0)
    assert load(host) == Status.OK and pins() == (1, 0, 0)
    assert run(host) == Status.OK and pins() == (1, 0, 1)
    label = seen[-1][3]
    assert label == host._registers(Register.LABEL, 1)[0]
    assert run(host, EVENTS[:2], RUN_FIRST) == Status.OK
    assert pins() == (1, 1, 0), "busy until the frame's last part, and no class until then"
    assert run(host, EVENTS[2:], RUN_LAST) == Status.OK and pins() == (1, 0, 1)
