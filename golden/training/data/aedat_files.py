"""jAER's and cAER's AEDAT files of a DVS128: version 2.0, in which CIFAR10-DVS lies, and 3.1, in
which DVS128 Gesture does."""

import numpy as np

from ...spec.errors import InvalidValue
from .recordings import check_within, in_order, read_bytes

__all__ = ["DVS128", "read_aedat"]

DVS128 = (128, 128)  # Rows and columns.
VERSION_2, VERSION_3 = b"#!AER-DAT2.0", b"#!AER-DAT3.1"

EVENT_BYTES = 8  # Of both versions: an address and a time.
SPECIAL = 0x8000  # A signal at the camera's connector, no pixel.

END_OF_HEADER = b"#!END-HEADER\r\n"
PACKET, POLARITY_EVENT = 28, 1


def read_aedat(path):
    """``(t, x, y, p)`` of an AEDAT file of a DVS128, of version 2.0 or 3.1.

    Raises :class:`ValueError` for a damaged file, or another version's.
    """
    data = read_bytes(path)
    version = data.split(b"\n", 1)[0].rstrip()
    if version not in (VERSION_2, VERSION_3):
        raise InvalidValue(f"{path}: must start with {VERSION_2.decode()} or {VERSION_3.decode()}, "
                           f"not {version[:24]!r}")
    return (_version_2 if version == VERSION_2 else _version_3)(path, data)


def _version_2(path, data):
    """Big-endian pairs of an address and a time behind lines of text that start with #.

    Bit 0 of an address is 0 where it became brighter, bits 1..7 and 8..14 are the pixel's place.
    As the data set's readers do, both are counted from the other end and exchanged: so the images
    of CIFAR10-DVS stand upright.
    """
    start = 0
    while data[start:start + 1] == b"#":  # No address of a DVS128 starts with it.
        start = data.find(b"\n", start) + 1 or len(data)
    body = data[start:]
    if not body:
        raise InvalidValue(f"{path}: holds no events")
    if len(body) % EVENT_BYTES:
        raise InvalidValue(f"{path}: truncated, {len(body)} bytes are no whole events of "
                           f"{EVENT_BYTES}")
    address, t = np.frombuffer(body, ">u4").reshape(-1, 2).astype(np.int64).T
    if address.max() > 0xFFFF:
        raise InvalidValue(f"{path}: addresses must be those of a DVS128, of 16 bits, not "
                           f"0x{address.max():x}")
    pixel = address & SPECIAL == 0
    if not pixel.any():
        raise InvalidValue(f"{path}: holds no polarity events")
    address, t = address[pixel], t[pixel]
    return in_order(t, 127 - (address >> 8 & 127), 127 - (address >> 1 & 127), 1 - (address & 1))


def _version_3(path, data):
    """The valid polarity events of packets, each of which has a header."""
    position = data.find(END_OF_HEADER) + len(END_OF_HEADER)
    if position < len(END_OF_HEADER):
        raise InvalidValue(f"{path}: truncated, its header has no end")
    words, times = [], []
    while position < len(data):
        header = data[position:position + PACKET]
        if len(header) < PACKET:
            raise InvalidValue(f"{path}: truncated in the header of a packet at byte {position}")
        kind, size, overflow, capacity, number = (
            int(np.frombuffer(header, form, 1, at)[0])
            for form, at in (("<i2", 0), ("<i4", 4), ("<i4", 12), ("<i4", 16), ("<i4", 20)))
        body = data[position + PACKET:position + PACKET + max(size, 0) * max(capacity, 0)]
        if size <= 0 or not 0 <= number <= capacity or len(body) < size * capacity:
            raise InvalidValue(f"{path}: damaged or truncated in the packet at byte {position}")
        if kind == POLARITY_EVENT:
            if size != EVENT_BYTES:
                raise InvalidValue(f"{path}: polarity events must have {EVENT_BYTES} bytes, "
                                   f"not {size}")
            events = np.frombuffer(body, "<u4", 2 * number).reshape(-1, 2).astype(np.int64)
            words.append(events[:, 0])
            times.append(events[:, 1] + (overflow << 31))
        position += PACKET + size * capacity
    if not words:
        raise InvalidValue(f"{path}: holds no polarity events")
    word, t = np.concatenate(words), np.concatenate(times)
    word, t = word[word & 1 == 1], t[word & 1 == 1]
    return check_within(path, DVS128, t, word >> 17 & 0x7FFF, word >> 2 & 0x7FFF, word >> 1 & 1)
