"""Weighted digits: the weights of each port's digit, times the digit, added over the ports."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .digit_merge import PortDigits
from .lanes import Lanes
from .payloads import index_shape, pipe
from .weights import WeightMemory
from .window_reader import WeightBase
from .word_accumulators import AdderTree

__all__ = ["WeightedDigits"]


class WeightedDigits(wiring.Component):
    """Weight memory, lanes of each port, adder tree::

        t               i: the weight memory is addressed
        t + 2           weights at the lanes
        t + 4           addends
        t + 4 + log2 P  total, carry, valid, end

    Parameters
    ----------
    engine : :class:`qblif.hw.layout.stream_engine.StreamEngine`
    digit_set : :class:`qblif.hw.core.burst.DigitSet`
    init : tensors of weights to bake in, by synapse, or ``None``
    peek : whether the weights can be read back

    Members
    -------
    i : ``In(PortDigits(...))``
    total : ``Out(data.ArrayLayout(signed(...), width))``, carry : ``Out(1)``
        0 where no port had a digit.
    valid, end : ``Out(1)``
        A port had a digit; a word ends.
    write, writing, write_address, write_data : ``In``
        See :class:`qblif.hw.core.weights.WeightMemory`.
    peek : ``In(1)``, read : ``Out``
        With ``peek``: the weights at ``write_address``, three cycles later, at rest.
    """

    def __init__(self, engine, digit_set, init=None, peek=False):
        self.can_peek = peek
        self.ports = engine.ports
        self.memory = WeightMemory(
            depth=engine.weights.depth, lanes=engine.width, w_width=engine.w_width,
            memory=engine.plan.memory, ports=engine.ports,
            init=None if init is None else engine.weight_words(init))
        self.lanes = [Lanes(lanes=engine.width, w_width=engine.w_width, digit_set=digit_set,
                            gated=True) for _ in range(engine.ports)]
        addend = self.lanes[0].addends.shape().elem_shape.width
        self.tree = AdderTree(ports=engine.ports, lanes=engine.width, width=addend)
        super().__init__({
            "i": In(PortDigits(WeightBase(engine), digit_set, engine.ports)),
            "total": Out(self.tree.total.shape()), "carry": Out(1),
            "valid": Out(1), "end": Out(1),
            "write": In(self.memory.slices), "writing": In(1),
            "write_address": In(index_shape(engine.weights.depth)),
            "write_data": In(self.memory.slice_width),
        } | ({"peek": In(1), "read": Out(engine.width * engine.w_width)} if peek else {}))

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = self.memory
        m.submodules.tree = tree = self.tree
        m.d.comb += [memory.write.eq(self.write), memory.write_address.eq(self.write_address),
                     memory.write_data.eq(self.write_data), memory.writing.eq(self.writing)]
        for port, lanes in enumerate(self.lanes):
            m.submodules[f"lanes_{port}"] = lanes
            digit = self.i.ports[port]
            address = digit.base.address
            if self.can_peek and port == 0:
                peeking = pipe(m, self.peek, 1, "peeking")
                address = Mux(peeking, pipe(m, self.write_address, 1, "peeked"), address)
                m.d.comb += self.read.eq(Cat(memory.weights_0))
            m.d.comb += [
                getattr(memory, f"address_{port}").eq(address),
                lanes.weights.eq(getattr(memory, f"weights_{port}")),
                lanes.valid.eq(digit.valid), lanes.shift.eq(digit.shift),
                lanes.negative.eq(digit.negative), tree.addends[port].eq(lanes.addends),
                tree.carries[port].eq(lanes.carry)]
        latency = Lanes.latency + tree.latency
        some = Cat(digit.valid for digit in self.i.ports).any()
        m.d.comb += [self.valid.eq(pipe(m, some, latency, "valid", reset=True)),
                     self.end.eq(pipe(m, self.i.end, latency, "end", reset=True)),
                     self.total.eq(tree.total), self.carry.eq(tree.carry)]
        return m
