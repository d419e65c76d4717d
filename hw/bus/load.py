"""A network file as the writes that load it over a bus.  Neither torch nor Amaranth."""

import struct

from ..layout.memory_image import load_writes
from .registers import CONTROL, by_name, register_map

__all__ = ["bus_writes", "load_file"]


def bus_writes(trained, layout):
    """``(byte offset, value)`` of every register write that loads ``trained`` into hardware of this
    :class:`~qblif.hw.layout.compile.Layout` and arms it, in order.

    Raises :class:`ValueError` where ``layout`` is of another network.
    """
    layout.check(trained.spec)
    place = by_name(register_map(layout))
    yield CONTROL.offset, 1 << CONTROL.field("LOAD").low
    where = None
    for write in load_writes(trained, layout):
        if where is None or where[:2] != write[:2]:
            yield place["LOAD_PLACE"], write.stage | write.bank << 16
        if where != write[:3]:
            yield place["LOAD_ADDRESS"], write.address
        width = layout.stages[write.stage].load_banks[write.bank].width
        for part in reversed(range(-(-width // 32))):  # The lowest writes the word.
            yield place[f"LOAD_DATA_{part}"], write.data >> 32 * part & 0xFFFFFFFF
        where = write.stage, write.bank, write.address + 1
    yield CONTROL.offset, 1 << CONTROL.field("ARM").low


def load_file(trained, layout):
    """The writes as bytes: offset and value, 32 bits each, lowest byte first."""
    return b"".join(struct.pack("<II", *write) for write in bus_writes(trained, layout))
