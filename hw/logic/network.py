"""A whole network as logic: a frame a clock.  The golden twin is
:func:`qblif.golden.integer.run`."""

import functools
import operator
from dataclasses import replace

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..core.neuron import NeuronCore
from ..core.payloads import index_shape, pipe
from ..layout.plan import quantiser_kind
from .adders import AdderPipeline
from .argmax import ArgMaxTree
from .compressor_tree import CompressorTrees
from .compressors import CompressorPipeline
from .layout import INPUT_LATENCY
from .pipeline import ClockedValues, levels_layout
from .pixel_encoder import PixelEncoder
from .rest_neurons import RestNeurons

__all__ = ["LogicNetworkCore"]


class LogicNetworkCore(wiring.Component):
    """A pipeline that never stalls: frames in, classes out, one a clock.

    ::

        i --> (encoder) --> adders --> neurons --> adders --> ... --> scores --> argmax --> o

    A register stands behind each port's input, and before each output but the taps.

    Of several timesteps each has adders and neurons of its own, ``layout.skew`` clocks behind the
    timestep before, from whose neurons the membranes come.  Where these are interleaved, one set of
    adders and neurons computes all of them: what a frame needs again, its input and the membranes,
    comes back ``layout.skew`` clocks later, and as many frames are under way in the loop.

    Parameters
    ----------
    layout : :class:`qblif.hw.logic.layout.LogicLayout`
    taps : bool
        Whether levels of hidden populations come out, too.

    Members
    -------
    i : ``In(StructLayout)``
        ``valid``, and ``levels``: of a static input one vector, otherwise one a timestep; or
        ``pixels`` in their place, of eight bits each.
    ready : ``Out(1)``
        Of interleaved timesteps alone: a frame that is valid in this clock enters.  It is low while
        the frames before go through the loop again, ``layout.period - layout.slots`` clocks.
    o : ``Out(StructLayout)``
        ``valid``, the class ``label`` and all ``scores``, ``layout.latency`` clocks later.
    tap_NAME : ``Out(ArrayLayout(levels, layout.copies))``
        Of each firing population; timestep t, or interleaved the only entry, is that of the frame
        that entered ``layout.clock(NAME, t)`` clocks before.
    """

    def __init__(self, layout, taps=False):
        self.layout = layout
        spec, last = layout.spec, layout.spec.populations[-1]
        levels = levels_layout(spec.input)
        if not spec.input.static:
            levels = data.ArrayLayout(levels, spec.timesteps)
        frame = {"pixels": data.ArrayLayout(8, spec.input.pixels)} if layout.pixels else {
            "levels": levels}
        scores = data.ArrayLayout(signed(spec.score_width), last.size)
        self.tapped = spec.firing if taps else ()
        super().__init__({
            "i": In(data.StructLayout({"valid": 1} | frame)),
            "o": Out(data.StructLayout({"valid": 1, "label": index_shape(last.size),
                                        "scores": scores})),
            **({"ready": Out(1)} if layout.interleaved else {}),
            **{f"tap_{p.name}": Out(data.ArrayLayout(levels_layout(p), layout.copies))
               for p in self.tapped}})

    def elaborate(self, platform):
        m = Module()
        layout, spec = self.layout, self.layout.spec
        entering, first = self.entering(m)
        made = {spec.input.name: self.interleaved_input(m, first) if layout.interleaved else
                self.inputs(m)}
        for stage in layout.stages:
            sums = self.sums(m, stage, made)
            made[stage.name] = self.from_rest(m, stage, sums[0]) if layout.from_rest else \
                self.over_time(m, stage, sums, first)
        for population in self.tapped:
            for t, levels in enumerate(made[population.name]):
                m.d.comb += getattr(self, f"tap_{population.name}")[t].eq(levels)

        scores = self.scores(m, made[spec.populations[-1].name], first)
        m.submodules.argmax = argmax = ArgMaxTree(spec.populations[-1].size, spec.score_width)
        m.d.comb += [argmax.scores.eq(scores), self.o.label.eq(argmax.label),
                     self.o.scores.eq(pipe(m, scores, layout.latency - layout.scored, "scores")),
                     self.o.valid.eq(pipe(m, entering, layout.latency, "valid", reset=True))]
        return m

    def entering(self, m):
        """Whether a frame enters; and ``first(t, clock)``, whether what copy t of the logic has in
        that clock is of a first timestep."""
        layout = self.layout
        if not layout.interleaved:
            return self.i.valid, lambda t, clock: C(t == 0)
        phase, firsts = Signal(range(layout.period)), ClockedValues(m, "first")
        with m.If((phase != 0) | self.i.valid):  # A frame is not kept waiting for its slot.
            m.d.sync += phase.eq(Mux(phase == layout.period - 1, 0, phase + 1))
        m.d.comb += self.ready.eq(phase < layout.slots)
        firsts.put("", 0, self.ready)
        return self.i.valid & self.ready, lambda t, clock: firsts.at("", clock)

    def inputs(self, m):
        """Input levels of each timestep."""
        layout, spec = self.layout, self.layout.spec
        name = spec.input.name
        if not spec.input.static:
            return [pipe(m, self.i.levels[t], layout.clock(name, t), f"input_{t}")
                    for t in range(spec.timesteps)]
        levels = self.static_input(m)
        return [pipe(m, levels, t * layout.skew, f"input_{t}") for t in range(spec.timesteps)]

    def interleaved_input(self, m, first):
        """Input levels of the timestep that it is, kept in a loop for those that follow."""
        layout, spec = self.layout, self.layout.spec
        static = spec.input.static
        vectors = data.ArrayLayout(levels_layout(spec.input), 1 if static else spec.timesteps)
        frame = Signal(vectors, name="input_now")
        again = Value.cast(pipe(m, frame, layout.skew, "input_again"))
        if static:
            new = self.static_input(m)
        else:
            new = pipe(m, self.i.levels, layout.entry, "input")
            again = again[Value.cast(frame[0]).shape().width:]  # The next timestep's come first.
        m.d.comb += frame.eq(Mux(first(0, layout.entry), Value.cast(new), again))
        return [frame[0]]

    def static_input(self, m):
        """The levels of a frame, in clock ``layout.entry``."""
        if not self.layout.pixels:
            return pipe(m, self.i.levels, INPUT_LATENCY, "input")
        m.submodules.encoder = encoder = PixelEncoder(self.layout.spec.input)
        m.d.comb += encoder.i.eq(pipe(m, self.i.pixels, INPUT_LATENCY, "pixels"))
        return encoder.o

    def sums(self, m, stage, made):
        """Weighted sums of each copy of the logic."""
        layout, spec = self.layout, self.layout.spec
        trees = isinstance(stage.schedule.graph, CompressorTrees)
        found = []
        for t in range(layout.copies):
            if t and stage.name in layout.shared_over_time:
                found.append(pipe(m, found[0], t * layout.skew, f"{stage.name}_sums_{t}"))
                continue
            sources = [spec.source(name) for name in stage.sources]
            adders = (CompressorPipeline if trees else AdderPipeline)(stage.schedule, sources)
            m.submodules[f"{stage.name}_adders_{t}"] = adders
            for name in stage.sources:
                wait = stage.start - layout.clock(name)
                m.d.comb += adders.i[name].eq(
                    pipe(m, made[name][t], wait, f"{name}_to_{stage.name}_{t}"))
            found.append(adders.o)
        return found

    def from_rest(self, m, stage, sums):
        m.submodules[f"{stage.name}_neurons"] = neurons = RestNeurons(stage)
        m.d.comb += neurons.sums.eq(sums)
        return [neurons.o]

    def over_time(self, m, stage, sums, first):
        """Levels of each timestep, of a read-out its membranes."""
        layout, population = self.layout, stage.population
        quantiser = population.neuron.quantiser
        ones = [replace(population, neuron=neuron, thetas=False) for neuron in stage.neurons]
        clock = stage.start + stage.schedule.latency
        states, found = None, []
        for t, currents in enumerate(sums):
            neurons = [NeuronCore(one, quantiser_kind(one, None)) for one in ones]
            left = [pipe(m, neuron.o.state, layout.skew - neuron.latency,
                         f"{stage.name}_{k}_state_{t}") for k, neuron in enumerate(neurons)]
            if layout.interleaved:
                states = left
            for k, neuron in enumerate(neurons):
                m.submodules[f"{stage.name}_{k}_{t}"] = neuron
                m.d.comb += [neuron.i.first.eq(first(t, clock)), neuron.i.sum.eq(currents[k]),
                             neuron.i.bias.eq(int(stage.biases[k]))]
                if states:
                    m.d.comb += neuron.i.state.eq(states[k])
            states = left
            if quantiser is None:
                shape = data.ArrayLayout(signed(population.neuron.v_width), population.size)
                values = [neuron.o.state.v for neuron in neurons]
            else:
                shape = levels_layout(population)
                values = [neuron.o.level for neuron in neurons]
            vector = Signal(shape, name=f"{stage.name}_out_{t}")
            m.d.comb += [vector[k].eq(value) for k, value in enumerate(values)]
            found.append(vector)
        return found

    def scores(self, m, outputs, first):
        """Of a frame: the membranes behind the last timestep, or the sums of all levels."""
        layout, spec = self.layout, self.layout.spec
        if not spec.counts:
            return outputs[-1]
        scores = Signal(self.o.scores.shape(), name="score_sums", reset_less=True)
        if layout.interleaved:
            before = pipe(m, scores, layout.skew - 1, "score_sums_before")
            begin = first(0, layout.clock(spec.populations[-1].name))
            m.d.sync += [total.eq(Mux(begin, 0, kept) + level) for total, kept, level in zip(
                scores, before, outputs[0], strict=True)]
            return scores
        steps = [pipe(m, levels, layout.skew * (spec.timesteps - 1 - t), f"counted_{t}")
                 for t, levels in enumerate(outputs)]
        domain = m.d.comb if layout.from_rest else m.d.sync
        for k in range(spec.populations[-1].size):
            domain += scores[k].eq(functools.reduce(operator.add, [v[k] for v in steps]))
        return scores
