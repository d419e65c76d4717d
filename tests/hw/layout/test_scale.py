"""The table of docs/scale.md: ResNet-18 at 224x224, its line buffers against whole maps."""

import math
import re
from pathlib import Path

import pytest

from qblif.golden.spec import Conv2d, Decay, Input, Network, Neuron, Population, Quantiser, Reset
from qblif.hw.layout.compile import compile
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.layout.work import streams

PAGE = Path(__file__).parents[3] / "docs" / "scale.md"
WIDTHS = (64, 128, 256, 512)


def neuron(fires):
    quantiser = Quantiser(n_max=8, theta=256, spacing="uniform") if fires else None
    return Neuron(leak=Decay((1,)), v_width=20, reset=Reset(kind="subtract", gate=Decay()),
                  quantiser=quantiser, output="level")


def resnet18(timesteps, size=224):
    populations, synapses = [], []

    def add(name, shape, *edges, fires=True):
        populations.append(Population(name=name, shape=shape, neuron=neuron(fires), sum_width=20,
                                      bias_width=13))
        synapses.extend(edges)

    last, side, channels, pool = "stem", size // 2, 64, 2
    add("stem", (64, side, side),
        Conv2d(source="input", target="stem", kernel=7, stride=2, padding=3))
    for group, width in enumerate(WIDTHS):
        for block in range(2):
            stride = 2 if group and not block else 1
            side = side // pool // stride
            first, second = f"group{group}block{block}a", f"group{group}block{block}b"
            add(first, (width, side, side), Conv2d(source=last, target=first, kernel=3,
                                                   stride=stride, padding=1, pool=pool))
            groups = width if stride == 1 and width == channels else 1
            add(second, (width, side, side),
                Conv2d(source=first, target=second, kernel=3, padding=1),
                Conv2d(source=last, target=second, kernel=1, stride=stride, groups=groups,
                       pool=pool))
            last, channels, pool = second, width, 1
    add("output", (1000,), Conv2d(source=last, target="output", kernel=1, pool=side), fires=False)
    return Network(timesteps=timesteps, input=Input(shape=(3, size, size), n_max=15, static=True),
                   populations=populations, synapses=synapses)


def sizes(timesteps):
    """Mbit of weights, line buffers, their tables, and whole maps instead."""
    spec = resnet18(timesteps)
    plan = Plan(stages=tuple(StagePlan(lanes=64 if streams(spec, p) else 40)
                             for p in spec.populations))
    buffers = [buffer for engine in compile(spec, plan).engines
               for buffer in getattr(engine, "buffers", ())]
    maps = sum(math.prod(p.shape) * (2 * p.sum_width * len(spec.synapses_to(p.name))
                                     + p.neuron.v_width * (timesteps > 1))
               for p in spec.populations)
    return [bits / 1e6 for bits in (
        sum(math.prod(spec.weight_shape(s)) * s.w_width for s in spec.synapses),
        sum(b.depth * b.entry_width for b in buffers),
        sum(2 * b.table_depth * b.position_width for b in buffers), maps)]


@pytest.mark.parametrize(("column", "timesteps"), [(1, 1), (2, 4)])
def test_the_page_says_what_the_layout_takes(column, timesteps):
    rows = [line.split("|")[1 + column] for line in PAGE.read_text().splitlines()
            if re.match(r"\| (weights|line buffers|their tables|whole maps)", line)]
    digits = [1, 1, 2, 1]
    assert [row.strip() for row in rows] == [
        f"{value:.{n}f} Mbit" for value, n in zip(sizes(timesteps), digits, strict=True)]


def test_nothing_but_rows_grows_with_the_image():
    """Twice the side, twice the rows' length, and four times the pixels."""
    _, small, _, maps = sizes(1)
    spec = resnet18(1, size=448)
    plan = Plan(stages=tuple(StagePlan(lanes=64 if streams(spec, p) else 40)
                             for p in spec.populations))
    large = sum(b.depth * b.entry_width for engine in compile(spec, plan).engines
                for b in getattr(engine, "buffers", ())) / 1e6
    assert large == pytest.approx(2 * small, rel=0.01) and maps > 20 * small
