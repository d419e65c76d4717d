"""What host and board say to each other: commands, registers and codes.  Standard library only.

The gateware (:mod:`qblif.hw.link.processor`) and the host (:mod:`qblif.boards.host.host`) both read
this file; docs/protocol.md is its prose.  Numbers travel lowest byte first, only the frame's CRC
highest first.
"""

import binascii
import zlib
from enum import IntEnum

__all__ = ["ARGUMENTS", "BANK_BYTES", "CRC_BYTES", "LEVELS_SPACE", "MAGIC", "MAX_PAYLOAD",
           "MOST_STAGES", "REGISTERS_SPACE", "RESULTS_SPACE", "ROOM", "ROOM_OVERHEAD", "RUN_DENSE",
           "RUN_FIRST", "RUN_LAST", "SCORES_SPACE", "STREAM_KEEP", "VERSION", "WINDOW", "Command",
           "LogicRegister", "Register", "State", "Status", "SynapseRegister", "argument_bytes",
           "checksum", "crc", "level_bits", "pack_dense", "pack_events", "pack_frame",
           "pack_request", "row_bytes", "synapse_register", "unpack_checked"]

MAGIC = int.from_bytes(b"QBLF", "little")
VERSION = 7

CRC_BYTES = 2
MAX_PAYLOAD = 500  # Bytes of a request without its CRC.
ROOM = 512  # Bytes of requests that every board holds: one small block RAM.  It may hold more.
ROOM_OVERHEAD = 4  # Of each request: its CRC and its size.
WINDOW = 16  # Requests that a host has under way at once, at most.


class Command(IntEnum):
    READ = 1  # Words of a memory, of recorded levels, or registers.
    BEGIN = 2  # A load: disarms.
    WRITE = 3  # A run of words of one memory.
    END = 4  # Of a load: arms where everything came.
    RUN = 5  # A frame of events, or a part of one.
    RESET = 6  # Disarms and forgets the frame under way.
    STREAM = 7  # Time-stamped events of a live stream.


class Status(IntEnum):
    OK = 0
    MALFORMED = 1  # An unknown command, a wrong length, an event outside of the network.
    DISARMED = 2  # A run, but no complete load has arrived.
    NOT_LOADING = 3  # A write or an end without its begin.
    INCOMPLETE = 4  # The end of a load came before its last word, or past it.
    CHECKSUM = 5  # The load's words are not those that were sent.
    ORDER = 6  # A part of a frame without its first part, or a read in the middle of a frame.


class State(IntEnum):
    DISARMED = 0
    LOADING = 1
    ARMED = 2


# Arguments of each command in their order, with their bytes; data may follow a WRITE and a RUN.
LOCATION = (("space", 1), ("bank", 2), ("address", 3), ("size", 1))
ARGUMENTS = {
    Command.READ: (*LOCATION, ("count", 2)),
    Command.BEGIN: (),
    Command.WRITE: LOCATION,
    Command.END: (("words", 4), ("checksum", 4)),
    Command.RUN: (("flags", 1),),
    Command.RESET: (),
    Command.STREAM: (("flags", 1), ("window", 4)),
}

RUN_FIRST, RUN_LAST = 1, 2  # Flags: a part that begins a frame (a stream), one that ends it.
RUN_DENSE = 4  # Flag: the bytes are those of :func:`pack_dense`.
STREAM_KEEP = 2  # Flag of a stream's first part: frames start with what the one before left.

# A space below LEVELS_SPACE is a stage's memories, see :mod:`qblif.hw.layout.memory_image`;
# LEVELS_SPACE + k the recorded levels of population k, a vector a word, in the order of its passes;
# SCORES_SPACE the last frame's scores, 32 bits each; RESULTS_SPACE the classes of a live stream.
# Of a network as logic space 0 has the frames, and RESULTS_SPACE their classes.
LEVELS_SPACE = 0x80
SCORES_SPACE = 0xFD
RESULTS_SPACE = 0xFE
REGISTERS_SPACE = 0xFF
MOST_STAGES = SCORES_SPACE - LEVELS_SPACE


class Register(IntEnum):
    """Addresses of the 32-bit registers."""

    MAGIC = 0
    VERSION = 1
    DIGEST_LOW = 2
    DIGEST_HIGH = 3
    CLOCK_HZ = 4
    SYNAPSES = 5
    WORDS = 6  # Of a complete load.
    LEVELS = 7  # Whether levels are recorded.
    STATE = 8
    LABEL = 9  # Of the last frame, as the cycles.
    CYCLES = 10
    CHECKSUM = 11  # Of the load that armed the board.
    LAYOUT_LOW = 12  # Digest of :class:`qblif.hw.layout.compile.Layout`.
    LAYOUT_HIGH = 13
    ROOM = 14  # Bytes of requests that wait on the board.


