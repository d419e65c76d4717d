"""Frames whose class is known before all of their rows have been sent, or computed."""

import random

import numpy as np
import pytest
from host_interface_cases import compare, powered
from mutants import mutant

from qblif.boards.host.line import HostError
from qblif.golden.spec import Conv2d, Dense, Input, Network, Neuron, Population, Quantiser
from qblif.golden.spec.artifact import Trained
from qblif.hw.layout.compile import compile
from qblif.hw.layout.input_stream import InputFormat
from qblif.hw.layout.plan import Plan, StagePlan
from qblif.hw.link import host_interface
from qblif.hw.link.protocol import Register, pack_events
from qblif.hw.link.recorder import LevelRecorder
from qblif.hw.link.runner import Runner
from qblif.sim.stream import simulate_component, stream_put


def network(between):
    """Of sixteen rows of the input two are read; with ``between`` by a stage that keeps them all
    and of which the next reads two."""
    fires = Neuron(quantiser=Quantiser(n_max=3, theta=4), v_width=12)
    names = {"whole": (2, 16, 4)} if between else {}
    names |= {"a": (1, 2, 1)}
    sources = ["input", *names]
    synapses = [Conv2d(source=source, target=name, kernel=1,
                       stride=1 if name == "whole" else (9, 4))
                for source, name in zip(sources, names, strict=False)]
    synapses.append(Dense(source="a", target="out"))
    spec = Network(
        timesteps=1, input=Input(shape=(4, 16, 4), n_max=1), synapses=synapses, populations=[
            *(Population(name=n, shape=s, sum_width=14, neuron=fires) for n, s in names.items()),
            Population(name="out", shape=(2,), sum_width=14,
                       neuron=Neuron(quantiser=None, v_width=12))])
    draw = np.random.default_rng(0)
    trained = Trained(spec, {s.name: draw.integers(1, 5, spec.weight_shape(s)).astype(np.int32)
                             for s in synapses})
    stages = [StagePlan(lanes=1)] * len(names) + [StagePlan(lanes=2)]
    return trained, compile(spec, Plan(stages=tuple(stages)))


@pytest.mark.parametrize("between", [False, True])
def test_everything_is_read_of_it(between):
    trained, layout = network(between)
    frames = np.random.default_rng(1).integers(0, 2, (2, 256))
    frames[0] = 1
    host = powered(trained, layout)
    host.load(trained)
    compare(host, trained, frames)
    last, = host.registers(Register.CYCLES, 1)
    assert last == host.run(trained, frames[1:]).cycles[0]
    events = host.activity(trained.spec)
    assert events[trained.spec.synapses[0].name]["events"] == frames[1].sum()


@pytest.mark.parametrize("population", ["whole", "a"])
def test_a_frame_waits_for_every_recorder(population, monkeypatch):
    """One that is never complete keeps it from its end."""
    class Never(LevelRecorder):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            if self.rows == rows:
                m.d.sync += self.complete.eq(0)
            return m

    trained, layout = network(between=True)
    rows = next(p.size for p in trained.spec.populations if p.name == population)
    monkeypatch.setattr(host_interface, "LevelRecorder", Never)
    host = powered(trained, layout, patience=500)
    host.load(trained)
    with pytest.raises(HostError, match="nothing has moved for 500 cycles"):
        host.run(trained, np.ones((1, 256), int))


class Hasty:
    """A network that takes events now and then, and has a class with the first; ``left`` are the
    events that had not been taken when the runner was ``done``."""

    def __init__(self, kind, levels, n_max, recorded_after=0):
        layout = InputFormat.of(network(between=False)[0].spec, "inner")
        self.dut, self.draw, self.taken, self.waited = kind(layout, 2, 5), random.Random(0), 0, 0
        data = pack_events([levels], n_max)

        async def host(ctx):
            dut = self.dut
            ctx.set(dut.recorded, not recorded_after)
            await ctx.tick().repeat(8)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for byte in data:
                await stream_put(ctx, dut.i, byte)
            ctx.set(dut.finish, 1)
            while not ctx.get(dut.done):
                await ctx.tick()
                self.waited += 1
                if self.waited == recorded_after:
                    ctx.set(dut.recorded, 1)
            self.left = np.count_nonzero(levels) + 1 - self.taken

        simulate_component(self.dut, host, background=[self.network])

    async def network(self, ctx):
        dut = self.dut
        while True:
            ctx.set(dut.o.ready, self.draw.random() < 0.3)
            _, _, valid, ready = await ctx.tick().sample(dut.o.valid, dut.o.ready)
            self.taken += valid & ready
            ctx.set(dut.result.valid, valid & ready & (self.taken == 1))


LEVELS = [1] * 20 + [0] * 236


def test_a_frame_is_not_done_before_it_was_played():
    assert Hasty(Runner, LEVELS, 1).left == 0
    late = Hasty(Runner, LEVELS, 1, recorded_after=900)
    assert (late.left, late.waited) == (0, 901)


def test_a_frame_that_is_done_too_early():
    """Must fail: with the class alone."""
    hasty = mutant(Runner, "~finished | self.queue.push | (filled != 0)", "~finished")
    assert Hasty(hasty, LEVELS, 1).left > 0
