"""A network as logic behind its command processor, in Amaranth's simulator."""

from dataclasses import replace

import numpy as np
import pytest
from host_interface_cases import network

from qblif.boards.host.host import Host
from qblif.boards.host.identity import LogicIdentity
from qblif.boards.host.line import HostError
from qblif.boards.host.play import play
from qblif.golden import integer
from qblif.golden.spec.pixels import to_levels
from qblif.hw.link.logic_interface import LogicInterface
from qblif.hw.link.protocol import ROOM, RUN_FIRST, RUN_LAST, Command, State, Status
from qblif.hw.logic.layout import LogicLayout
from qblif.sim.pysim_port import PysimPort

HZ = 4_000_000


def powered(trained, frames=4, **options):
    layout = LogicLayout(trained, "compressors", **options)
    return layout, Host(PysimPort(LogicInterface(layout, clock_hz=HZ, frames=frames)),
                        timeout=50, tries=1)


def test_batches_of_frames():
    trained = network(1)
    layout, host = powered(trained, pixels=True)
    pixels = np.random.default_rng(3).integers(0, 256, (9, 7), np.uint8)
    found = play(host, trained, pixels)
    expected = integer.run(trained, to_levels(pixels, 2)).classes.numpy()
    np.testing.assert_array_equal(found.classes, expected)
    assert len(set(expected.tolist())) > 1
    assert found.batches == ((4, 3 + layout.latency), (4, 3 + layout.latency), (1, layout.latency))
    assert found.core_seconds * HZ == sum(clocks + 1 for _, clocks in found.batches)
    identity = host.identify()
    assert identity == LogicIdentity(
        digest=trained.spec.digest, weights_digest=trained.weights_digest, clock_hz=HZ, frames=4,
        banks=2, pixels=True, latency=layout.latency, slots=1, period=1, state=State.ARMED,
        checksum=identity.checksum, room=ROOM)


def test_interleaved_timesteps():
    trained = network(2)
    layout, host = powered(trained, 20, interleaved=True)
    levels = np.random.default_rng(4).integers(0, 3, (31, 7))
    found = play(host, trained, levels)
    np.testing.assert_array_equal(found.classes, integer.run(trained, levels).classes)
    identity = host.identify()
    assert (identity.slots, identity.period) == (layout.skew, 2 * layout.skew)
    assert found.batches == tuple((count, layout.count_cycles(count).last[-1])
                                  for count in (20, 11))
    assert [identity.clocks(count) for count in (1, 20, 11)] == [
        layout.latency, *(clocks for _, clocks in found.batches)]


def test_refusals():
    trained = network(1)
    _, host = powered(trained)
    frames, sentence = np.zeros((3, 7), int), "^The board's weights are logic, and none can be lo"
    with pytest.raises(HostError, match=sentence):
        host.load(trained)
    with pytest.raises(HostError, match=sentence):
        host.run(trained, frames)
    other = replace(trained, biases={"hidden": trained.biases["hidden"] + 1})
    with pytest.raises(HostError, match="^The board has network .*: build a bitstream for it$"):
        play(host, other, frames)
    with pytest.raises(HostError, match=r"^Levels must be in 0\.\.2, not 5\.\.5"):
        play(host, trained, frames + 5)


def test_loads_of_any_length_and_none_that_is_damaged():
    trained = network(1)
    layout, host = powered(trained)
    place = {"space": 0, "bank": 0, "address": 0, "size": 4}

    def ends(words, said, checksum=0):
        host.ask(Command.BEGIN)
        host.ask(Command.WRITE, bytes(4 * words), **place)
        state = host.registers(11, 1)[0]
        return host.line.exchange(Command.END, words=said, checksum=state ^ checksum)[0]

    run = (1).to_bytes(4, "little")
    assert ends(2, 2) == Status.OK and ends(4, 4) == Status.OK  # A bank: a frame is 14 bits.
    assert ends(2, 3) == ends(3, 2) == ends(5, 5) == Status.INCOMPLETE
    assert ends(2, 2, checksum=1) == Status.CHECKSUM
    flags = RUN_FIRST | RUN_LAST
    assert host.line.exchange(Command.RUN, run, flags=flags)[0] == Status.DISARMED
    assert ends(1, 1) == Status.OK
    for count, status in ((5, Status.MALFORMED), (0, Status.MALFORMED), (1, Status.OK)):
        data = count.to_bytes(4, "little")
        assert host.line.exchange(Command.RUN, data, flags=flags)[0] == status
    assert host.registers(10, 1) == [layout.latency]


def test_a_board_in_memories_plays_nothing(tiny):
    from host_interface_cases import powered as engine
    trained = network(1)
    with pytest.raises(HostError, match="^The board's network is not logic: load its weights"):
        play(engine(trained), trained, np.zeros((1, 7), int))
