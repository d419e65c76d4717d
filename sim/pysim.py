"""A whole network in Amaranth's own simulator: slow a cycle, but nothing has to be built.

For networks of a few neurons; :mod:`qblif.sim.bench` is for the others.
"""

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Fragment, Module, Signal, Value

from ..hw.core.network import NetworkCore
from ..hw.layout.memory_image import load_writes
from .probe import Wave, read_wave
from .stream import (
    aer_checker,
    garbage,
    simulate_component,
    stream_checker,
    stream_get,
    stream_put,
    wait,
)
from .watchdog import components

__all__ = ["Recording", "run_network"]


@dataclass(frozen=True)
class Recording:
    """What the network did: ``levels`` and ``membranes`` map populations to ``(timesteps, frames,
    neurons)``, ``classes`` is ``(frames,)``; ``scores`` is what the score port gave, in order,
    ``(records, 4)``: neuron, level, score, final; ``starts`` and ``results`` are the cycles in
    which each frame's first input transfer and its result were accepted; ``cycles`` is the
    register; ``waves`` are those of the probes."""

    levels: dict[str, np.ndarray]
    membranes: dict[str, np.ndarray]
    classes: np.ndarray
    scores: np.ndarray
    starts: np.ndarray
    results: np.ndarray
    cycles: int
    waves: list[Wave]

    def mismatches(self, trace):
        """How many levels, membranes, scores and classes differ from a
        :class:`~qblif.golden.integer.Trace` of the same frames."""
        found = {what: sum(int((getattr(self, what)[name] != expected.numpy()).sum())
                           for name, expected in getattr(trace, what).items())
                 for what in ("levels", "membranes")}
        final = self.scores[self.scores[:, 3] == 1, 2].reshape(trace.scores.shape)
        return found | {"scores": int((final != trace.scores.numpy()).sum()),
                        "classes": int((self.classes != trace.classes.numpy()).sum())}


def run_network(trained, layout, levels, *, baked=False, i_stall=0, o_stall=0, ready_first=True,
                seed=0, timeout=200_000, keep=False, probes=()):
    """Run frames of input levels through the hardware of ``trained``.

    ``baked`` puts the weights into the memories' initial contents instead of loading them.  Before
    each transfer either side idles for 0 to ``i_stall`` or ``o_stall`` cycles, drawn under
    ``seed``.  ``keep`` sets the network's port of this name.  Each of the
    :class:`~qblif.sim.probe.Probe` items ``probes`` is recorded.  Raises :class:`AssertionError`
    where no end comes within ``timeout`` cycles, where an assertion of the hardware fails, and
    where a stage sends an address twice in a timestep.
    """
    spec = trained.spec
    layout.check(spec)
    dut = NetworkCore(layout, trained if baked else None)
    recorder = Recorder(probes, Fragment.get(dut, None))
    draw = random.Random(seed)
    steps = len(levels) * spec.timesteps
    labels, cycles, watcher = [], [0], Watcher(dut, layout)

    async def source(ctx):
        if keep:
            ctx.set(dut.keep, 1)
        if not baked:
            await load(ctx, dut, trained)
        for frame in levels:
            for event in frame_events(frame, layout.input):
                await stream_put(ctx, dut.i, event, draw.randint(0, i_stall))

    async def sink(ctx):
        for _ in levels:
            payload = await stream_get(ctx, dut.o, draw.randint(0, o_stall), ready_first)
            labels.append(payload.label)
        while not watcher.complete(steps):
            await ctx.tick()  # Rows that no window reads are computed behind the class.
        await wait(ctx, 3)
        cycles[0] = ctx.get(dut.cycles)

    aer = {"input": dut.i} | {stage.layout.name: stage.o for stage in dut.stages
                              if stage.layout.emits}
    checkers = [aer_checker(stream, name) for name, stream in aer.items()]
    simulate_component(recorder.design, source, sink, timeout=timeout, background=[
        watcher.run, stream_checker(dut.o), *checkers, *([recorder.run] if probes else [])])
    found = {stage.name: arrange(stage, watcher.vectors[stage.name]) for stage in layout.stages}
    return Recording({name: pair[0] for name, pair in found.items()},
                     {name: pair[1] for name, pair in found.items()},
                     np.array(labels), np.array(watcher.scores), np.array(watcher.starts),
                     np.array(watcher.results), cycles[0], recorder.waves(watcher.now))


