"""The adder tree, and weights times digits of all ports at once, every cycle."""

import itertools
import random

import numpy as np
import pytest
from mutants import mutant
from poison import poisoned
from window_cases import draw_weights, engine_of, network

from qblif.hw.core.burst import DigitSet
from qblif.hw.core.weighted_digits import WeightedDigits
from qblif.hw.core.word_accumulators import AdderTree
from qblif.hw.layout.memories import MEMORIES
from qblif.sim.stream import garbage, simulate_component, wait

LATENCY = 4  # Of one port.


def add(dut, cases):
    """``[sum of each lane]`` of ``(addends by port, carries)``, a case a cycle, and what it is."""
    found, wanted = [], []

    async def run(ctx):
        for number in range(len(cases) + dut.latency):
            addends, carries = cases[min(number, len(cases) - 1)]
            ctx.set(dut.addends, addends)
            ctx.set(dut.carries, sum(carry << port for port, carry in enumerate(carries)))
            if not dut.latency:
                found.append([int(lane) + ctx.get(dut.carry) for lane in ctx.get(dut.total)])
            _, _, total, carry = await ctx.tick().sample(dut.total, dut.carry)
            if number >= dut.latency and dut.latency:
                found.append([int(lane) + carry for lane in total])

    for addends, carries in cases:
        wanted.append([sum(lane) + sum(carries) for lane in zip(*addends, strict=True)])
    simulate_component(dut, run, timeout=len(cases) + 10)
    return found, wanted


def exhaustive(ports, width):
    """Every addend of one lane and every carry."""
    values = range(-(1 << width - 1), 1 << width - 1)
    return [([[a] for a in addends], carries)
            for addends in itertools.product(values, repeat=ports)
            for carries in itertools.product((0, 1), repeat=ports)]


@pytest.mark.parametrize("ports, width", [(1, 4), (2, 1), (2, 3), (4, 1), (4, 2)])
def test_every_sum_of_narrow_addends(ports, width):
    found, wanted = add(AdderTree(ports=ports, lanes=1, width=width), exhaustive(ports, width))
    assert found == wanted


@pytest.mark.parametrize("ports", [1, 2, 4])
def test_sums_of_wide_addends(ports):
    draw, ends = random.Random(ports), (-(1 << 11), (1 << 11) - 1)
    cases = [([[draw.choice([*ends, draw.randint(*ends)]) for _ in range(3)]
               for _ in range(ports)], [draw.randint(0, 1) for _ in range(ports)])
             for _ in range(300)]
    found, wanted = add(AdderTree(ports=ports, lanes=3, width=12), cases)
    assert found == wanted


@pytest.mark.parametrize("old, new", [
    ("add(a, b, carry)", "add(a, b, C(0, 1))"),
    ("signed(len(Value.cast(a)) + 1)", "signed(len(Value.cast(a)))"),
    ("pipe(m, other, 1, f\"carry_{name}\")", "other"),
])
def test_a_broken_adder_is_found(old, new):
    kind = mutant(AdderTree, old, new)
    found, wanted = add(kind(ports=4, lanes=1, width=2), exhaustive(4, 2))
    assert found != wanted


def make(ports, memory="block", burst="shift", init=True, kind=WeightedDigits, **options):
    """Weights of two synapses, words of two channels of four."""
    spec = network((3, 4, 4), 4, {"kernel": 2}, {"kernel": 2})
    engine = engine_of(spec, ports=ports, lanes=2, memory=memory, burst=burst)
    weights = draw_weights(spec)
    dut = kind(engine, DigitSet(engine.levels, burst), weights if init else None, **options)
    return dut, engine, weights


def draw_cycles(engine, digit_set, count=300):
    """Per cycle each port's ``(address, shift, negative)`` or ``None``, and whether a word ends."""
    draw = random.Random(engine.ports)
    found = sorted({digit for digits in digit_set.of_level.values() for digit in digits})
    for _ in range(count):
        share, digits = draw.choice([0, 0.3, 1]), []
        for _ in range(engine.ports):
            digit = draw.choice(found)
            digits.append((draw.randrange(engine.weights.depth), *digit)
                          if draw.random() < share else None)
        yield digits, int(draw.random() < 0.3)


