"""A network that listens: the sound front end, and the network behind it."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.spec.errors import InvalidValue
from ...golden.spec.sound import FrontEnd
from ..core.network import NetworkCore
from .front_end import SAMPLE_WIDTH, FrontEndCore

__all__ = ["SoundNetworkCore"]


class SoundNetworkCore(wiring.Component):
    """Samples in, a class out for each clip of ``timesteps`` frames.

    Parameters
    ----------
    layout, trained
        Of the network, see :class:`qblif.hw.core.network.NetworkCore`.
    spec : :class:`qblif.golden.spec.sound.FrontEnd`

    Members
    -------
    i : ``In(stream.Signature(signed(16)))``
        Samples.
    trace_input, trace_input_valid : ``Out``
        Every transfer between front end and network, for test benches.

    All others are the network's.  Raises :class:`ValueError` for a network that does not take what
    the front end sends.
    """

    def __init__(self, layout, trained=None, spec=None):
        spec = spec or FrontEnd()
        source, timesteps = layout.spec.input, layout.spec.timesteps
        if layout.input.framed or source.static or source.size != spec.channels:
            raise InvalidValue(f"The sound front end makes {spec.channels} levels in each "
                               f"timestep, but the network's input is {source.shape}"
                               + (", the same in every timestep" if source.static else ""))
        if source.n_max < spec.n_max:
            raise InvalidValue(f"The sound front end makes levels up to {spec.n_max}, but the "
                               f"network's input takes {source.n_max}")
        self.network = NetworkCore(layout, trained)
        event = self.network.i.p.shape()
        self.front_end = FrontEndCore(spec, timesteps=timesteps, event=event)
        self.passed = {name: member for name, member in self.network.signature.members.items()
                       if name != "i"}
        super().__init__({"i": In(stream.Signature(signed(SAMPLE_WIDTH))),
                          "trace_input": Out(event), "trace_input_valid": Out(1)} | self.passed)

    def elaborate(self, platform):
        m = Module()
        m.submodules.front_end = front_end = self.front_end
        m.submodules.network = network = self.network
        wiring.connect(m, wiring.flipped(self.i), front_end.i)
        wiring.connect(m, front_end.o, network.i)
        wiring.connect(m, network.o, wiring.flipped(self.o))
        m.d.comb += [self.trace_input.eq(front_end.o.payload),
                     self.trace_input_valid.eq(front_end.o.valid & front_end.o.ready)]
        for name, member in self.passed.items():
            inside, outside = getattr(network, name), getattr(self, name)
            if member.is_port:
                m.d.comb += (inside.eq(outside) if member.flow == In else outside.eq(inside))
        return m
