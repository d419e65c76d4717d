"""The neuron: one timestep of one membrane a cycle.  The golden twin is
:func:`qblif.golden.neuron.step`."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..layout.latency import SYNAPTIC_LATENCY, TAKEN_LATENCY, neuron_latency, takes_later
from .leak import Leak
from .payloads import pipe, saturate
from .quantiser import QuantiserCore

__all__ = ["NeuronCore", "NeuronIn", "NeuronOut", "NeuronState"]


# The membrane right after a burst, as in :class:`qblif.golden.spec.Reset`: ``amount`` is the level
# times theta; the lowest bits of the result are the membrane.
AFTER_BURST = {
    "none": lambda v, level, amount, theta: v,
    "gate": lambda v, level, amount, theta: v,
    "gate-input": lambda v, level, amount, theta: v,
    "subtract": lambda v, level, amount, theta: v - amount,
    "late": lambda v, level, amount, theta: v,
    "held": lambda v, level, amount, theta: v - amount,
    "zero": lambda v, level, amount, theta: Mux(level != 0, 0, v),
}


class NeuronState(data.StructLayout):
    """What a neuron remembers from one timestep to the next: the membrane, whether it fired, and
    its synaptic current if it has one."""

    def __init__(self, neuron):
        fields = {"v": signed(neuron.v_width), "fired": 1}
        if neuron.synaptic is not None:
            fields["current"] = signed(neuron.synaptic.width)
        super().__init__(fields)


class NeuronIn(data.StructLayout):
    """State before the step, and what the step adds to it.

    ``first``: the step is of the frame's first timestep; the state is 0, whatever the field says.
    """

    def __init__(self, population):
        super().__init__({
            "state": NeuronState(population.neuron),
            "first": 1,
            "sum": signed(population.sum_width),
            "bias": signed(max(1, population.bias_width)),
        })


class NeuronOut(data.StructLayout):
    """State after the step; the neuron fired where ``level > 0``."""

    def __init__(self, population):
        super().__init__({
            "state": NeuronState(population.neuron),
            "level": range(population.neuron.emit_max + 1),
        })


class NeuronCore(wiring.Component):
    """Leak, charge, gate, fire and reset, as a pipeline that never stalls.

    One step of any neuron a cycle, :attr:`latency` cycles later at ``o``.  With ``L``, the latency
    of the leak, and a cycle more for a late reset and for a synaptic current; a held reset takes a
    cycle behind the gate::

        t          i                       t + L + 2  gated; the quantiser's level
        t + L      leaked, current         t + L + 3  level, amount, membrane
        t + L + 1  charged                 t + L + 4  o

    A read-out has no quantiser: its membrane is ``o`` in t + L + 2.  Adders and constant shifts
    only, and a table where the leak is quadratic.

    Parameters
    ----------
    population : :class:`qblif.golden.spec.Population`
        The neuron and the widths of its sums and bias.
    quantiser : ``"slice"`` or ``"ladder"``

    Members
    -------
    i : ``In(NeuronIn(population))``
    o : ``Out(NeuronOut(population))``
    charged, gated : ``Out(signed(v_width))``
        The membrane after charge and after gate, for test benches; they cost nothing unconnected.
    """

    def __init__(self, population, quantiser="slice"):
        self.population = population
        self.spec = population.neuron
        self.quantiser = quantiser
        membrane = signed(self.spec.v_width)
        super().__init__({"i": In(NeuronIn(population)), "o": Out(NeuronOut(population)),
                          "charged": Out(membrane), "gated": Out(membrane)})

    @property
    def latency(self):
        """Cycles from ``i`` to ``o``: leak, charge, gate, fire, reset and emit."""
        return neuron_latency(self.spec)

    def elaborate(self, platform):
        m = Module()
        spec = self.spec
        membrane = signed(spec.v_width)

        # Leak, beside the sum of the current.
        m.submodules.leak = leak = Leak(spec.leak, spec.v_width)
        m.d.comb += [leak.v.eq(self.i.state.v), leak.first.eq(self.i.first)]
        leaked, latency = leak.o, leak.latency
        if spec.synaptic is not None:
            leaked = pipe(m, leaked, SYNAPTIC_LATENCY, "leaked_then")
            latency += SYNAPTIC_LATENCY
        taken = self.taken(m, latency) if takes_later(spec) else None
        if spec.reset.kind == "late" and taken is not None:
            leaked = pipe(m, leaked - taken, TAKEN_LATENCY, "left")
            latency += TAKEN_LATENCY
        current = self.current(m, latency)
        fired = pipe(m, self.i.state.fired & ~self.i.first, latency, "fired")

        # Charge.
        if spec.reset.kind == "gate-input":
            current = Mux(fired, spec.reset.gate.apply(current), current)
        charged = Signal(membrane, name="charged_1", reset_less=True)
        m.d.sync += charged.eq(saturate(leaked + current, spec.v_width, spec.floor))

        # Gate.
        gated = Signal(membrane, name="gated_1", reset_less=True)
        m.d.sync += gated.eq(charged)
        if spec.reset.kind == "gate":
            with m.If(pipe(m, fired, 1, "fired_then")):
                m.d.sync += gated.eq(saturate(spec.reset.gate.apply(charged), spec.v_width,
                                              spec.floor))
        m.d.comb += [self.charged.eq(charged), self.gated.eq(gated)]
        if spec.quantiser is None:
            m.d.comb += self.o.state.v.eq(gated)
            return m

        # Fire.
        m.submodules.quantiser = quantiser = QuantiserCore(spec, self.quantiser)
        tested = gated
        if spec.reset.kind == "held":
            tested = saturate(gated - pipe(m, taken, 2, "taken"), spec.v_width)
            tested, gated = (pipe(m, value, TAKEN_LATENCY, name) for value, name in (
                (tested, "tested"), (gated, "gated_then")))
        m.d.comb += quantiser.v.eq(tested)
        level = pipe(m, quantiser.level, 1, "level")
        amount = pipe(m, quantiser.amount, 1, "amount")
        v = pipe(m, gated, 1, "v")

        # Reset and emit.
        left = AFTER_BURST[spec.reset.kind](v, level, amount, spec.quantiser.theta)
        if spec.reset.value:
            left = Mux(level != 0, C(spec.reset.value, membrane), left)
        emitted = level != 0 if spec.output == "binary" else level
        m.d.comb += [self.o.state.v.eq(pipe(m, left[:len(v)], 1, "v_out")),
                     self.o.level.eq(pipe(m, emitted, 1, "level_out")),
                     self.o.state.fired.eq(self.o.level != 0)]
        return m

    def current(self, m, latency):
        """What is charged, ``latency`` cycles after ``i``: sum and bias, or the synaptic current
        that they are added to."""
        current = self.i.sum + self.i.bias if self.population.bias_width else self.i.sum
        synaptic = self.spec.synaptic
        if synaptic is None:
            return pipe(m, current, latency, "current")
        m.submodules.decay = decay = Leak(synaptic.decay, synaptic.width)
        m.d.comb += [decay.v.eq(self.i.state.current), decay.first.eq(self.i.first)]
        current = saturate(decay.o + pipe(m, current, decay.latency, "current"), synaptic.width)
        current = pipe(m, current, latency - decay.latency, "synaptic")
        m.d.comb += self.o.state.current.eq(
            pipe(m, current, self.latency - latency, "synaptic_out"))
        return current

    def taken(self, m, latency):
        """What the burst of the membrane that was left takes in this step, ``latency`` cycles after
        ``i``."""
        m.submodules.last = last = QuantiserCore(self.spec, self.quantiser)
        m.d.comb += last.v.eq(Mux(self.i.first, 0, self.i.state.v))
        return pipe(m, last.amount, latency, "amount_left")
