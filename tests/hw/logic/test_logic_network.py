import itertools
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from random_cases import Draw
from test_random_graphs import draw_graph
from test_random_networks import draw_network

from qblif.golden import integer
from qblif.golden.spec import (
    Decay,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Quantiser,
    Reset,
)
from qblif.golden.spec.artifact import Trained
from qblif.hw.logic.argmax import ArgMaxTree
from qblif.hw.logic.layout import LogicLayout, argmax_latency
from qblif.hw.logic.matrix import synapse_matrix
from qblif.hw.logic.network import LogicNetworkCore
from qblif.hw.logic.weighted_sums import METHODS
from qblif.hw.verilog import to_verilog
from qblif.sim.logic import run_logic
from qblif.sim.stream import simulate_component


def two_layers(timesteps=1, static=True, quantiser=None):
    """9 inputs, 6 neurons, 5 scores; the input also leads to the last population."""
    rng = np.random.default_rng(3)
    hidden = Population(
        name="hidden", shape=(6,), sum_width=10, bias_width=6,
        neuron=Neuron(leak=Decay((1,)), quantiser=Quantiser(n_max=3, theta=16), v_width=12,
                      reset=Reset(kind="subtract")))
    last = Population(name="last", shape=(5,), sum_width=10, bias_width=5,
                      neuron=Neuron(quantiser=quantiser, v_width=12))
    synapses = (Dense(source="input", target="hidden", w_width=5),
                Dense(source="hidden", target="last", w_width=5),
                Dense(source="input", target="last", w_width=3))
    spec = Network(timesteps=timesteps, input=Input(shape=(9,), n_max=3, static=static),
                   populations=(hidden, last), synapses=synapses)
    weights = {s.name: rng.integers(-(1 << s.w_width - 1), 1 << s.w_width - 1,
                                    spec.weight_shape(s)).astype(np.int32) for s in synapses}
    biases = {"hidden": rng.integers(-20, 20, 6).astype(np.int32),
              "last": rng.integers(-10, 10, 5).astype(np.int32)}
    return Trained(spec, weights, biases)


def frames_of(trained, count=12):
    spec = trained.spec
    lead = () if spec.input.static else (spec.timesteps,)
    return np.random.default_rng(5).integers(0, spec.input.n_max + 1,
                                             (count, *lead, spec.input.size))


def assert_golden(trained, frames, rtl):
    """Every level, score and class."""
    golden = integer.run(trained, frames)
    for population in trained.spec.firing:
        np.testing.assert_array_equal(rtl.levels[population.name], golden.levels[population.name])
    np.testing.assert_array_equal(rtl.scores, golden.scores)
    np.testing.assert_array_equal(rtl.classes, golden.classes)


STATIC = pytest.mark.parametrize("static", [True, False])
LAST = pytest.mark.parametrize("quantiser", [None, Quantiser(n_max=2, theta=8)],
                               ids=["scores", "fires"])


@STATIC
@LAST
@pytest.mark.parametrize("timesteps", [1, 2, 3])
def test_a_frame_a_clock(timesteps, quantiser, static):
    trained = two_layers(timesteps, static, quantiser)
    layout, frames = LogicLayout(trained), frames_of(trained)
    rtl = run_logic(layout, frames)
    assert_golden(trained, frames, rtl)
    np.testing.assert_array_equal(rtl.entered, np.arange(len(frames)))
    np.testing.assert_array_equal(rtl.valid, layout.latency + np.arange(len(frames)))


