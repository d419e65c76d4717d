"""Recurrence: an AER stream a timestep later, on its way back."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .payloads import index_shape

__all__ = ["Recurrence"]


class Recurrence(wiring.Component):
    """What an engine reads of a recurrent synapse: in a frame's first timestep nothing, then the
    events of the timestep before.

    No event is stored: the engine that reads them adds them up for its next timestep, as their end
    marker is the next one.  So an end marker alone goes ahead after a reset, and the events of a
    frame's last timestep are dropped, behind which its marker is that of the next frame's first::

        i          events 0  end 0  events 1  end 1   (two timesteps a frame)
        o     end  events 0  end 0            end 1

    A transfer passes without latency.

    Parameters
    ----------
    shape : :class:`qblif.hw.core.payloads.Event`
    timesteps : int

    Members
    -------
    i : ``In(stream.Signature(shape))``
    o : ``Out(stream.Signature(shape))``
    """

    def __init__(self, shape, timesteps):
        self.timesteps = timesteps
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        i, o = self.i, self.o
        started = Signal()
        timestep = Signal(index_shape(self.timesteps))
        last = timestep == self.timesteps - 1
        dropped = last & ~i.p.end
        with m.If(started):
            m.d.comb += [o.payload.eq(i.payload), o.valid.eq(i.valid & ~dropped),
                         i.ready.eq(o.ready | dropped)]
        with m.Else():
            m.d.comb += [o.p.end.eq(1), o.valid.eq(1)]
        with m.If(o.ready):
            m.d.sync += started.eq(1)
        with m.If(i.valid & i.ready & i.p.end):
            m.d.sync += timestep.eq(Mux(last, 0, timestep + 1))
        return m
