"""What the tests of random networks share: choices under one seed, and the comparison.

All cases derive from one base seed: the environment's ``QBLIF_SEED``, or else the commit that is
checked out, so that every commit tries other networks; 0 without a checkout.  pytest prints it in
its header.  A case that fails prints the command that runs it again.
"""

import os
import subprocess
from functools import cache
from math import prod
from pathlib import Path

import numpy as np
from poison import poisoned

from qblif.golden import integer
from qblif.golden.spec import (
    Decay,
    Dense,
    Neuron,
    Quadratic,
    Quantiser,
    Reset,
    Synaptic,
    as_map,
)
from qblif.hw.layout.compile import compile
from qblif.hw.layout.cycles import count_cycles
from qblif.hw.layout.plan import StagePlan
from qblif.sim.pysim import run_network

LEAKS = [Decay(), Decay((1,)), Decay((3,)), Decay((0,)), Decay((1,), (3,)), Decay((2, 4))]
GATES = [Decay((0,)), Decay(), Decay((1,)), Decay((3,)), Decay((1, 2)), Decay((1,), (2, 2))]
CASES = 208  # Graphs; of networks without maps half as many.
LONGEST = 3_000  # Cycles of a frame with bursts in unary: Amaranth's simulator is slow.


@cache
def base_seed():
    """What all cases derive from."""
    if "QBLIF_SEED" in os.environ:
        return int(os.environ["QBLIF_SEED"])
    try:
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, text=True,
                                capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    return int(commit[:8], 16)


class Draw:
    """Random choices under one seed: an integer, or several."""

    def __init__(self, *seed):
        self.random = np.random.default_rng(seed)

    @classmethod
    def case(cls, name, number, folder="hw"):
        """The choices of case ``number`` of the test ``name``, as announced on its output."""
        print(f"QBLIF_SEED={base_seed()} pytest tests/{folder}/{name}.py -k '{name}[{number}]'")
        return cls(base_seed(), number, *name.encode())

    def integer(self, low, high):
        return int(self.random.integers(low, high + 1))

    def one_of(self, items):
        return items[self.integer(0, len(items) - 1)]

    def chance(self, probability):
        return bool(self.random.random() < probability)

    def size(self):
        """Mostly small, up to 70."""
        return self.integer(1, 70) if self.chance(0.2) else self.integer(1, 16)