@STATIC
@LAST
@pytest.mark.parametrize("timesteps", [2, 3])
def test_a_timestep_a_clock(timesteps, quantiser, static):
    """As many frames as the loop has clocks, then none until they have gone through it."""
    trained = two_layers(timesteps, static, quantiser)
    layout, frames = LogicLayout(trained, interleaved=True), frames_of(trained, 17)
    rtl = run_logic(layout, frames)
    assert_golden(trained, frames, rtl)
    slots = layout.skew
    expected = [k // slots * slots * timesteps + k % slots for k in range(len(frames))]
    assert slots > 3 and rtl.entered.tolist() == expected
    np.testing.assert_array_equal(rtl.valid, rtl.entered + layout.latency)
    cycles = layout.count_cycles(len(frames))
    np.testing.assert_array_equal(rtl.entered, cycles.first)
    np.testing.assert_array_equal(rtl.valid, cycles.last)


@STATIC
@pytest.mark.parametrize("interleaved", [False, True])
def test_clocks_without_a_frame(interleaved, static):
    """Whatever the input has then; a frame that comes alone enters at once."""
    trained = two_layers(3, static)
    layout, frames = LogicLayout(trained, interleaved=interleaved), frames_of(trained, 9)
    gaps = {0, 1, 3, 4, 7, *range(12, 80)}
    rtl = run_logic(layout, frames, gaps)
    assert_golden(trained, frames, rtl)
    np.testing.assert_array_equal(rtl.valid, rtl.entered + layout.latency)
    assert gaps.isdisjoint(rtl.entered) and {2, 80} <= set(rtl.entered.tolist())


def test_interleaved_has_the_logic_of_one_timestep():
    """Adders of the sums of a static input are there once anyway."""
    trained = two_layers(3)
    layouts = LogicLayout(two_layers(1)), LogicLayout(trained), LogicLayout(trained,
                                                                            interleaved=True)
    found = [re.findall(r"^module \\\S*\.(\w+_adders_\d+|last_0_\d+) ", to_verilog(
        LogicNetworkCore(layout), "logic"), re.M) for layout in layouts]
    assert [sum("adders" in name for name in names) for names in found] == [2, 4, 2]
    assert [sum("adders" not in name for name in names) for names in found] == [0, 3, 1]
    assert layouts[2].luts < layouts[1].luts


def test_one_timestep_is_not_interleaved():
    with pytest.raises(ValueError, match="^Timesteps cannot be interleaved: the network has only "):
        LogicLayout(two_layers(1), interleaved=True)


@pytest.mark.parametrize("method", METHODS)
def test_thresholds_between_even_sums(method):
    """Thresholds and biases have bits below those of the sums, whose weights are even."""
    trained = two_layers()
    spec, thetas = trained.spec, np.array([5, 16, 7, 11, 13, 3], np.int32)
    hidden = replace(spec.populations[0], sum_width=12, thetas=True)
    spec = replace(spec, populations=(hidden, spec.populations[1]), synapses=(
        replace(spec.synapses[0], w_width=8), *spec.synapses[1:]))
    weights = trained.weights | {"input->hidden": trained.weights["input->hidden"] // 4 * 8}
    weights["input->hidden"][2] //= 2
    weights["input->hidden"][5] = 0
    trained = Trained(spec, weights, trained.biases, thetas={"hidden": thetas})
    layout, frames = LogicLayout(trained, method), frames_of(trained, 60)
    golden, rtl = integer.run(trained, frames), run_logic(layout, frames)
    np.testing.assert_array_equal(rtl.levels["hidden"], golden.levels["hidden"])
    np.testing.assert_array_equal(rtl.scores, golden.scores)


@pytest.mark.parametrize("name", ["input->hidden", "hidden->last", "input->last"])
def test_another_weight_is_seen(name):
    trained = two_layers()
    weights = trained.weights | {name: trained.weights[name].copy()}
    weights[name][4, 4] ^= 2
    frames = frames_of(trained, 40)
    rtl = run_logic(LogicLayout(replace(trained, weights=weights)), frames)
    assert (rtl.scores != integer.run(trained, frames).scores.numpy()).any()


def test_more_registers_the_fewer_adders_in_a_row():
    latency = [LogicLayout(two_layers(), "compressors", adders).latency for adders in (1, 2, 3, 8)]
    assert latency == sorted(latency, reverse=True) and latency[0] > latency[-1] + 3


@pytest.mark.parametrize("adders", [0, 65])
def test_no_such_pipeline(adders):
    with pytest.raises(ValueError, match=f"^Adders in a row must be in 1..64, not {adders}$"):
        LogicLayout(two_layers(), "compressors", adders)


def test_recurrent_synapses_are_refused():
    trained = two_layers(2)
    back = Dense(source="hidden", target="hidden", w_width=2)
    spec = replace(trained.spec, synapses=(*trained.spec.synapses, back))
    looped = Trained(spec, trained.weights | {back.name: np.ones((6, 6), np.int32)},
                     trained.biases)
    with pytest.raises(ValueError, match="^Synapse hidden->hidden is recurrent, and a network"):
        LogicLayout(looped, "compressors")


@pytest.mark.parametrize("seed", range(20))
def test_matrix_of_a_synapse(seed):
    draw = Draw(seed)
    trained = draw_graph(draw) if seed % 4 else draw_network(draw)
    spec = trained.spec
    for synapse in spec.synapses:
        source, target = spec.source(synapse.source), spec.source(synapse.target)
        weights = trained.weights[synapse.name]
        each = integer.synapse_sum(synapse, torch.as_tensor(weights),
                                   torch.eye(source.size, dtype=torch.int32), 1, source.shape,
                                   target.shape)
        np.testing.assert_array_equal(synapse_matrix(spec, synapse, weights), each.numpy().T)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_argmax_of_all_scores(size):
    dut, found = ArgMaxTree(size, 2), []
    vectors, latency = list(itertools.product(range(-2, 2), repeat=size)), argmax_latency(size)

    async def drive(ctx):
        for scores in vectors + vectors[:1] * latency:
            ctx.set(dut.scores, scores)
            if latency:
                _, _, label = await ctx.tick().sample(dut.label)
            else:
                label = ctx.get(dut.label)
            found.append(int(label))

    if not latency:  # No register, so no clock.
        assert vectors and dut.size == 1
        return
    simulate_component(dut, drive, timeout=len(vectors) + 10)
    assert found[latency:] == [int(np.argmax(scores)) for scores in vectors]


def test_verilog_has_neither_memories_nor_multipliers():
    text = to_verilog(LogicNetworkCore(LogicLayout(two_layers())), "qblif_logic")
    assert re.search(r"^module qblif_logic\(", text, re.M)
    assert not re.search(r"\breg\b.*\]\s*\\?\w+\s*\[", text) and not re.search(r" \* \w", text)
