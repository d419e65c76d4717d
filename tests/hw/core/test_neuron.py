import itertools
import random
from math import isqrt

import pytest
import torch
from amaranth.hdl import Cat, Module, Shape, Signal, Value

from qblif.golden import neuron as golden
from qblif.golden.spec import Decay, Population, Quadratic, Quantiser, Reset, Synaptic
from qblif.golden.spec import Neuron as NeuronSpec
from qblif.golden.spec.axes import spaced_levels
from qblif.golden.training.config import TrainConfig
from qblif.golden.training.presets import PRESETS, with_preset
from qblif.hw.core.neuron import NeuronCore
from qblif.sim.stream import simulate_component

LEAKS = [Decay(), Decay((1,)), Decay((2,)), Decay((0,)), Decay((1,), (2,)), Decay((2, 3))]
RESETS = [Reset(kind="none"), Reset(kind="subtract"), Reset(kind="zero"), Reset(kind="late"),
          Reset(kind="held"),
          *(Reset(kind=kind, gate=gate) for kind in ("gate", "gate-input")
            for gate in (Decay((0,)), Decay(), Decay((1,)), Decay((1, 2)), Decay((1,), (2,))))]


def population_of(neuron, sum_width, bias_width):
    return Population(name="p", shape=(1,), neuron=neuron, sum_width=sum_width,
                      bias_width=bias_width)