def draw_neuron(draw, last, reach):
    """Any neuron; its membrane is narrow enough to saturate in one case of three."""
    needed = int(reach).bit_length() + 3
    v_width = draw.integer(3, needed) if draw.chance(0.33) else needed + 2
    theta = draw.integer(1, min((1 << v_width - 1) - 1, max(1, int(reach) // draw.integer(1, 8))))
    if draw.chance(0.6):
        theta = 1 << theta.bit_length() - 1
    floor = draw.one_of([None, None, -min(draw.integer(0, 2 * theta), 1 << v_width - 1)])
    kind = draw.one_of(list(Reset.KINDS))
    value = draw.integer(floor or 0, theta) if kind == "zero" else 0
    axes = {"leak": draw.one_of(LEAKS), "v_width": v_width, "floor": floor,
            "reset": Reset(kind=kind, gate=draw.one_of(GATES), value=value)}
    if draw.chance(0.25):
        axes["synaptic"] = Synaptic(decay=draw.one_of(LEAKS), width=draw.integer(3, needed + 1))
    if last and draw.chance(0.6):
        return Neuron(quantiser=None, **axes)
    spacing = draw.one_of(Quantiser.SPACINGS)
    n_max = draw.integer(1, draw.one_of([20, 63])) if spacing == "uniform" else (
        1 << draw.integer(0, 5))
    nearest = (floor is None or floor <= -(theta // 2)) and draw.chance(0.3)
    quantiser = Quantiser(n_max=n_max, theta=theta, spacing=spacing,
                          rounding="nearest" if nearest else "down")
    bits = theta.bit_length() - 1
    if quantiser.shift is not None and bits >= Quadratic.FRACTION and draw.chance(0.4):
        axes["leak"] = Quadratic(gain=draw.integer(0, 40), low=draw.integer(-10, 10),
                                 high=draw.integer(-10, 30), bits=bits)
    return Neuron(quantiser=quantiser, output=draw.one_of(Neuron.OUTPUTS), **axes)


def draw_stage(draw, population, lanes, fire_lanes, **fields):
    """A stage's plan, its quantiser any that serves."""
    quantiser = population.neuron.quantiser
    sliced = quantiser is None or quantiser.shift is not None and draw.chance(0.5)
    return StagePlan(lanes=lanes, fire_lanes=fire_lanes, quantiser="slice" if sliced else "ladder",
                     **fields)


def burst_of(spec, population, lanes, burst):
    """``burst``, but no unary ones where full frames would take more than :data:`LONGEST`
    cycles."""
    steps = max(spec.source(synapse.source).emit_max * prod(spec.weight_shape(synapse)[1:])
                for synapse in spec.synapses_to(population.name))
    return burst if steps * spec.timesteps * population.size <= LONGEST * min(lanes) else "shift"


def draw_recurrence(draw, populations, synapses, weights):
    """Now and then, synapses back from a population without a map to itself or one before it."""
    flat = [as_map(p.shape)[1:] == (1, 1)
            and not any(s.target == p.name and getattr(s, "groups", 1) > 1 for s in synapses)
            for p in populations if p.neuron.quantiser is not None]
    for _ in range(draw.integer(0, 2) if any(flat) else 0):
        first, last = sorted(draw.integer(0, len(flat) - 1) for _ in range(2))
        if not all(flat[first:last + 1]):
            continue
        target, source = populations[first], populations[last]
        synapse = Dense(source=source.name, target=target.name, w_width=draw.integer(2, 8))
        if synapse.name not in weights:
            high = (1 << synapse.w_width - 1) - 1
            synapses.append(synapse)
            weights[synapse.name] = draw.random.integers(
                -high - 1, high + 1, (target.size, source.size)).astype(np.int32)


def draw_frames(draw, spec):
    """A few frames, sparse to full, one of them possibly empty."""
    shape = (spec.input.size,) if spec.input.static else (spec.timesteps, spec.input.size)
    frames = draw.random.integers(0, spec.input.n_max + 1, (draw.integer(1, 3), *shape))
    frames = frames * (draw.random.random(frames.shape) < draw.one_of([0.1, 0.4, 1.0]))
    if draw.chance(0.3):
        frames[draw.integer(0, len(frames) - 1)] = 0
    return frames


def score_records(spec, golden):
    """What the score port gives of a :class:`qblif.golden.integer.Trace`, in order."""
    last, records = spec.populations[-1], []
    levels, membranes = golden.levels[last.name], golden.membranes[last.name]
    for frame in range(levels.shape[1]):
        total = np.zeros(last.size, int)
        for t in range(spec.timesteps):
            total += levels[t, frame].numpy()
            scores = total if spec.counts else membranes[t, frame].numpy()
            records += [[k, int(levels[t, frame, k]), int(scores[k]), t == spec.timesteps - 1]
                        for k in range(last.size)]
    return np.array(records)


def check_against_golden(draw, trained, plan, frames):
    """Every level, membrane, score and class, and without stalls every cycle; memories are
    poisoned."""
    stalls = {} if draw.chance(0.5) else {"i_stall": draw.integer(0, 3), "o_stall":
                                          draw.integer(0, 40), "ready_first": draw.chance(0.5)}
    starts_empty = any(stage.memory == "spram" for stage in plan.stages)
    options = stalls | {"baked": draw.chance(0.7) and not starts_empty,
                        "seed": draw.integer(0, 1 << 30)}
    layout = compile(trained.spec, plan)
    options["keep"] = layout.keeps and draw.chance(0.5)
    print(f"{trained.spec}\n{plan}\n{options}")
    golden = integer.run(trained, frames, keep=options["keep"])
    with poisoned():
        rtl = run_network(trained, layout, frames, **options)
    for name, expected in golden.membranes.items():
        np.testing.assert_array_equal(rtl.levels[name], golden.levels[name], name)
        np.testing.assert_array_equal(rtl.membranes[name], expected, name)
    np.testing.assert_array_equal(rtl.classes, golden.classes)
    np.testing.assert_array_equal(rtl.scores, score_records(trained.spec, golden))
    if not stalls:
        model = count_cycles(layout, frames,
                             {name: levels.numpy() for name, levels in golden.levels.items()})
        np.testing.assert_array_equal(rtl.starts - rtl.starts[0], model.first - model.first[0])
        np.testing.assert_array_equal(rtl.results - rtl.starts[0], model.last - model.first[0])
