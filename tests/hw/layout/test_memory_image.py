import numpy as np
import pytest
from amaranth.hdl import Fragment

from qblif.golden.spec import Dense, Input, Neuron, Population, Quantiser
from qblif.golden.spec import Network as NetworkSpec
from qblif.golden.spec.artifact import Trained
from qblif.hw.core.network import NetworkCore
from qblif.hw.layout.compile import compile
from qblif.hw.layout.memories import pack
from qblif.hw.layout.memory_image import load_writes
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.verilog import describe_ports


def trained(w_width=8, bias_width=7, sizes=(13, 11, 5)):
    inputs, hidden, out = sizes
    neuron = Neuron(quantiser=Quantiser(n_max=3, theta=16), v_width=14)
    spec = NetworkSpec(
        timesteps=2, input=Input(shape=(inputs,), n_max=3),
        populations=[
            Population(name="hidden", shape=(hidden,), neuron=neuron, sum_width=22,
                       bias_width=bias_width),
            Population(name="out", shape=(out,), neuron=Neuron(quantiser=None, v_width=14),
                       sum_width=22, bias_width=3)],
        synapses=[Dense(source="input", target="hidden", w_width=w_width),
                  Dense(source="hidden", target="out", w_width=w_width)])
    draw = np.random.default_rng(sum(sizes))

    def integers(width, *shape):
        return draw.integers(-(1 << width - 1), 1 << width - 1, shape).astype(np.int32)
    return Trained(spec, {"input->hidden": integers(w_width, hidden, inputs),
                          "hidden->out": integers(w_width, out, hidden)},
                   {"out": integers(3, out)} | (
                       {"hidden": integers(bias_width, hidden)} if bias_width else {}))


def layout_of(network, *stages):
    return compile(network.spec, Plan(stages=stages))


def ports_of(layout):
    """The manifest's ports, without the Verilog."""
    hardware = NetworkCore(layout)
    Fragment.get(hardware, None)  # Amaranth warns of what is never elaborated.
    return describe_ports(hardware)


def signed(word, position, width):
    value = word >> position * width & (1 << width) - 1
    return value - (1 << width) if value >> width - 1 else value


def memories(network, layout):
    """What the writes leave: ``{(stage, bank): {address: data}}``; each word is written once."""
    found = {}
    for write in load_writes(network, layout):
        bank = found.setdefault((write.stage, write.bank), {})
        assert write.address not in bank
        bank[write.address] = write.data
    return found


def read_weights(found, index, stage, shape, w_width):
    """The weight matrix with the rows that pad it, word by word as the hardware reads it."""
    targets, sources = shape
    rows = np.zeros((-(-targets // stage["lanes"]) * stage["lanes"], sources), int)
    for target in range(len(rows)):
        group, lane = divmod(target, stage["lanes"])
        bank, position = divmod(lane, stage["slice_lanes"])
        for source in range(sources):
            word = found[index, bank][group * sources + source]
            rows[target, source] = signed(word, position, w_width)
    assert not rows[targets:].any()
    return rows[:targets]


PLANS = [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 4, 5), (5, 1, 3), (8, 8, 4), (11, 1, 5), (12, 4, 6)]


@pytest.mark.parametrize("w_width", [2, 5, 8, 13])
@pytest.mark.parametrize("lanes, fire_lanes, out_lanes", PLANS)
def test_writes_reconstruct_the_network(lanes, fire_lanes, out_lanes, w_width):
    network = trained(w_width)
    layout = layout_of(network, StagePlan(lanes=lanes, fire_lanes=fire_lanes),
                       StagePlan(lanes=out_lanes))
    found = memories(network, layout)
    for index, stage in enumerate(layout.describe()):
        edge, = stage["synapses"]
        population = network.spec.source(stage["name"])
        expected = network.weights[f"{edge['source']}->{stage['name']}"]
        np.testing.assert_array_equal(
            read_weights(found, index, edge, expected.shape, w_width), expected)
        for neuron, bias in enumerate(network.biases[population.name].tolist()):
            vector, lane = divmod(neuron, stage["fire_lanes"])
            word = found[index, edge["slices"] + lane][vector]
            assert signed(word, 0, population.bias_width) == bias


def test_several_slices():
    network = trained()
    stage, = layout_of(network, StagePlan(lanes=11), StagePlan(lanes=5)).describe()[0]["synapses"]
    assert stage["slices"] > 1 and stage["lanes"] % stage["slice_lanes"]
    assert stage["slices"] * stage["slice_lanes"] >= stage["lanes"]


@pytest.mark.parametrize("lanes, fire_lanes, out_lanes", PLANS)
def test_writes_fit_the_load_port(lanes, fire_lanes, out_lanes):
    network = trained(13)
    layout = layout_of(network, StagePlan(lanes=lanes, fire_lanes=fire_lanes),
                       StagePlan(lanes=out_lanes))
    load, = (port for port in ports_of(layout) if port["name"] == "load")
    widths = {field["name"]: field["width"] for field in load["fields"]}
    for write in load_writes(network, layout):
        for name, value in write._asdict().items():
            assert 0 <= value < 1 << widths[name]
    for write in load_writes(network, layout):
        bank = layout.stages[write.stage].load_banks[write.bank]
        assert write.address < bank.depth and write.data >> bank.width == 0
    assert layout.load_words == len(list(load_writes(network, layout)))


def test_no_bias_no_bias_writes():
    network = trained(bias_width=0)
    layout = layout_of(network, StagePlan(lanes=4), StagePlan(lanes=5))
    assert {bank.kind for bank in layout.stages[0].load_banks} == {"weights"}
    banks = range(len(layout.stages[0].load_banks))
    assert all(w.bank in banks for w in load_writes(network, layout) if w.stage == 0)


def test_one_changed_weight_changes_one_word():
    network = trained()
    layout = layout_of(network, StagePlan(lanes=4), StagePlan(lanes=5))
    before = list(load_writes(network, layout))
    network.weights["input->hidden"][6, 2] ^= 1
    after = list(load_writes(network, layout))
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1 and changed[0][0].data ^ changed[0][1].data == 1 << 2 * 8


@pytest.mark.parametrize("values, width, start, count, word", [
    ([1, 2, 3], 4, 0, None, 0x321), ([-1, 0, -8], 4, 0, None, 0x80F), ([1, 2, 3], 4, 1, 2, 0x32),
    ([1, 2, 3], 4, 2, 5, 0x3), ([1, 2, 3], 4, 3, 2, 0), ([], 4, 0, None, 0)])
def test_pack(values, width, start, count, word):
    assert pack(values, width, start, count) == word
