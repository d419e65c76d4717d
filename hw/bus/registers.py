"""The registers of a network on a bus: one table, from which the gateware, the documentation and
the C header are made.  Neither torch nor Amaranth.

All registers have 32 bits; offsets are in bytes.  An access that a register does not offer gets an
error response and changes nothing.  No read has a side effect.
"""

from dataclasses import dataclass

from ...golden.spec.errors import InvalidValue

__all__ = ["CONTROL", "ERRORS", "FIRST_DATA", "FIXED", "Field", "ID", "LOADS", "Register",
           "SPACE_BITS", "STATUS", "VERSION", "by_name", "data_parts", "register_map"]

ID = int.from_bytes(b"QBLF", "little")
VERSION = 1
SPACE_BITS = 12  # Of the byte address: 4 KiB.
COUNTERS, LOADS = 0x40, 0x800  # Where the synapses' counters, and the registers of loads, begin.
FIRST_DATA = LOADS + 0x10


@dataclass(frozen=True)
class Field:
    """Bits ``low`` to ``low + width`` of a register."""

    name: str
    low: int
    text: str
    width: int = 1


@dataclass(frozen=True)
class Register:
    """``access`` is ``"r"``, ``"w"`` or ``"rw"``."""

    name: str
    offset: int
    access: str
    text: str
    fields: tuple[Field, ...] = ()

    def field(self, name):
        """The :class:`Field` called ``name``."""
        return next(field for field in self.fields if field.name == name)


CONTROL = Register("CONTROL", 0x20, "w", "Actions; several bits may be set", (
    Field("RESET", 0, "Reset the network, and clear. The frames under way have no result; the rest "
                      "of a frame that has begun is dropped"),
    Field("CLEAR", 1, "Zero counters and errors"),
    Field("LOAD", 2, "Reset, disarm and expect a complete load"),
    Field("ARM", 3, "Accept frames; an error unless a complete load was written"),
    Field("NEW_FRAME", 4, "With RESET or LOAD: the source was reset too, its next transfer begins "
                          "a frame"),
))

ERRORS = ("EARLY", "LATE", "RANGE", "ORDER")
STATUS = Register("STATUS", 0x24, "r", "State, and errors since the last clear", (
    Field("ARMED", 0, "Frames are accepted"),
    Field("BUSY", 1, "A frame is under way, or its result is not taken yet"),
    Field("DROPPING", 2, "The rest of a frame is being dropped, up to its tlast"),
    Field("EARLY", 8, "tlast came before the last end of a timestep"),
    Field("LATE", 9, "The last end of a timestep came without tlast"),
    Field("RANGE", 10, "An event of no neuron of the input, or beyond its N_max"),
    Field("ORDER", 11, "An address that was not above the one before it in its timestep"),
))

FIXED = (
    Register("ID", 0x00, "r", "The letters QBLF, 0x464c4251"),
    Register("VERSION", 0x04, "r", "Of this register map: 1"),
    Register("NETWORK_LOW", 0x08, "r", "Digest of the network, low half"),
    Register("NETWORK_HIGH", 0x0C, "r", "Digest of the network, high half"),
    Register("LAYOUT_LOW", 0x10, "r", "Digest of the layout, low half"),
    Register("LAYOUT_HIGH", 0x14, "r", "Digest of the layout, high half"),
    Register("LOAD_WORDS", 0x18, "r", "Words of a complete load"),
    Register("SYNAPSES", 0x1C, "r", "Number of synapses"),
    CONTROL,
    STATUS,
    Register("MISSING", 0x28, "r", "Words of a load that are still to be written; all ones where "
                                   "there were too many"),
    Register("FRAMES", 0x2C, "r", "Frames that entered the network, refused ones too"),
    Register("REFUSED", 0x30, "r", "Frames that entered with an error"),
    Register("CYCLES", 0x34, "r", "Clock cycles with a frame in the network"),
    Register("LOAD_PLACE", LOADS, "w", "Where the next word goes, in the numbers of the manifest's "
             "`load_banks`", (Field("STAGE", 0, "Stage", 8), Field("BANK", 16, "Load bank", 16))),
    Register("LOAD_ADDRESS", LOADS + 4, "w", "Address in that bank; steps on with each word"),
)


def data_parts(layout):
    """Registers that hold the widest word of a load."""
    return max(-(-stage.load_extent["width"] // 32) for stage in layout.stages)


def register_map(layout, readback=False):
    """Every :class:`Register` of a network of this :class:`~qblif.hw.layout.compile.Layout`, by
    offset.

    Raises :class:`ValueError` where two synapses would give one name, and for more synapses than
    there is room for.
    """
    access, found = "rw" if readback else "w", list(FIXED)
    most = (LOADS - COUNTERS) // 8
    if len(layout.synapses) > most:
        raise InvalidValue(f"A network on a bus can have {most} synapses, not "
                           f"{len(layout.synapses)}")
    for number, (_, _, synapse) in enumerate(layout.synapses):
        name, offset = f"{synapse.source}_{synapse.target}".upper(), COUNTERS + 8 * number
        found += [Register(f"EVENTS_{name}", offset, "r", f"Events of {synapse.name}"),
                  Register(f"WORDS_{name}", offset + 4, "r", f"Lane-cycles of {synapse.name}")]
    for part in range(data_parts(layout)):
        text = (f"Bits {32 * part} to {32 * part + 31} of the word" if part else
                "Bits 0 to 31 of the word; writing them writes the word")
        found.append(Register(f"LOAD_DATA_{part}", FIRST_DATA + 4 * part, access, text))
    names = [register.name for register in found]
    for name in names:
        if names.count(name) > 1:
            raise InvalidValue(f"Two synapses would have the register {name}: rename a population")
    return sorted(found, key=lambda register: register.offset)


def by_name(registers):
    """``{name: offset}``."""
    return {register.name: register.offset for register in registers}
