"""Assertions of the hardware: checked in Amaranth's simulator, absent from what is synthesised.

Amaranth writes an ``Assert`` into the Verilog as a ``$write`` and an ``assert``, which not every
tool accepts, and which would keep the registers that only assertions read.  Amaranth's simulator
elaborates without a platform; whatever becomes Verilog has one, a board's or :data:`SYNTHESIS`.
"""

from amaranth.hdl import Assert

__all__ = ["SYNTHESIS", "check", "simulated"]


class Synthesis:
    """The platform of a design for no board in particular."""


SYNTHESIS = Synthesis()


def simulated(platform):
    """Whether a design is elaborated for Amaranth's simulator."""
    return platform is None


def check(m, platform, condition, message):
    """In simulation: :class:`AssertionError` with ``message`` unless ``condition`` holds."""
    if simulated(platform):
        m.d.sync += Assert(condition, message)
