"""A board without its serial pins in Amaranth's own simulator, as the host's serial port.

Slow, but nothing has to be built: for networks of a few neurons.
:mod:`qblif.sim.virtual_board` is for the others, and for the serial line bit by bit.
"""

from amaranth.hdl import Cat, Module, Signal
from amaranth.sim import Simulator

from ..hw.link.host_interface import HostInterface
from .stream import stream_put

__all__ = ["PysimPort"]

LOOK = 200  # Cycles that a read waits at most.


class PysimPort:
    """``read`` and ``write`` as of a serial port; time passes in ``read`` alone.

    ``linked`` is a :class:`qblif.hw.link.host_interface.HostInterface`, or a
    :class:`qblif.hw.link.logic_interface.LogicInterface`; ``cycles`` is how many
    clock cycles have passed.  ``read`` raises :class:`OSError`, which names what waits, where the
    board works on a request and neither a byte nor an event has moved for ``patience`` cycles.
    """

    def __init__(self, linked, patience=10_000):
        self.linked = linked
        self.patience = patience
        self._still, self._stalled = 0, None
        self.cycles = 0
        self._to_board, self._from_board = bytearray(), bytearray()
        self._streams, self._steps = {}, []  # Nothing of a network as logic ever waits.
        if isinstance(linked, HostInterface):
            network = linked.network
            self._streams = {"i": network.i} | {
                s.layout.name: s.result if s.layout.classifies else s.o for s in network.stages}
            self._steps = [getattr(network, f"words_{synapse.source}_{stage.name}")
                           for stage, _, synapse in network.layout.synapses]
        self._moved = Signal()
        top = Module()
        top.submodules.linked = linked
        top.d.comb += self._moved.eq(Cat(
            stream.valid & stream.ready for stream in (linked.o, *self._streams.values())).any())
        self._simulator = Simulator(top)
        self._simulator.add_clock(1e-6)
        for bench in (self._drive, self._sample, self._watch):
            self._simulator.add_testbench(bench, background=True)

    def write(self, data):
        self._to_board += data
        return len(data)

    def read(self, count=1):
        end = self.cycles + LOOK
        while len(self._from_board) < count and self.cycles < end:
            self._simulator.advance()
            if self._stalled:
                raise OSError(self._stalled)
        found = bytes(self._from_board[:count])
        del self._from_board[:count]
        return found

    async def _drive(self, ctx):
        while True:
            if self._to_board:
                await stream_put(ctx, self.linked.i, self._to_board.pop(0))
            else:
                await ctx.tick()

    async def _sample(self, ctx):
        ctx.set(self.linked.o.ready, 1)
        async for _, _, valid, byte in ctx.tick().sample(
                self.linked.o.valid, self.linked.o.payload):
            self.cycles += 1
            if valid:
                self._from_board.append(byte)

    async def _watch(self, ctx):
        linked, before = self.linked, None
        async for _, _, busy, moved, *now in ctx.tick().sample(
                linked.link.busy, self._moved, *self._steps):
            self._still = 0 if not busy or moved or now != before else self._still + 1
            before = now
            if self._still == self.patience:
                self._stalled = (
                    f"it works on a request, and nothing has moved for {self.patience} cycles: "
                    + ", ".join(f"{name} offers {_offer(ctx, stream)}"
                                for name, stream in self._streams.items()))


def _offer(ctx, stream):
    if not ctx.get(stream.valid):
        return "nothing"
    return "what is accepted" if ctx.get(stream.ready) else "what is not accepted"