class SynapseRegister(IntEnum):
    """Offsets of one synapse's registers from :func:`synapse_register`."""

    STAGE = 0  # The population that it leads to.
    LANES = 1
    FIRE_LANES = 2  # Of the stage, as the next.
    BURST = 3  # Index of the mode in :data:`qblif.golden.spec.burst.MODES`.
    MEMORY = 4  # Index in :data:`qblif.hw.layout.memories.MEMORIES`.
    BUFFERS = 5
    EVENTS = 6  # Of the last frame.
    WORDS = 7
    QUANTISER = 8  # Index in :data:`qblif.hw.layout.plan.KINDS`.
    QUEUE = 9  # Of the plan; 0 where it names none.
    PORTS = 10
    SLACK = 11
    ORDER = 12  # Of the network: index in :data:`qblif.hw.layout.passes.ORDERS`.


class LogicRegister(IntEnum):
    """Registers of a network as logic, which has none of synapses: 0 is their number."""

    FRAMES = 16  # That its memory holds.
    BANKS = 17  # Of 32 bits each, side by side: a frame.
    PIXELS = 18  # Whether a frame is pixels of 8 bits, or levels.
    LATENCY = 19  # Clocks from a frame to its class.
    WEIGHTS_LOW = 20  # Digest of the weights in it.
    WEIGHTS_HIGH = 21
    SLOTS = 22  # Frames that enter in successive clocks,
    PERIOD = 23  # and clocks from the first of them to the first of the next: 1 and 1, one a clock.


BANK_BYTES = 4  # Of a frame in each bank.

SYNAPSE_REGISTERS = 16  # Addresses from one synapse's first register to the next one's.


def synapse_register(synapse, offset=0):
    """Address of register ``offset`` of synapse ``synapse``, counted stage by stage."""
    return 16 + SYNAPSE_REGISTERS * synapse + offset


def argument_bytes(command):
    """Bytes of all arguments of ``command``."""
    return sum(size for _, size in ARGUMENTS[command])


def pack_request(sequence, command, data=b"", **arguments):
    """A request's payload, without CRC and framing."""
    payload = bytes([sequence, command])
    for name, size in ARGUMENTS[command]:
        payload += arguments.pop(name).to_bytes(size, "little")
    assert not arguments and len(payload) + len(data) <= MAX_PAYLOAD
    return payload + data


def crc(payload):
    """CRC-16 with polynomial 0x1021, initial value and final inversion 0xFFFF ("GENIBUS").

    Without the inversion a zero behind the CRC would go unnoticed, and one flipped bit of a frame's
    delimiter makes one.
    """
    return binascii.crc_hqx(payload, 0xFFFF) ^ 0xFFFF


def unpack_checked(payload):
    """What is in front of the CRC, or ``None`` where the CRC does not agree."""
    data, found = payload[:-CRC_BYTES], payload[-CRC_BYTES:]
    return data if data and crc(data).to_bytes(CRC_BYTES, "big") == found else None


def checksum(written, state=0):
    """CRC-32 of all that the writes of a load carry: their arguments and their words."""
    return zlib.crc32(written, state)


def level_bits(n_max):
    """Bits of an event byte that hold the level; the others hold the skip."""
    return n_max.bit_length()


def pack_events(steps, n_max):
    """Event bytes of one frame: ``steps`` are sequences of levels, one a timestep that it brings.

    A byte is ``skip << level_bits | level``: pass ``skip`` neurons, then the next one has
    ``level``.  Level 0 passes ``skip`` neurons only; the byte 0 ends the timestep.
    """
    bits = level_bits(n_max)
    longest = (1 << 8 - bits) - 1
    found = bytearray()
    for levels in steps:
        skip = 0
        for level in levels:
            if not level:
                skip += 1
                continue
            while skip > longest:
                found.append(longest << bits)
                skip -= longest
            found.append(skip << bits | level)
            skip = 0
        found.append(0)
    return bytes(found)


def pack_dense(steps, n_max):
    """Bytes of one frame that hold every level, as many as fit, the first lowest; each timestep
    begins with a byte of its own."""
    bits = level_bits(n_max)
    count = 8 // bits
    return bytes(sum(level << bits * j for j, level in enumerate(levels[k:k + count]))
                 for levels in steps for k in range(0, len(levels), count))


def pack_frame(steps, n_max):
    """The shorter of the two codings of a frame: ``(flags, bytes)``."""
    sparse, dense = pack_events(steps, n_max), pack_dense(steps, n_max)
    return (0, sparse) if len(sparse) <= len(dense) else (RUN_DENSE, dense)


def row_bytes(width):
    """Bytes of one word of ``width`` bits."""
    return max(1, -(-width // 8))
