"""A simulation that hangs fails within a minute, and says what waits."""

import re
import time

import numpy as np
import pytest
from mutants import mutant
from needs import needs

from qblif.boards.host.host import Host
from qblif.boards.host.line import HostError, open_port
from qblif.golden.spec import Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.core import dense_engine, dense_synapse
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link import host_interface
from qblif.hw.link.host_interface import HostInterface
from qblif.sim import simulators, virtual_board
from qblif.sim.bench import prepare, simulate
from qblif.sim.pysim_port import PysimPort
from qblif.sim.result import Stalls
from qblif.sim.simulators import SimulatorError, build
from qblif.sim.stall import describe_stall
from qblif.sim.virtual_board import VirtualBoard

MINUTE = 60


# Completes sums while the ones before are still unread.
Greedy = mutant(dense_synapse.DenseSynapse, "unread.eq(unread + end - self.release)",
                "unread.eq(0)")


class Mute(NetworkCore):
    """Gives no result."""

    def elaborate(self, platform):
        m = super().elaborate(platform)
        m.d.comb += self.o.valid.eq(0)
        return m


def slow_network():
    """A read-out that waits for a slow population, with a quick synapse past it."""
    spec = Network(
        timesteps=6, input=Input(shape=(3,), n_max=1, static=False), populations=[
            Population(name="hidden", shape=(40,), sum_width=10, neuron=Neuron(
                quantiser=Quantiser(n_max=1, theta=16), v_width=10)),
            Population(name="out", shape=(2,), sum_width=10,
                       neuron=Neuron(quantiser=None, v_width=10))],
        synapses=[Dense(source="input", target="hidden"), Dense(source="input", target="out"),
                  Dense(source="hidden", target="out")])
    trained = Trained(spec, {"input->hidden": np.full((40, 3), 9, np.int32),
                             "input->out": np.ones((2, 3), np.int32),
                             "hidden->out": np.ones((2, 40), np.int32)}, {})
    return trained, compile(spec, Plan(stages=(
        StagePlan(lanes=40, fire_lanes=1), StagePlan(lanes=2))))


def test_a_buffer_too_many(monkeypatch, tmp_path, quick, cache):
    trained, layout = slow_network()
    frames = np.ones((3, 6, 3), int)
    assert simulate(trained, layout, frames, simulator=quick, out_dir=tmp_path, cache=cache).ok
    monkeypatch.setattr(dense_engine, "DenseSynapse", Greedy)
    started = time.monotonic()
    result = simulate(trained, layout, frames, simulator=quick, out_dir=tmp_path, cache=cache,
                      patience=3000)
    assert time.monotonic() - started < MINUTE
    assert result.stalled and len(result.results) < 3
    finding, = result.findings
    assert re.match(
        r"stalled: 0 of 3 results after 3 whole frames of input; frame 0 does not come out; all "
        r"input was accepted, but no result comes; hidden offers nothing after 80 vectors; out "
        r"offers nothing after 4 vectors; the trace seen last is that of out, in cycle \d+ of "
        r"\d+$", finding)


@pytest.mark.parametrize("patience", [None, 3000])
def test_sink_that_never_accepts(tiny, tmp_path, quick, cache, patience):
    trained, layout, frames = tiny
    started = time.monotonic()
    bench = prepare(trained, layout, frames, simulator=quick, out_dir=tmp_path,
                    stalls=Stalls(stall=256), patience=patience)
    result = bench.check(bench.run(bench.build(cache)))
    assert time.monotonic() - started < MINUTE and result.stalled
    assert "; the result waits on o, which nobody accepts; hidden " in result.findings[0]
    assert "; out offers what is not accepted after 9 vectors; " in result.findings[0]