def rtl(population, kind, steps):
    """``(level, v)`` of each step ``(v, fired, sum, bias)``, one a cycle; where there is a synaptic
    current, ``(level, v, current)`` of ``(v, fired, sum, bias, current)``.

    Cores side by side take them in turn, the more the longer the steps: to a simulator in Python,
    its cycles cost more than the cores.
    """
    cores = [NeuronCore(population, kind) for _ in range(max(1, isqrt(len(steps)) // 8))]
    dut, core = Module(), cores[0]
    dut.submodules += cores
    # Bits, and one signal each: a hundred thousand take seconds.
    given, taken = (Signal(sum(len(Value.cast(port)) for port in ports)) for ports in (
        [core.i for core in cores], [core.o for core in cores]))
    dut.d.comb += [Cat(Value.cast(core.i) for core in cores).eq(given),
                   taken.eq(Cat(Value.cast(core.o) for core in cores))]
    more = ["current"] if population.neuron.synaptic else []
    pack = packer(core.i.shape(), "v", "fired", "sum", "bias", *more)
    i_width, o_width = len(Value.cast(core.i)), len(Value.cast(core.o))
    rows = [steps[k:k + len(cores)] for k in range(0, len(steps), len(cores))]
    found = []

    async def feed(ctx):
        for row in rows + [rows[-1]] * core.latency:
            ctx.set(given, sum(pack(step) << k * i_width for k, step in enumerate(row)))
            _, _, bits = await ctx.tick().sample(taken)
            found.append(bits)

    simulate_component(dut, feed, timeout=len(rows) + 20)
    # The sample of a tick is taken before its edge.
    words = [bits >> k * o_width & (1 << o_width) - 1
             for row, bits in zip(rows, found[core.latency:], strict=True)
             for k in range(len(row))]
    return list(zip(*(column(core.o.shape(), name, words)
                      for name in ("level", "v", *more)), strict=True))


def place(layout, name):
    """``(offset, shape)`` of a field, or of one of the state's."""
    if name in ("v", "fired", "current"):
        offset, shape = place(layout["state"].shape, name + " ")
        return layout["state"].offset + offset, shape
    field = layout[name.rstrip()]
    return field.offset, Shape.cast(field.shape)


def packer(layout, *names):
    """A function that packs values of the fields ``names`` into bits."""
    places = [(offset, (1 << shape.width) - 1)
              for offset, shape in (place(layout, name) for name in names)]
    return lambda values: sum((value & mask) << offset for value, (offset, mask)
                              in zip(values, places, strict=True))


def column(layout, name, words):
    """The values of one field in words of bits."""
    offset, shape = place(layout, name)
    half = 1 << shape.width - 1 if shape.signed else 0
    return [((word >> offset & (1 << shape.width) - 1) ^ half) - half for word in words]


def expected(population, steps):
    v, fired, sum_, bias, *held = (torch.tensor(column) for column in zip(*steps, strict=True))
    current = sum_ + bias
    if held:
        # The given current is what a first timestep leaves where nothing was before it.
        current = golden.filter_currents(population.neuron, torch.stack([*held, current]))[1]
    level, v = golden.step(population.neuron, v, current, fired > 0)
    return list(zip(*(x.tolist() for x in (level, v, *([current] if held else []))), strict=True))


@pytest.mark.parametrize("reset", RESETS, ids=str)
@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_every_step_tiny(leak, reset):
    spec = NeuronSpec(leak=leak, reset=reset, v_width=4, quantiser=Quantiser(n_max=3, theta=2))
    population = population_of(spec, 5, 0)
    steps = [(v, fired, sum_, 0) for v, fired, sum_ in
             itertools.product(range(-8, 8), (0, 1), range(-16, 16))]
    for kind in ("slice", "ladder"):
        assert rtl(population, kind, steps) == expected(population, steps)


@pytest.mark.parametrize("output", NeuronSpec.OUTPUTS)
@pytest.mark.parametrize("spacing", Quantiser.SPACINGS)
@pytest.mark.parametrize("reset", RESETS[:6], ids=str)
@pytest.mark.parametrize("leak", [Decay((1,)), Quadratic(bits=3),
                                  Quadratic(gain=20, low=-3, high=9, bits=3)], ids=str)
def test_every_step_of_other_leaks_levels_and_outputs(leak, reset, spacing, output):
    spec = NeuronSpec(leak=leak, reset=reset, v_width=6, output=output,
                      quantiser=Quantiser(n_max=2, theta=8, spacing=spacing))
    population = population_of(spec, 4, 0)
    steps = [(v, fired, sum_, 0) for v, fired, sum_ in
             itertools.product(range(-32, 32), (0, 1), range(-8, 8))]
    for kind in ("slice", "ladder"):
        assert rtl(population, kind, steps) == expected(population, steps)


@pytest.mark.parametrize("spacing", Quantiser.SPACINGS)
@pytest.mark.parametrize("reset", RESETS, ids=str)
@pytest.mark.parametrize("theta, kinds", [(4, ("slice", "ladder")), (3, ("ladder",))])
def test_every_step_to_the_nearest_level(theta, kinds, reset, spacing):
    spec = NeuronSpec(leak=Decay((1,)), reset=reset, v_width=5, quantiser=Quantiser(
        n_max=4, theta=theta, spacing=spacing, rounding="nearest"))
    population = population_of(spec, 4, 0)
    steps = [(v, fired, sum_, 0) for v, fired, sum_ in
             itertools.product(range(-16, 16), (0, 1), range(-8, 8))]
    for kind in kinds:
        assert rtl(population, kind, steps) == expected(population, steps)


@pytest.mark.parametrize("reset", RESETS[1:5], ids=str)
def test_every_step_five_bits_and_bias(reset):
    spec = NeuronSpec(leak=Decay((2,)), reset=reset, v_width=5,
                      quantiser=Quantiser(n_max=2, theta=3))
    population = population_of(spec, 3, 2)
    steps = list(itertools.product(range(-16, 16), (0, 1), range(-4, 4), range(-2, 2)))
    assert rtl(population, "ladder", steps) == expected(population, steps)


@pytest.mark.parametrize("floor", [0, -1, -3, -8])
@pytest.mark.parametrize("reset", [  # The last gate's rounding may pass the floor.
    *RESETS, Reset(kind="zero", value=3), Reset(kind="zero", value=-3),
    Reset(kind="gate", gate=Decay((1,), (2, 2)))], ids=str)
def test_every_step_with_a_floor(reset, floor):
    floor = min(floor, reset.value)
    spec = NeuronSpec(leak=Decay((2,), (3,)), reset=reset, v_width=4, floor=floor,
                      quantiser=Quantiser(n_max=3, theta=2))
    population = population_of(spec, 5, 0)
    steps = [(v, fired, sum_, 0) for v, fired, sum_ in
             itertools.product(range(floor, 8), (0, 1), range(-16, 16))]
    for kind in ("slice", "ladder"):
        assert rtl(population, kind, steps) == expected(population, steps)


@pytest.mark.parametrize("decay", LEAKS, ids=str)
@pytest.mark.parametrize("fields", [
    *({"reset": reset, "quantiser": Quantiser(n_max=3, theta=2)} for reset in RESETS[:7]),
    {"quantiser": None}, 
    {"quantiser": Quantiser(n_max=2, theta=8), "leak": Quadratic(bits=3), "v_width": 5}],
    ids=str)
def test_every_step_with_a_synaptic_current(decay, fields):
    spec = NeuronSpec(**{"leak": Decay((2,)), "v_width": 4} | fields,
                      synaptic=Synaptic(decay=decay, width=4))
    population = population_of(spec, 4, 0)
    steps = [(v, fired, sum_, 0, held) for v, fired, sum_, held in itertools.product(
        range(spec.v_min, spec.v_max + 1), (0, 1), range(-8, 8), range(-8, 8))]
    assert rtl(population, "ladder", steps) == expected(population, steps)


@pytest.mark.parametrize("floor", [None, 0, -5])
@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_every_step_of_a_read_out(leak, floor):
    population = population_of(NeuronSpec(leak=leak, quantiser=None, v_width=4, floor=floor), 4, 3)
    steps = [(v, 0, s, b) for v, s, b in
             itertools.product(range(-8, 8), range(-8, 8), range(-4, 4))]
    assert rtl(population, "slice", steps) == expected(population, steps)


def preset(name, bits, v_width, most):
    """The neuron of a preset, its N_max cut to ``most``."""
    config = with_preset(TrainConfig(), name)
    levels = spaced_levels(config.n_max, config.spacing)
    n_max = max(level for level in levels if level <= most)
    return NeuronSpec(leak=config.leak.with_bits(bits), reset=config.reset, output=config.output,
                      v_width=v_width,
                      quantiser=Quantiser(n_max=n_max, theta=1 << bits, spacing=config.spacing,
                                          rounding=config.rounding))


@pytest.mark.parametrize("name", PRESETS)
def test_every_step_of_a_preset(name):
    population = population_of(preset(name, 3, 6, 3), 5, 0)
    steps = [(v, fired, sum_, 0) for v, fired, sum_ in
             itertools.product(range(-32, 32), (0, 1), range(-16, 16))]
    for kind in ("slice", "ladder"):
        assert rtl(population, kind, steps) == expected(population, steps)


@pytest.mark.parametrize("name", PRESETS)
def test_a_hundred_thousand_steps_of_a_preset(name):
    draw = random.Random(name)
    spec = preset(name, 9, 18, 20)
    population = population_of(spec, 17, 12)
    near = [n * 512 + d for n in range(-2, 22) for d in (-1, 0, 1)]
    steps = [(draw.choice(near) if draw.random() < 0.2 else draw.randint(spec.v_min, spec.v_max),
              draw.randint(0, 1), signed(draw, 17), signed(draw, 12)) for _ in range(100_000)]
    assert rtl(population, "slice", steps) == expected(population, steps)


@pytest.mark.parametrize("seed", range(24))
def test_random_at_real_width(seed):
    draw = random.Random(seed)
    kind = draw.choice(["slice", "ladder"])
    theta = 1 << draw.randint(4, 12) if kind == "slice" else draw.randint(10, 5000)
    spec = NeuronSpec(leak=draw.choice([*LEAKS, Decay((6,)), Decay((3, 5))]),
                      reset=draw.choice(RESETS), v_width=draw.randint(16, 20),
                      quantiser=Quantiser(n_max=draw.randint(1, 63), theta=theta))
    population = population_of(spec, draw.randint(12, 22), draw.choice([0, 8, 14]))
    steps = [(draw.choice([spec.v_min, spec.v_max, 0, -1]) if draw.random() < 0.1
              else draw.randint(spec.v_min, spec.v_max), draw.randint(0, 1),
              signed(draw, population.sum_width), signed(draw, population.bias_width))
             for _ in range(600)]
    assert rtl(population, kind, steps) == expected(population, steps)


def signed(draw, width):
    return draw.randint(-(1 << width - 1), (1 << width - 1) - 1) if width else 0