class Watcher:
    """What happens at the ports of ``dut``, cycle by cycle: when frames and classes are taken,
    scores, vectors of the traces, and how many ends leave each stage that emits."""

    def __init__(self, dut, layout):
        self.stages, self.per_frame, self.now = layout.stages, layout.input.ends, 0
        self.starts, self.results, self.scores = [], [], []
        self.vectors = {stage.name: [] for stage in layout.stages}
        outputs = {stage.layout.name: stage.o for stage in dut.stages if stage.layout.emits}
        self.ends = dict.fromkeys(outputs, 0)
        self.shapes = [dut.score.shape(), *(getattr(dut, f"trace_{name}").shape()
                                            for name in self.vectors)]
        # Bits of whole signals: anything else is evaluated in every cycle.
        self.signals = [dut.i.valid, dut.i.ready, dut.i.p.end, dut.o.valid, dut.o.ready,
                        dut.score_valid, Value.cast(dut.score)]
        for name in self.vectors:
            self.signals += [getattr(dut, f"trace_{name}_valid"),
                             Value.cast(getattr(dut, f"trace_{name}"))]
        self.signals += [signal for o in outputs.values() for signal in (o.valid, o.ready, o.p.end)]

    def complete(self, steps):
        """Whether all vectors and ends of ``steps`` timesteps have left their stages."""
        return all(
            len(self.vectors[stage.name]) >= steps * stage.passes.all_vectors
            and (not stage.emits or self.ends[stage.name] >= steps * stage.passes.positions)
            for stage in self.stages)

    async def run(self, ctx):
        ends, first = 0, True
        last = len(self.vectors) * 2
        async for _, _, offered, ready, end, result, taken, scored, score, *more in (
                ctx.tick().sample(*self.signals)):
            if offered and ready:
                if first:
                    self.starts.append(self.now)
                ends += end
                first = bool(end) and ends % self.per_frame == 0
            if result and taken:
                self.results.append(self.now)
            score_shape, *shapes = self.shapes
            if scored:
                fields = score_shape.from_bits(score)
                self.scores.append([fields.neuron, fields.level, fields.score, fields.final])
            traces, outputs = more[:last], more[last:]
            for name, shape, valid, bits in zip(self.vectors, shapes, traces[::2], traces[1::2],
                                                strict=True):
                if valid:
                    self.vectors[name].append(shape.from_bits(bits))
            for name, *moved in zip(self.ends, outputs[::3], outputs[1::3], outputs[2::3],
                                    strict=True):
                self.ends[name] += all(moved)
            self.now += 1


class Recorder:
    """What ``watcher.v`` is in Verilog; ``design`` is the elaborated network with it."""

    def __init__(self, probes, fragment):
        self.probes, self.design = probes, fragment
        self.words = [Signal(probe.width) for probe in probes]
        self.lines = [[] for _ in probes]
        if probes:
            parts: dict[str, Any] = dict(components(fragment))
            self.design = m = Module()
            m.submodules.network = fragment
            # Signals of the design: the simulator compiles what drives them.
            m.d.comb += [word.eq(probe.value(parts[".".join(probe.path)]))
                         for word, probe in zip(self.words, probes, strict=True)]

    async def run(self, ctx):
        cycle, last = 0, [None] * len(self.probes)
        async for _, _, *words in ctx.tick().sample(*self.words):
            for probe, lines, word, before in zip(self.probes, self.lines, words, last,
                                                  strict=True):
                if word != before:
                    lines.append(f"{cycle:08x} {word:0{probe.width}b}\n")
            cycle, last = cycle + 1, words

    def waves(self, end):
        return [read_wave(probe, "".join(lines).encode(), end)
                for probe, lines in zip(self.probes, self.lines, strict=True)]


def frame_events(frame, layout):
    """The transfers of one frame in order, whose end markers have garbage in their other fields.

    ``layout`` is the network's :class:`~qblif.hw.layout.input_stream.InputFormat`.
    """
    transfers = layout.stream(np.asarray(frame)[None])
    bits = (layout.address_space - 1).bit_length(), layout.source.n_max.bit_length()
    for address, level, end in zip(transfers.address.tolist(), transfers.level.tolist(),
                                   transfers.eot.tolist(), strict=True):
        yield {"address": garbage(bits[0]) if end else address,
               "level": garbage(bits[1]) if end else level, "end": end}


async def load(ctx, dut, trained):
    """Write every weight and bias through the load port."""
    ctx.set(dut.load_valid, 1)
    for write in load_writes(trained, dut.layout):
        ctx.set(dut.load, write._asdict())
        await ctx.tick()
    ctx.set(dut.load_valid, 0)
    await wait(ctx, 2)


def arrange(stage, vectors):
    """``(levels, membranes)`` of one :class:`~qblif.hw.layout.stage.StageLayout` from its trace,
    by timestep, frame and neuron."""
    return tuple(
        stage.passes.unpack(np.array([[int(value) for value in vector[kind]] for vector in vectors],
                                     np.int64)).swapaxes(0, 1)
        for kind in ("levels", "membranes"))
