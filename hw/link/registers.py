"""Registers that the host reads, of a network in memories and of one as logic."""

from amaranth import *

from .protocol import MAGIC, VERSION, Register

__all__ = ["common_registers", "read_register"]


def common_registers(spec, clock_hz, room, link, label, cycles):
    """Values by address that every board has: of the network ``spec`` behind the
    :class:`~qblif.hw.link.processor.CommandProcessor` ``link``."""
    digest = int(spec.digest, 16)
    return {
        Register.MAGIC: MAGIC, Register.VERSION: VERSION,
        Register.DIGEST_LOW: digest & 0xFFFFFFFF, Register.DIGEST_HIGH: digest >> 32,
        Register.CLOCK_HZ: clock_hz, Register.WORDS: link.words, Register.STATE: link.state,
        Register.LABEL: label, Register.CYCLES: cycles, Register.CHECKSUM: link.checksum,
        Register.ROOM: room}


def read_register(m, address, registers):
    """The register at the address, a cycle later; beyond the last they repeat."""
    register = Signal(32)
    with m.Switch(address[:max(registers).bit_length()]):
        for place, value in registers.items():
            with m.Case(place):
                m.d.sync += register.eq(value)
        with m.Default():
            m.d.sync += register.eq(0)
    return register