def test_board_in_pysim(monkeypatch):
    """The host hears of it at once, however long it would wait for an answer."""
    monkeypatch.setattr(host_interface, "NetworkCore", Mute)  # In pysim a Greedy is asserted.
    trained, layout = slow_network()
    port = PysimPort(HostInterface(layout, clock_hz=1_000_000, levels=False),
                     patience=2000)
    host = Host(port, timeout=600)
    host.load(trained)
    started = time.monotonic()
    with pytest.raises(HostError, match=(
            r"^The board is gone \(it works on a request, and nothing has moved for 2000 cycles: i "
            r"offers nothing, hidden offers nothing, out offers nothing\): plug ")):
        host.run(trained, np.ones((1, 6, 3), int))
    assert time.monotonic() - started < MINUTE


def test_virtual_board(monkeypatch, tmp_path, cache):
    needs("verilator")
    monkeypatch.setattr(dense_engine, "DenseSynapse", Greedy)
    monkeypatch.setattr(virtual_board, "STANDSTILL", 20_000)
    trained, layout = slow_network()
    board = VirtualBoard(layout, levels=False, cache=cache)
    started = time.monotonic()
    with pytest.raises(SimulatorError, match=(
            r"^The virtual board stalled: it works on a request, and nothing has moved for 20000 "
            r"cycles: i offers nothing, hidden offers nothing, out offers nothing$")):
        with board, open_port(board.port, 1_000_000) as port:
            host = Host(port, timeout=5, tries=2)
            host.load(trained)
            with pytest.raises(HostError, match="^The board on .* does not answer run"):
                host.run(trained, np.ones((1, 6, 3), int))
    assert time.monotonic() - started < MINUTE


STUCK = """\
`timescale 1ns/1ps
module stuck;
    reg a = 0;
    initial begin
        $display("about to oscillate");
        forever a = #0 ~a;
    end
endmodule
"""


WAITS = """\
import cocotb
from cocotb.triggers import Timer

@cocotb.test()
async def wait(dut):
    await Timer(1, "us")
"""


def test_simulator_that_prints_nothing(tmp_path, quick, monkeypatch):
    """Time stands still in it: no watchdog of its own can help."""
    if quick != "icarus":
        pytest.skip("Verilator stops such a design by itself")
    source = tmp_path / "stuck.v"
    source.write_text(STUCK)
    (tmp_path / "waits.py").write_text(WAITS)
    monkeypatch.syspath_prepend(str(tmp_path))
    built = build(quick, [source], "stuck", tmp_path / "cache")
    started = time.monotonic()
    with pytest.raises(SimulatorError, match=(
            r"^The simulator printed nothing for 10 s and was ended: the design may oscillate "
            r"within a cycle; what came last was '.+'; see .*run.log$")):
        simulators.run(quick, built, "stuck", "waits", tmp_path, silence=10)
    assert time.monotonic() - started < MINUTE


OUTCOME = {"stalled": True, "streams": 0, "inner": 0, "entered": 2, "results": 1, "i_done": 0,
           "cycle": 900, "vectors": [8, 3], "seen": [70, 60]}


@pytest.mark.parametrize("changed, words", [
    ({}, ("no stream waits: the input has paused; a offers nothing after 8 vectors; b offers "
         "nothing after 3 vectors; the trace seen last is that of a, in cycle 70 of 900")),
    ({"streams": 0b0001}, "the input waits on i, which the network does not accept; a offers"),
    ({"streams": 0b0101, "inner": 0b0001}, ("the result waits on o, which nobody accepts; a offers "
                                           "what is not accepted after 8 vectors; b offers noth")),
    ({"i_done": 1, "inner": 0b1010}, ("all input was accepted, but no result comes; a offers "
                                     "nothing after 8 vectors; b is being served after 3 vectors")),
    ({"inner": None, "seen": [0, 0]}, "no trace was seen")])
def test_sentences(changed, words):
    sentence = describe_stall(OUTCOME | changed, 5, ["a", "b"])
    assert sentence.startswith("stalled: 1 of 5 results after 2 whole frames of input; frame 1 ")
    assert words in sentence


def test_nothing_stalled():
    assert describe_stall(OUTCOME | {"stalled": False}, 5, ["a", "b"]) is None
