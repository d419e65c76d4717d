import hashlib
import json
import re

import numpy as np
import pytest
from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from qblif.golden.spec import Conv2d, Decay, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import compile
from qblif.hw.layout.passes import ORDERS
from qblif.hw.layout.plan import Plan, StagePlan, make_plan
from qblif.hw.verilog import generate, to_verilog


def network():
    hidden = Neuron(leak=Decay((2,)), quantiser=Quantiser(n_max=7, theta=32), v_width=12)
    spec = Network(
        timesteps=2, input=Input(shape=(9,), n_max=5),
        populations=[
            Population(name="hidden", shape=(11,), neuron=hidden, sum_width=14, bias_width=4),
            Population(name="out", shape=(3,), neuron=Neuron(quantiser=None, v_width=13),
                       sum_width=14)],
        synapses=[Dense(source="input", target="hidden", w_width=6),
                  Dense(source="hidden", target="out", w_width=8)])
    draw = np.random.default_rng(2)
    return Trained(spec, {"input->hidden": draw.integers(-32, 32, (11, 9)).astype(np.int32),
                          "hidden->out": draw.integers(-128, 128, (3, 11)).astype(np.int32)},
                   {"hidden": draw.integers(-8, 8, 11).astype(np.int32)})


TRAINED = network()
PLAN = make_plan(TRAINED.spec, lanes=4)


@pytest.fixture(scope="module")
def loadable():
    return generate(compile(TRAINED.spec, PLAN))


@pytest.fixture(scope="module")
def baked():
    return generate(compile(TRAINED.spec, PLAN), TRAINED)


@pytest.fixture(params=["loadable", "baked"])
def generated(request):
    return request.getfixturevalue(request.param)


def port(manifest, name):
    found, = (p for p in manifest["ports"] if p["name"] == name)
    return found


def module_ports(text, name):
    """``{port: (direction, width)}`` as the Verilog module declares them."""
    body = re.search(rf"^module {re.escape(name)}\(.*?^endmodule", text, re.M | re.S)[0]
    return {found[3]: (found[1], int(found[2] or 0) + 1) for found in re.finditer(
        r"^\s*(input|output)\s+(?:reg\s+|wire\s+)?(?:signed\s+)?(?:\[(\d+):0\]\s+)?(\w+)\s*;",
        body, re.M)}


# The manifest.

def test_manifest_is_plain(generated):
    assert json.loads(json.dumps(generated.manifest)) == generated.manifest | {
        "plan": json.loads(json.dumps(generated.manifest["plan"]))}


def test_ports_are_those_of_the_module(generated):
    manifest = generated.manifest
    declared = module_ports(generated.verilog, manifest["top"])
    assert declared.pop(manifest["clock"]) == declared.pop(manifest["reset"]) == ("input", 1)
    assert declared == {p["name"]: (p["direction"], p["width"]) for p in manifest["ports"]}


def test_ports_by_name(loadable):
    directions = {p["name"]: (p["direction"], p["width"]) for p in loadable.manifest["ports"]}
    for name, expected in {
            "i__valid": ("input", 1), "i__ready": ("output", 1), "i__payload": ("input", 4 + 3 + 1),
            "o__valid": ("output", 1), "o__ready": ("input", 1), "load_valid": ("input", 1),
            "clear": ("input", 1), "cycles": ("output", 32), "events_input_hidden": ("output", 32),
            "words_hidden_out": ("output", 32), "trace_hidden_valid": ("output", 1)}.items():
        assert directions[name] == expected


def test_fields_fill_their_port_without_overlap(generated):
    layered = [p for p in generated.manifest["ports"] if "fields" in p]
    assert {"i__payload", "load", "trace_out"} <= {p["name"] for p in layered}
    for described in layered:
        bits = [bit for field in described["fields"]
                for bit in range(field["offset"], field["offset"] + field["width"])]
        assert bits == list(range(described["width"]))
        names = [field["name"] for field in described["fields"]]
        assert len(set(names)) == len(names)


def test_fields_of_the_input(loadable):
    assert [(f["name"], f["offset"], f["width"]) for f in
            port(loadable.manifest, "i__payload")["fields"]] == [
        ("address", 0, 4), ("level", 4, 3), ("end", 7, 1)]


def test_membranes_alone_are_signed(loadable):
    for field in port(loadable.manifest, "trace_hidden")["fields"]:
        assert field["signed"] == field["name"].startswith("membranes")


def test_stages_follow_the_plan(generated):
    assert [(s["name"], tuple(e["lanes"] for e in s["synapses"]), s["fire_lanes"])
            for s in generated.manifest["stages"]] == [
        (s.name, s.plan.lanes, s.fire_lanes) for s in generated.layout.stages]
    for stage in generated.manifest["stages"]:
        size = TRAINED.spec.source(stage["name"]).size
        assert stage["beats"] * stage["fire_lanes"] >= size
        for synapse in stage["synapses"]:
            assert synapse["slices"] * synapse["slice_lanes"] >= synapse["lanes"]


def test_digests(loadable, baked):
    for generated in (loadable, baked):
        manifest = generated.manifest
        assert manifest["verilog_sha256"] == hashlib.sha256(
            generated.verilog.encode()).hexdigest()
        assert manifest["network_digest"] == TRAINED.spec.digest
        assert Network.from_dict(manifest["network"]) == TRAINED.spec
    assert loadable.manifest["weights_digest"] is None
    assert baked.manifest["weights_digest"] == TRAINED.weights_digest


