"""A board without its serial pins in Amaranth's own simulator, as the host's serial port.

Slow, but nothing has to be built: for networks of a few neurons.
:mod:`qblif.sim.virtual_board` is for the others, and for the serial line bit by bit.
"""

from amaranth.sim import Simulator

from .stream import stream_put

__all__ = ["PysimPort"]

LOOK = 200  # Cycles that a read waits at most.


class PysimPort:
    """``read`` and ``write`` as of a serial port; time passes in ``read`` alone.

    ``linked`` is a :class:`qblif.hw.link.host_interface.HostInterface`; ``cycles`` is how many
    clock cycles have passed.
    """

    def __init__(self, linked):
        self.linked = linked
        self.cycles = 0
        self._to_board, self._from_board = bytearray(), bytearray()
        self._simulator = Simulator(linked)
        self._simulator.add_clock(1e-6)
        for bench in (self._drive, self._sample):
            self._simulator.add_testbench(bench, background=True)

    def write(self, data):
        self._to_board += data
        return len(data)

    def read(self, count=1):
        end = self.cycles + LOOK
        while len(self._from_board) < count and self.cycles < end:
            self._simulator.advance()
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
        while True:
            _, _, valid, byte = await ctx.tick().sample(self.linked.o.valid,
                                                        self.linked.o.payload)
            self.cycles += 1
            if valid:
                self._from_board.append(byte)