def run(dut, engine, weights, load=False, count=300):
    """``[(valid, end, sums)]`` a cycle, and what they are."""
    words, found = np.array(engine.weight_words(weights)), []
    digit_set = dut.lanes[0].digit_set
    cycles = list(draw_cycles(engine, digit_set, count))
    latency = LATENCY + (engine.ports - 1).bit_length()

    async def play(ctx):
        if load:
            await write(ctx, dut, engine, weights)
        for digits, end in [*cycles, *[([None] * engine.ports, 0)] * latency]:
            ctx.set(dut.i.end, end)
            for port, digit in enumerate(digits):
                out = dut.i.ports[port]
                address, shift, negative = digit or (garbage(4), garbage(1), garbage(1))
                ctx.set(out, {"valid": digit is not None, "shift": shift, "negative": negative,
                              "base": {"address": address, "edge": 0}})
            _, _, valid, ends, total, carry = await ctx.tick().sample(dut.valid, dut.end, dut.total,
                                                                      dut.carry)
            found.append((valid, ends, [int(lane) + carry for lane in total]))

    with poisoned():
        simulate_component(dut, play)
    wanted = [(int(any(digits)), end, sum(
        (words[address] * (-1 if negative else 1) << shift for address, shift, negative
         in filter(None, digits)), np.zeros(engine.width, int)).tolist())
        for digits, end in cycles]
    return found[latency:], wanted


async def write(ctx, dut, engine, weights):
    """Load all weights."""
    ctx.set(dut.writing, 1)
    for bank, words in enumerate(engine.memory_image(weights)):
        for address, word in enumerate(words):
            ctx.set(dut.write, 1 << bank)
            ctx.set(dut.write_address, address)
            ctx.set(dut.write_data, word)
            await ctx.tick()
    ctx.set(dut.write, 0)
    ctx.set(dut.writing, 0)


@pytest.mark.parametrize("burst", ["shift", "repeat"])
@pytest.mark.parametrize("ports", [1, 2, 4])
def test_baked_weights(ports, burst):
    dut, engine, weights = make(ports, burst=burst)
    found, wanted = run(dut, engine, weights)
    assert found == wanted


@pytest.mark.parametrize("memory, ports", [
    *((memory, 1) for memory in MEMORIES), *((memory, 4) for memory in MEMORIES[:-1])])
def test_loaded_weights(memory, ports):
    dut, engine, weights = make(ports, memory, init=False)
    found, wanted = run(dut, engine, weights, load=True, count=60)
    assert found == wanted


@pytest.mark.parametrize("ports", [1, 2])
def test_weights_are_read_back(ports):
    dut, engine, weights = make(ports, peek=True)
    words, low = engine.weight_words(weights), (1 << engine.w_width) - 1

    async def look(ctx):
        ctx.set(dut.peek, 1)
        for address, word in enumerate(words):
            ctx.set(dut.write_address, address)
            await wait(ctx, 3)
            assert ctx.get(dut.read) == sum(
                (weight & low) << k * engine.w_width for k, weight in enumerate(word))

    simulate_component(dut, look)


@pytest.mark.parametrize("old, new", [
    ("lanes.valid.eq(digit.valid)", "lanes.valid.eq(1)"),
    ("Lanes.latency + tree.latency", "Lanes.latency"),
    ("lanes.valid.eq(digit.valid), lanes.shift.eq(digit.shift)",
     "lanes.valid.eq(digit.valid), lanes.shift.eq(self.i.ports[0].shift)"),
    ("f\"weights_{port}\"", "f\"weights_{0}\""),
])
def test_a_broken_rule_is_found(old, new):
    kind = mutant(WeightedDigits, old, new)
    dut, engine, weights = make(2, kind=kind)
    found, wanted = run(dut, engine, weights, count=60)
    assert found != wanted