def test_other_top_name():
    generated = generate(compile(TRAINED.spec, PLAN), name="digits")
    assert generated.manifest["top"] == "digits" and "\nmodule digits(" in generated.verilog


# The text.

def test_text_is_deterministic(loadable, baked):
    assert generate(compile(TRAINED.spec, PLAN)) == loadable
    assert generate(compile(TRAINED.spec, PLAN), network()) == baked


def test_no_name_with_an_index(generated):
    assert not re.findall(r"\\\S*\[\d+\]", generated.verilog)


def multiplies(text):
    return "$mul" in text or " * " in text


@pytest.mark.parametrize("lanes, burst", [(1, "repeat"), (3, "shift"), (8, "shift")])
def test_no_multiplier_in_the_text(lanes, burst):
    plan = make_plan(TRAINED.spec, lanes=lanes, burst=burst)
    assert not multiplies(generate(compile(TRAINED.spec, plan)).verilog)


def test_a_multiplier_would_be_seen():
    class Product(wiring.Component):
        a: In(8)
        b: In(8)
        product: Out(16)

        def elaborate(self, platform):
            m = Module()
            m.d.sync += self.product.eq(self.a * self.b)
            return m
    assert multiplies(to_verilog(Product(), "product"))


def test_memory_contents_are_there_where_baked_alone(loadable, baked):
    contents = re.compile(r"^    \w+\[\d+\] = \d+'h", re.M)
    assert not contents.findall(loadable.verilog)
    weights = sum(e["depth"] * e["slices"] for s in baked.manifest["stages"]
                  for e in s["synapses"])
    assert len(contents.findall(baked.verilog)) >= weights


def test_every_weight_is_in_the_text(baked):
    for name, row, column in (("input->hidden", 0, 0), ("input->hidden", 10, 8),
                              ("hidden->out", 2, 10)):
        other = network()
        other.weights[name][row, column] ^= 1
        changed = generate(compile(TRAINED.spec, PLAN), other)
        assert changed.verilog != baked.verilog
        assert changed.manifest["weights_digest"] != baked.manifest["weights_digest"]


@pytest.fixture(scope="module", params=ORDERS)
def maps(request):
    fires, last = (Neuron(quantiser=q, v_width=12) for q in (Quantiser(n_max=3, theta=16), None))
    spec = Network(
        timesteps=2, input=Input(shape=(2, 4, 5), n_max=3, static=False), populations=[
            Population(name="map", shape=(3, 4, 5), neuron=fires, sum_width=12),
            Population(name="out", shape=(2,), neuron=last, sum_width=14)],
        synapses=[Conv2d(source="input", target="map", kernel=3, padding=1, w_width=4),
                  Dense(source="map", target="out", w_width=4)])
    stages = StagePlan(lanes=3, ports=2), StagePlan(lanes=2)
    return generate(compile(spec, Plan(stages=stages, order=request.param)))


def test_text_of_maps(maps):
    for check in (test_manifest_is_plain, test_ports_are_those_of_the_module,
                  test_fields_fill_their_port_without_overlap, test_no_name_with_an_index):
        check(maps)
    assert not multiplies(maps.verilog) and generate(maps.layout) == maps


def test_ports_of_maps(maps):
    """With timesteps innermost an address has the timestep in it."""
    bits = maps.layout.plan.order == "inner"
    ports = {p["name"]: (p["direction"], p["width"]) for p in maps.manifest["ports"]}
    assert ports["i__payload"] == ("input", 1 + 3 + 2 + bits + 2 + 1)
    assert ports["disorder"] == ("output", 1)
    assert port(maps.manifest, "trace_map")["fields"][0]["width"] == 2 + 3 + 2


# What cannot be generated.

def test_read_out_that_is_a_map():
    last = Population(name="out", shape=(2, 1, 2), sum_width=20,
                      neuron=Neuron(quantiser=None, v_width=20))
    spec = Network(timesteps=1, input=Input(shape=(1, 1, 2), n_max=1), populations=[last],
                   synapses=[Conv2d(source="input", target="out", kernel=1)])
    with pytest.raises(ValueError, match=r"^Population out must be flat, as it gives the "
                                         r"classes, not \(2, 1, 2\)$"):
        generate(compile(spec, make_plan(spec, lanes=1)))


def test_plan_of_another_network():
    spec = TRAINED.spec
    short = Network(timesteps=2, input=spec.input, populations=spec.populations[1:],
                    synapses=[Dense(source="input", target="out")])
    with pytest.raises(ValueError, match="^Plan must have 1 stages, not 2$"):
        generate(compile(short, PLAN))


def test_population_names_that_make_one_port():
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=8), v_width=12)
    spec = Network(
        timesteps=1, input=Input(shape=(2,), n_max=1),
        populations=[Population(name="x", shape=(2,), neuron=fires, sum_width=12),
                     Population(name="x_valid", shape=(2,), sum_width=12,
                                neuron=Neuron(quantiser=None, v_width=12))],
        synapses=[Dense(source="input", target="x"), Dense(source="x", target="x_valid")])
    with pytest.raises(ValueError, match="^Population name 'x_valid' makes a second port"):
        generate(compile(spec, make_plan(spec, lanes=1)))
